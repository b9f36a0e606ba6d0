// The bytes of an encoded frame that stay in clear, by codec (PROTOCOL.md, "Frames").
import { EMPTY, type Bytes } from "./bytes.ts";

export const CODEC_NAMES = ["opus", "VP8", "VP9"] as const;
export type CodecName = (typeof CODEC_NAMES)[number];

const METADATA_VERSION = 0;

export interface Envelope {
  readonly clear: Bytes;
  /** What SFrame authenticates besides its header: version, envelope id, clear bytes. */
  readonly metadata: Bytes;
}

const NOTHING = envelope(0, EMPTY);
const VP8_KEY = envelope(1, Uint8Array.of(0x10));
const VP8_DELTA = envelope(1, Uint8Array.of(0x11));

function envelope(id: number, clear: Bytes): Envelope {
  return { clear, metadata: Uint8Array.of(METADATA_VERSION, id, ...clear) };
}

/** For a frame fresh from the encoder, which must not be empty. */
export function envelopeOf(codec: CodecName, frame: Uint8Array): Envelope {
  if (codec !== "VP8") return NOTHING;
  // RFC 6386 section 9.1: the first bit of the frame tag is 0 in a key frame.
  return (frame[0] ?? 0) & 1 ? VP8_DELTA : VP8_KEY;
}

/** Of a frame as it comes from the network; null where its clear bytes cannot be. */
export function parseEnvelope(codec: CodecName, data: Uint8Array): Envelope | null {
  if (codec !== "VP8") return NOTHING;
  if (data[0] === VP8_KEY.clear[0]) return VP8_KEY;
  return data[0] === VP8_DELTA.clear[0] ? VP8_DELTA : null;
}

/** Whether a decoder can begin with this frame, by what was authenticated: `clear` or, where that says nothing, the frame itself. */
export function isKeyFrame(codec: CodecName, clear: Uint8Array, frame: Uint8Array): boolean {
  if (codec === "opus") return true; // each stands for itself
  if (codec === "VP8") return clear[0] === VP8_KEY.clear[0];
  // VP9 bitstream section 6.2, the uncompressed header: marker (2 bits), profile (2, or 3 where they are set), then two bits
  // that are 0: no frame of before is shown, and this is a key frame.
  const [first = 0] = frame;
  const at = (first & 0x30) === 0x30 ? 5 : 4;
  return first >> 6 === 2 && ((first << at) & 0xc0) === 0;
}

/** By the MIME type of a frame's metadata; null where it has no envelope. RED (RFC 2198) carries opus here and goes as it does. */
export function codecOf(mimeType: string): CodecName | null {
  const name = mimeType.slice(mimeType.indexOf("/") + 1).toLowerCase();
  if (name === "red") return "opus";
  return CODEC_NAMES.find((known) => known.toLowerCase() === name) ?? null;
}
