// HKDF (RFC 5869) on WebCrypto. Secrets to derive from are kept as keys that nobody can export.
import { type Bytes, EMPTY, utf8 } from "./bytes.ts";

export type Hash = "SHA-256" | "SHA-512";

/** `secret` is copied: the caller may wipe it. */
export function importSecret(secret: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
}

export async function derive(
  secret: CryptoKey,
  info: Bytes | string,
  length: number,
  { salt = EMPTY, hash = "SHA-256" }: { salt?: Bytes; hash?: Hash } = {},
): Promise<Bytes> {
  const parameters = { name: "HKDF", hash, salt, info: typeof info === "string" ? utf8(info) : info };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, secret, length * 8));
}

/** A secret derived, itself to derive from. */
export async function deriveSecret(secret: CryptoKey, info: string): Promise<CryptoKey> {
  const bytes = await derive(secret, info, 32);
  try {
    return await importSecret(bytes);
  } finally {
    bytes.fill(0);
  }
}
