// AES-CTR with HMAC (RFC 9605 section 4.5.1): SFrame suites 1 to 3, which no link of ours names. They are here so that all
// vectors of the RFC run through our SFrame; the bundle leaves them out.
import { concat, fromBigInt, type Bytes } from "./bytes.ts";
import type { Aead } from "./ciphers.ts";

const KEY_BYTES = 16;

/** `key`: 16 bytes for AES-CTR, the rest for HMAC-SHA256. */
export async function ctrHmac(key: Bytes, tagBytes: number): Promise<Aead> {
  const encrypting = await crypto.subtle.importKey("raw", key.slice(0, KEY_BYTES), "AES-CTR", false, ["encrypt"]);
  const hmac = { name: "HMAC", hash: "SHA-256" };
  const authenticating = await crypto.subtle.importKey("raw", key.slice(KEY_BYTES), hmac, false, ["sign"]);

  async function crypt(nonce: Bytes, text: Bytes): Promise<Bytes> {
    const parameters = { name: "AES-CTR", counter: concat(nonce, new Uint8Array(4)), length: 32 };
    return new Uint8Array(await crypto.subtle.encrypt(parameters, encrypting, text));
  }

  async function tagOf(nonce: Bytes, additional: Bytes, ciphertext: Bytes): Promise<Bytes> {
    const lengths = [additional.length, ciphertext.length, tagBytes].map((length) => fromBigInt(BigInt(length), 8));
    const signed = concat(...lengths, nonce, additional, ciphertext);
    return new Uint8Array(await crypto.subtle.sign("HMAC", authenticating, signed)).slice(0, tagBytes);
  }

  return {
    async seal(nonce, additional, plaintext) {
      const ciphertext = await crypt(nonce, plaintext);
      return concat(ciphertext, await tagOf(nonce, additional, ciphertext));
    },
    async open(nonce, additional, sealed) {
      if (sealed.length < tagBytes) return null;
      const ciphertext = sealed.slice(0, sealed.length - tagBytes);
      const expected = await tagOf(nonce, additional, ciphertext);
      const differing = expected.reduce((bits, byte, at) => bits | (byte ^ (sealed[ciphertext.length + at] ?? 0)), 0);
      return differing ? null : crypt(nonce, ciphertext);
    },
  };
}
