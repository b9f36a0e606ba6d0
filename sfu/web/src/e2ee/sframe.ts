// SFrame (RFC 9605): the keys of a KID, one ciphertext sealed and opened. Counters and windows are others' affair.
import { concat, fromBigInt, toBigInt, utf8, type Bytes } from "./bytes.ts";
import { gcm, type Aead } from "./ciphers.ts";
import { derive, type Hash } from "./hkdf.ts";
import { encodeHeader, type Header } from "./sframe_header.ts";

export const NONCE_BYTES = 12;

/** A row of RFC 9605 section 4.5. */
export interface Suite {
  readonly id: number;
  readonly hash: Hash;
  readonly keyBytes: number;
  aead(key: Bytes): Promise<Aead>;
}

export const AES_128_GCM_SHA256_128: Suite = { id: 4, hash: "SHA-256", keyBytes: 16, aead: gcm };
export const AES_256_GCM_SHA512_128: Suite = { id: 5, hash: "SHA-512", keyBytes: 32, aead: gcm };

/** Key and salt of one KID. Sealing twice with one counter is the caller's sin: see `SendingSource`. */
export class SframeKey {
  private constructor(
    private readonly aead: Aead,
    private readonly salt: bigint,
  ) {}

  /** Section 4.4.2. */
  static async derive(suite: Suite, kid: bigint, baseKey: CryptoKey): Promise<SframeKey> {
    const { key, salt } = await deriveBytes(suite, kid, baseKey);
    try {
      return new SframeKey(await suite.aead(key), toBigInt(salt));
    } finally {
      key.fill(0);
      salt.fill(0);
    }
  }

  /** Header, ciphertext and tag. */
  async seal(header: Header, metadata: Bytes, plaintext: Bytes): Promise<Bytes> {
    const encoded = encodeHeader(header);
    return concat(encoded, await this.aead.seal(this.nonce(header), concat(encoded, metadata), plaintext));
  }

  /** `ciphertext` with its tag; null where that does not hold. */
  open(header: Header, metadata: Bytes, ciphertext: Bytes): Promise<Bytes | null> {
    return this.aead.open(this.nonce(header), concat(encodeHeader(header), metadata), ciphertext);
  }

  private nonce({ counter }: Header): Bytes {
    return fromBigInt(this.salt ^ counter, NONCE_BYTES);
  }
}

/** Key and salt as such, for test vectors. */
export async function deriveBytes(suite: Suite, kid: bigint, baseKey: CryptoKey): Promise<{ key: Bytes; salt: Bytes }> {
  const tail = concat(fromBigInt(kid, 8), fromBigInt(BigInt(suite.id), 2));
  const expand = (label: string, length: number): Promise<Bytes> =>
    derive(baseKey, concat(utf8(label), tail), length, { hash: suite.hash });
  return {
    key: await expand("SFrame 1.0 Secret key ", suite.keyBytes),
    salt: await expand("SFrame 1.0 Secret salt ", NONCE_BYTES),
  };
}
