// What page and worker say to each other. The worker owns all keys, counters and windows; nothing here carries one. The
// link is the one secret that passes, from the page, which has it from the address bar.

import type { CodecName } from "../e2ee/envelope.ts";
import type { FrameCount } from "../e2ee/frame_opener.ts";
import type { MessageCount } from "../e2ee/sealed.ts";
import type { MediaKind, SourceKind } from "../e2ee/source.ts";

export { mediaOf, SOURCE_KINDS } from "../e2ee/source.ts";
export type { CodecName, FrameCount, MediaKind, MessageCount, SourceKind };

/** Since the worker began. */
export type Stats = Record<FrameCount | MessageCount, number> & {
  sealed: number;
  /** Frames that were dropped because they could not be sealed: nothing of them left. */
  not_sealed: number;
  opened: number;
  /** Times that the server said another person is in a slot than the key did, for more than 1 s. */
  wrong_sender: number;
  /** Frames waiting for somebody to claim their KID. */
  held: number;
};

/** Stable; `message` beside it is for people. */
export type ErrorCode =
  | "link_version"
  | "link_suite"
  | "link_flags"
  | "link_cut"
  /** The link comes without its key: `join` them. */
  | "link_apart"
  | "key_wrong"
  /** `open` comes first, and once: another link needs another worker. */
  | "bad_state"
  /** `addSource` comes first. */
  | "no_source"
  | "bad_name"
  | "bad_text"
  | "too_large"
  /** 5 lines a second after a burst of 20. */
  | "rate_limited"
  | "internal";

export interface Room {
  /** What the server knows the room by. */
  roomId: string;
  /** One's own, new for each worker. base64url. */
  senderId: string;
  /** host[:port] where the link names one; else the page's own. */
  server: string | null;
}

export interface OwnProfile {
  name: string;
  /** Those added; the worker knows their KIDs. */
  sources: readonly { kind: SourceKind; muted: boolean }[];
  recording: boolean;
}

export interface Person {
  /** Sender id, base64url: what a tile, a ring, a line of chat is labelled by. */
  sender: string;
  /** The server's number for who brought the last profile: to ask for in `view`, and no name. */
  participant: number;
  name: string;
  sources: readonly { kind: SourceKind; muted: boolean }[];
  recording: boolean;
  /** A frame of theirs has opened. Until then the server alone says that they are here. */
  heard: boolean;
}

export interface ChatLine {
  sender: string;
  /** As their profile has it now; empty if there is none. */
  name: string;
  n: number;
  /** Milliseconds since 1970 by the sender's clock. */
  at: number;
  text: string;
  /** How many lines of this sender, just before this one, did not come. */
  missing: number;
}

/** Requests by name: what goes with each, and the answer. */
export interface Requests {
  /** A new link's fragment. It is not opened by that. */
  make: { params: Record<string, never>; result: string };
  /** A whole fragment as one without its key, and the key. Errors: those of the link. */
  split: { params: { fragment: string }; result: { link: string; key: string } };
  /** The reverse. Errors: those of the link, key_wrong. */
  join: { params: { fragment: string; key: string }; result: string };
  /** The fragment without `#`, with or without `@host`. Once. Errors: those of the link, bad_state. */
  open: { params: { fragment: string }; result: Room };
  /** The same again gives the same KID: a source has one, whatever device or track is behind it. */
  addSource: { params: { source: SourceKind }; result: { kid: string } };
  /** For frames whose metadata do not name their codec. */
  codecs: { params: { audio: CodecName; video: CodecName }; result: null };
  /** To be sent as a frame of kind 1. */
  sealProfile: { params: OwnProfile; result: Uint8Array<ArrayBuffer> };
  /** To be sent as a frame of kind 3, and what is to be shown of it. */
  sealChat: { params: { text: string }; result: { bytes: Uint8Array<ArrayBuffer>; line: ChatLine } };
  /** Whose it is; null if it was dropped, and counted. */
  openProfile: { params: { participant: number; bytes: Uint8Array }; result: string | null };
  openChat: { params: { participant: number; bytes: Uint8Array }; result: ChatLine | null };
  participantLeft: { params: { participant: number }; result: null };
  /** After joining anew: everybody else has left. */
  present: { params: { participants: readonly number[] }; result: null };
  /** What the server says of slots, only those changed; participant 0: empty. A hint, to tell where the key disagrees. */
  slots: { params: { slots: readonly { slot: number; participant: number }[] }; result: null };
  /**
   * What `opened` said with this `change`, and all before, is on the screen: nobody else's name is on that slot. Until then no
   * other's picture follows the one that is there.
   */
  drawn: { params: { change: number }; result: null };
  /** False where the browser has no way in the worker: then use `RTCRtpSender.setParameters` with `encodingOptions`. */
  keyFrame: { params: { source: SourceKind }; result: boolean };
  stats: { params: Record<string, never>; result: Stats };
}
export type Method = keyof Requests;

export type Request = { [M in Method]: { id: number; method: M; params: Requests[M]["params"] } }[Method];
export type Reply =
  | { type: "reply"; id: number; result: Requests[Method]["result"] }
  | { type: "error"; id: number; code: ErrorCode; message: string };

/** A slot of one connection: the transform is that of its m-line, as another connection's slots have the same numbers. */
interface Place {
  slot: number;
  transform: number;
}

export interface Events {
  /** A send transform runs and holds its key: only now may its sender get a track. */
  ready: { transform: number };
  /** Everybody else who has a profile, after a change. */
  roster: { people: readonly Person[] };
  /** A frame opened in a slot, whose sender or source differs from that shown there before, or after a failure was told; the first of each transform. */
  /** `from`: an RTP timestamp, of video. What is presented with an earlier one is of whom was shown before; null where no browser tells. */
  /** `change`: a number that grows, for `drawn`. */
  opened: Place & { sender: string; source: SourceKind; from: number | null; change: number };
  /** Frames come in a slot and none has opened, or been fit to show, for 1 s. `sender` and `source` are what the KID names, where it names anything. Told once, until `opened`. */
  failed: Place & { reason: FrameCount; sender: string | null; source: SourceKind | null };
  /**
   * The server has said for more than 1 s that another than the key says is in the slot, now this participant (0: nobody). Told
   * again when it says yet another, and after `opened`.
   */
  wrong_sender: Place & { sender: string; participant: number };
  /**
   * How far what comes of a sender is behind, in whole seconds, 3 or more, or 0 when that is over. `clock`: by how many seconds
   * our clock was ahead of their frames' time at best, where that is over a minute either way, else 0. Where it is above 0 it
   * is in `seconds`: an old call is played again, or a clock is wrong.
   */
  behind: { sender: string; seconds: number; clock: number };
  /** A source has another KID: seal the profile again and send it. */
  profile_changed: { source: SourceKind };
  /** The worker is dead and sends nothing any more: join anew with another. From the client, not from the worker. */
  died: { message: string };
}
export type EventName = keyof Events;
export type EventMessage = { [E in EventName]: { type: "event"; event: E; data: Events[E] } }[EventName];

export type FromWorker = Reply | EventMessage;

/** The `options` of an `RTCRtpScriptTransform`. `transform` is a number of the page's, each time another. */
export type TransformOptions =
  | { direction: "send"; transform: number; source: SourceKind; codec?: CodecName }
  /** `slot` as in signalling: the number of the recvonly m-line, from 0. */
  | { direction: "receive"; transform: number; slot: number; kind: MediaKind; codec?: CodecName };
