// Sealed messages (PROTOCOL.md): what the server carries in binary frames and cannot read.
import { concat, random, utf8, type Bytes } from "./bytes.ts";
import { gcm, GCM_TAG_BYTES, type Aead } from "./ciphers.ts";
import { derive } from "./hkdf.ts";

const VERSION = 0;
const SALT_BYTES = 24;
const BLOCK_BYTES = 256;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;

/** That of the binary frame (sfu/signaling/PROTOCOL.md), and its plaintext's bound with length and zeros. */
export interface MessageKind {
  readonly id: number;
  readonly plaintextBytes: number;
}
export const PROFILE: MessageKind = { id: 1, plaintextBytes: 3840 };
export const CHAT: MessageKind = { id: 3, plaintextBytes: 8192 };

export const MESSAGE_COUNTS = ["message_forged", "message_malformed", "message_replayed"] as const;
export type MessageCount = (typeof MESSAGE_COUNTS)[number];

/** A message that is dropped, and the name it is counted under. */
export class MessageError extends Error {
  constructor(readonly count: MessageCount) {
    super(count);
    this.name = "MessageError";
  }
}

/** What this client was asked to send and may not. */
export class UnsendableError extends Error {
  constructor(
    readonly code: "bad_name" | "bad_text" | "too_large",
    message: string,
  ) {
    super(message);
    this.name = "UnsendableError";
  }
}

export interface Channel {
  readonly kind: MessageKind;
  readonly key: CryptoKey;
  readonly roomId: Bytes;
}

/** Throws UnsendableError where it would be too long. `salt` is for tests: else 24 random bytes for each message. */
export async function seal(channel: Channel, value: unknown, salt = random(SALT_BYTES)): Promise<Bytes> {
  const json = utf8(JSON.stringify(value));
  const length = Math.ceil((2 + json.length) / BLOCK_BYTES) * BLOCK_BYTES;
  if (length > channel.kind.plaintextBytes) throw new UnsendableError("too_large", "too long to be sent");
  const plaintext = new Uint8Array(length);
  plaintext.set([json.length >> 8, json.length & 0xff]);
  plaintext.set(json, 2);
  const { aead, nonce } = await cipher(channel, salt);
  return concat(Uint8Array.of(VERSION), salt, await aead.seal(nonce, additional(channel), plaintext));
}

/** The JSON within, not looked into. Throws MessageError. */
export async function openSealed(channel: Channel, data: Bytes): Promise<unknown> {
  const begin = 1 + SALT_BYTES;
  if (data.length < begin + GCM_TAG_BYTES || data[0] !== VERSION) throw new MessageError("message_forged");
  if (data.length > begin + channel.kind.plaintextBytes + GCM_TAG_BYTES) throw new MessageError("message_malformed");
  const { aead, nonce } = await cipher(channel, data.slice(1, begin));
  const plaintext = await aead.open(nonce, additional(channel), data.subarray(begin));
  if (!plaintext) throw new MessageError("message_forged");
  const [high, low] = plaintext;
  if (high === undefined || low === undefined) throw new MessageError("message_malformed");
  const end = 2 + ((high << 8) | low);
  if (end > plaintext.length) throw new MessageError("message_malformed");
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plaintext.subarray(2, end));
    return JSON.parse(text) as unknown;
  } catch {
    throw new MessageError("message_malformed");
  }
}

async function cipher({ key }: Channel, salt: Bytes): Promise<{ aead: Aead; nonce: Bytes }> {
  const derived = await derive(key, "sfu/0 seal", KEY_BYTES + NONCE_BYTES, { salt });
  return { aead: await gcm(derived.slice(0, KEY_BYTES)), nonce: derived.slice(KEY_BYTES) };
}

function additional({ kind, roomId }: Channel): Bytes {
  return concat(utf8("sfu/0"), Uint8Array.of(kind.id), roomId);
}
