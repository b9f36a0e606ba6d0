// The golden vectors of both clients, and what opens them. Tests run in sfu/web.
import { existsSync, readFileSync } from "node:fs";
import type { Bytes } from "../src/e2ee/bytes.ts";
import { LinkKeys, roomKeys } from "../src/e2ee/keys.ts";
import type { CodecName } from "../src/e2ee/envelope.ts";
import type { FrameCount } from "../src/e2ee/frame_opener.ts";
import type { MediaKind, SourceKind } from "../src/e2ee/source.ts";

interface Sealed {
  name: string;
  sealed: string;
}
export interface FrameVector extends Sealed {
  source: SourceKind;
  media: MediaKind;
  codec: string;
  kid: string;
  counter: string;
  time_ms: number;
  padding: number | null;
  frame: string;
  is_key: boolean;
}
export interface InvalidFrame extends Sealed {
  media: MediaKind;
  codec: string;
  count: string | null;
}
export interface MessageVector extends Sealed {
  json: string;
  value: Record<string, unknown>;
  salt: string;
}
export interface Vectors {
  link: {
    secret: string;
    room: string;
    accepted: { link: string; server: string }[];
    refused: { name: string; link: string; code: string }[];
  };
  apart: {
    joined: { link: string; key: string; whole: string }[];
    refused: { name: string; link: string; key: string; code: string }[];
  };
  keys: Record<"room_id" | "frames" | "profiles" | "chat", string> & { kids: { kid: string; key: string; salt: string }[] };
  sources: { source: SourceKind; kid: string }[];
  frames: FrameVector[];
  frames_invalid: InvalidFrame[];
  replay: { counter: string; count: string | null }[];
  pictures: { codec: string; steps: { source: SourceKind; sealed: string; count: FrameCount | null }[] }[];
  profiles: MessageVector[];
  profiles_invalid: (Sealed & { count: string })[];
  chat: MessageVector[];
  chat_invalid: (Sealed & { count: string })[];
}

export const VECTORS = JSON.parse(readFileSync("../../tests/vectors/e2ee.json", "utf8")) as Vectors;
export const SENDER = "oKGio6SlpqeoqaqrrK2urw";

const RFC_9605 = "../../../shared/vectors/sframe-rfc9605.json";
const NOT_THERE = "the vectors of RFC 9605 are not beside this repository";

/** Null, and why, where they are not there. */
export function rfc9605(): { vectors: Record<string, Record<string, string | number>[]> | null; skip: string | false } {
  if (!existsSync(RFC_9605)) return { vectors: null, skip: NOT_THERE };
  return { vectors: JSON.parse(readFileSync(RFC_9605, "utf8")), skip: false };
}

export function unhex(text: string): Bytes {
  return Uint8Array.from(text.match(/../g) ?? [], (byte) => parseInt(byte, 16));
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function codec(name: string): CodecName {
  return name === "OPUS" ? "opus" : (name as CodecName);
}

export function linkKeys(draw?: () => bigint) {
  return roomKeys(unhex(VECTORS.link.secret)).then(({ frames }) => new LinkKeys(frames, draw));
}

/** With a sender who has claimed the KIDs of the vectors, and these. */
export async function claimedKeys(...more: { kid: string; source: SourceKind }[]): Promise<LinkKeys> {
  const keys = await linkKeys();
  for (const { kid, source } of [...VECTORS.sources, ...more]) keys.claim(SENDER, BigInt(`0x${kid}`), source);
  return keys;
}

/** The same numbers in each run: xorshift32. */
export function seeded(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
