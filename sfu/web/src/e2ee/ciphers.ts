// AEADs of SFrame and of sealed messages.
import type { Bytes } from "./bytes.ts";

/** `open` gives null where the tag does not hold, and nothing else of the plaintext. */
export interface Aead {
  seal(nonce: Bytes, additional: Bytes, plaintext: Bytes): Promise<Bytes>;
  open(nonce: Bytes, additional: Bytes, ciphertext: Bytes): Promise<Bytes | null>;
}

export const GCM_TAG_BYTES = 16;

/** AES-GCM with a tag of 16 bytes, by the length of the key AES-128 or AES-256. */
export async function gcm(key: Bytes): Promise<Aead> {
  const imported = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
  const parameters = (nonce: Bytes, additional: Bytes): AesGcmParams => ({
    name: "AES-GCM",
    iv: nonce,
    additionalData: additional,
    tagLength: GCM_TAG_BYTES * 8,
  });
  return {
    async seal(nonce, additional, plaintext) {
      return new Uint8Array(await crypto.subtle.encrypt(parameters(nonce, additional), imported, plaintext));
    },
    async open(nonce, additional, ciphertext) {
      if (ciphertext.length < GCM_TAG_BYTES) return null;
      try {
        return new Uint8Array(await crypto.subtle.decrypt(parameters(nonce, additional), imported, ciphertext));
      } catch {
        return null; // an OperationError without words, whatever was wrong
      }
    },
  };
}
