/** The messages of sfu/signaling/PROTOCOL.md as bytes and types. What comes in is checked before it is believed to have a type. */

export const VERSION = 0;
export const SUBPROTOCOL = "sfu.0";

/** Kinds of binary frames. */
export const KIND_PROFILE = 1;
export const KIND_RELAY = 2;
export const KIND_CHAT = 3;

const HEADER_BYTES = 10;

// ---- requests ----

export interface ViewSlot {
  slot: number;
  participant: number | "auto";
  nth?: number;
  max_height?: number | null;
  priority?: number;
}

export type Demand =
  | { type: "peek"; room: string; token?: string }
  | { type: "join"; room: string; token?: string }
  | { type: "offer"; sdp: string; heights: Record<string, number[]> }
  | { type: "view"; slots: ViewSlot[] }
  | { type: "roster"; begin?: number }
  | { type: "leave" };

// ---- answers ----

export interface Limits {
  text_bytes: number;
  binary_bytes: number;
  messages_per_second: number;
  message_burst: number;
  relay_bytes_per_second: number;
  relay_burst_bytes: number;
  profile_bytes: number;
  resume_seconds: number;
}

export interface Welcome {
  type: "welcome";
  id: number;
  version: number;
  session: string;
  resumed: boolean;
  limits: Limits;
  ice_servers: RTCIceServer[];
}

export interface RosterPage {
  participants: { participant: number; tracks: { track: number; kind: "audio" | "video" }[]; away?: boolean }[];
  total: number;
  next: number;
}

export interface Settings {
  codecs: string[];
  slots: number;
  extra_audio_slots: number;
  slots_max: number;
}

export interface Joined {
  type: "joined";
  id: number;
  participant: number;
  roster: RosterPage;
  settings: Settings;
}

export interface Answer {
  type: "answer";
  id: number;
  sdp: string;
  /** Counts the session's transports: with another number than the last the keys of DTLS are gone too. */
  transport: number;
}

export type Reply =
  | Welcome
  | { type: "peeked"; id: number; count: number }
  | Joined
  | Answer
  | { type: "roster"; id: number; roster: RosterPage }
  | { type: "ok"; id: number }
  | { type: "moved"; id: number | null; url: string }
  | { type: "error"; id: number | null; code: string; message: string };

// ---- events ----

export interface SlotContent {
  slot: number;
  participant: number;
  track: number;
}

export type ServerEvent = { seq: number } & (
  | { type: "participant_joined"; participant: number }
  | { type: "participant_left"; participant: number; reason: "left" | "lost" }
  | { type: "participant_away"; participant: number; away: boolean }
  | { type: "participant_count"; count: number }
  | { type: "track_added"; participant: number; track: number; kind: "audio" | "video" }
  | { type: "track_removed"; participant: number; track: number }
  | { type: "slots"; slots: SlotContent[] }
  | { type: "speakers"; speakers: { participant: number; level: number }[] }
  | { type: "closing"; code: string }
);

// ---- parsing ----

type Check = (value: unknown) => boolean;
type Shape = Record<string, Check>;

const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value);
const isId: Check = (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 0xffff_ffff;
const isText: Check = (value) => typeof value === "string";
const isFlag: Check = (value) => typeof value === "boolean";
const isKind: Check = (value) => value === "audio" || value === "video";
const isFlagOrNone: Check = (value) => value === undefined || isFlag(value);
const isOneOrNone: Check = (value) => value === null || value === undefined || isId(value);

function listOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check);
}

function fits(shape: Shape): Check {
  return (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(shape).every(([name, check]) => check((value as Record<string, unknown>)[name]));
}

const isRoster = fits({
  participants: listOf(fits({ participant: isId, tracks: listOf(fits({ track: isId, kind: isKind })), away: isFlagOrNone })),
  total: isId,
  next: isId,
});

const isLimits = fits({
  text_bytes: isNumber,
  binary_bytes: isNumber,
  messages_per_second: isNumber,
  message_burst: isNumber,
  relay_bytes_per_second: isNumber,
  relay_burst_bytes: isNumber,
  profile_bytes: isNumber,
  resume_seconds: isNumber,
});

const replies: Record<string, Check> = {
  welcome: fits({ id: isId, session: isText, resumed: isFlag, limits: isLimits, ice_servers: listOf(fits({})) }),
  peeked: fits({ id: isId, count: isId }),
  joined: fits({
    id: isId,
    participant: isId,
    roster: isRoster,
    settings: fits({ codecs: listOf(isText), slots: isId, extra_audio_slots: isId, slots_max: isId }),
  }),
  answer: fits({ id: isId, sdp: isText, transport: isId }),
  roster: fits({ id: isId, roster: isRoster }),
  ok: fits({ id: isId }),
  moved: fits({ id: isOneOrNone, url: isText }),
  error: fits({ id: isOneOrNone, code: isText, message: isText }),
};

const events: Record<string, Check> = {
  participant_joined: fits({ participant: isId }),
  participant_left: fits({ participant: isId, reason: (value) => value === "left" || value === "lost" }),
  participant_away: fits({ participant: isId, away: isFlag }),
  participant_count: fits({ count: isId }),
  track_added: fits({ participant: isId, track: isId, kind: isKind }),
  track_removed: fits({ participant: isId, track: isId }),
  slots: fits({ slots: listOf(fits({ slot: isId, participant: isId, track: isId })) }),
  speakers: fits({ speakers: listOf(fits({ participant: isId, level: isNumber })) }),
  closing: fits({ code: isText }),
};

/**
 * A text message: a reply, an event (`seq` > 0), or null for what is no message. Events of an unknown type come back
 * as `unknown`, since their number counts.
 */
export type Message =
  | { reply: Reply }
  | { event: ServerEvent | { type: "unknown"; seq: number } }
  | null;

export function parse(text: string): Message {
  let value: Record<string, unknown>;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || value["v"] !== VERSION) return null;
  const type = value["type"];
  if (typeof type !== "string") return null;
  if (Object.hasOwn(replies, type)) return replies[type]!(value) ? { reply: value as unknown as Reply } : null;
  const seq = value["seq"];
  if (!isId(seq) || seq === 0) return null;
  if (!Object.hasOwn(events, type)) return { event: { type: "unknown", seq: seq as number } };
  return events[type]!(value) ? { event: value as unknown as ServerEvent } : null;
}

// ---- binary frames ----

export interface Frame {
  kind: number;
  /** To the server: of the request, 0 for none. From it: `seq`. */
  id: number;
  /** To the server: who shall have it, 0 for all others. From it: the sender, by its word. */
  participant: number;
  payload: Uint8Array<ArrayBuffer>;
}

export function encodeFrame({ kind, id, participant, payload }: Frame): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, VERSION);
  view.setUint8(1, kind);
  view.setUint32(2, id);
  view.setUint32(6, participant);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** Null for what is no frame of this version. */
export function decodeFrame(data: ArrayBuffer): Frame | null {
  if (data.byteLength < HEADER_BYTES) return null;
  const view = new DataView(data);
  if (view.getUint8(0) !== VERSION) return null;
  return {
    kind: view.getUint8(1),
    id: view.getUint32(2),
    participant: view.getUint32(6),
    payload: new Uint8Array(data, HEADER_BYTES),
  };
}
