// The header within the ciphertext (PROTOCOL.md, "Frames"): when the frame was captured, and padding.
import { fromBigInt, toBigInt, type Bytes } from "./bytes.ts";

const TIME = 0x01;
const PADDING = 0x02;
const TIME_BYTES = 6;
const PADDING_BYTES = 2;

export interface Inner {
  readonly frame: Bytes;
  /** Milliseconds since 1970 by the sender's clock. */
  readonly timeMs: number | null;
}

/** `padding` zero bytes go to the end; without it the field is not there either. */
export function encodeInner(frame: Uint8Array, timeMs: number, padding?: number): Bytes {
  const begin = 1 + TIME_BYTES + (padding === undefined ? 0 : PADDING_BYTES);
  const plaintext = new Uint8Array(begin + frame.length + (padding ?? 0));
  plaintext[0] = padding === undefined ? TIME : TIME | PADDING;
  plaintext.set(fromBigInt(BigInt(Math.max(0, Math.min(Math.floor(timeMs), 2 ** 48 - 1))), TIME_BYTES), 1);
  if (padding !== undefined) plaintext.set(fromBigInt(BigInt(padding), PADDING_BYTES), 1 + TIME_BYTES);
  plaintext.set(frame, begin);
  return plaintext;
}

/** Why it is none: the sender's version is another, or it is too short for its flags. */
export type InnerFault = "newer" | "malformed";

/** A frame without a byte is none: no decoder wants it. */
export function parseInner(plaintext: Bytes): Inner | InnerFault {
  const flags = plaintext[0];
  if (flags === undefined) return "malformed";
  if (flags & ~(TIME | PADDING)) return "newer";
  let begin = 1;
  let end = plaintext.length;
  let timeMs: number | null = null;
  if (flags & TIME) {
    timeMs = Number(toBigInt(plaintext.subarray(begin, begin + TIME_BYTES)));
    begin += TIME_BYTES;
  }
  if (flags & PADDING) {
    end -= Number(toBigInt(plaintext.subarray(begin, begin + PADDING_BYTES)));
    begin += PADDING_BYTES;
  }
  return begin < end ? { frame: plaintext.subarray(begin, end), timeMs } : "malformed";
}
