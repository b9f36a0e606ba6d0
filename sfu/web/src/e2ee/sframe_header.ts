// The SFrame header (RFC 9605 section 4.3): KID and counter, each within the first byte below 8, else in as few bytes as
// hold it.
//
//      0 1 2 3 4 5 6 7
//     |X| K   |Y| C   | KID, K + 1 bytes if X | counter, C + 1 bytes if Y
import { concat, EMPTY, fromBigInt, toBigInt, type Bytes } from "./bytes.ts";

export const U64_END = 1n << 64n;

export interface Header {
  readonly kid: bigint;
  readonly counter: bigint;
}

export interface ParsedHeader extends Header {
  /** Where the ciphertext begins. */
  readonly end: number;
}

export function encodeHeader({ kid, counter }: Header): Bytes {
  const [kidBits, kidBytes] = encodeNumber(kid);
  const [counterBits, counterBytes] = encodeNumber(counter);
  return concat(Uint8Array.of((kidBits << 4) | counterBits), kidBytes, counterBytes);
}

/** The header at `begin`; null where it is cut short or a number is longer than need be. */
export function parseHeader(data: Uint8Array, begin = 0): ParsedHeader | null {
  const config = data[begin];
  if (config === undefined) return null;
  const kid = parseNumber(data, begin + 1, config >> 4);
  const counter = kid && parseNumber(data, kid.end, config & 15);
  return counter && { kid: kid.value, counter: counter.value, end: counter.end };
}

function encodeNumber(value: bigint): [bits: number, bytes: Bytes] {
  if (value < 0n || value >= U64_END) throw new RangeError("a KID or counter has 64 bits");
  if (value < 8n) return [Number(value), EMPTY];
  const length = Math.ceil(value.toString(16).length / 2);
  return [8 | (length - 1), fromBigInt(value, length)];
}

function parseNumber(data: Uint8Array, begin: number, bits: number): { value: bigint; end: number } | null {
  if (!(bits & 8)) return { value: BigInt(bits), end: begin };
  const end = begin + (bits & 7) + 1;
  if (end > data.length || data[begin] === 0) return null;
  const value = toBigInt(data.subarray(begin, end));
  return value < 8n ? null : { value, end };
}
