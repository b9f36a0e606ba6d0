/** What goes in and out of a conference. */
import type { ChatLine, FrameCount } from "../worker/messages.ts";
import type { ConnectionState } from "./connection.ts";
import type { SfuError } from "./errors.ts";
import type { Person } from "./presence.ts";
import type { SignalingState } from "./signaling.ts";
import type { Tile } from "./tiles.ts";

export interface JoinOptions {
  /** The whole link, or what stands after its `#`. It is handed to the worker and to nobody else. */
  link: string;
  /** host[:port] of the server where the link names none; by default where the page comes from. */
  server?: string;
  name?: string;
  /** Access token, where the server asks for one. */
  token?: string;
  /** Tracks to begin with. They stay the caller's: nothing here stops one. */
  microphone?: MediaStreamTrack | null;
  camera?: MediaStreamTrack | null;
  /** By default true: joining unmutes nothing. */
  muted?: boolean;
  /** States on the way in, as of `Events.state` later. */
  onState?: (state: State) => void;
  /** Gives joining up. */
  signal?: AbortSignal;
}

export interface State {
  name: "joining" | "live" | "ended";
  signaling: SignalingState;
  media: ConnectionState;
  /** Why it ended; null after `leave`. */
  error: SfuError | null;
}

/** What a person should be told, by a stable code. */
export type Notice =
  /** The server labelled a slot as `expected`, but the key said `sender`. */
  | { code: "wrong_sender"; slot: number; sender: string; expected: string | null }
  /**
   * Frames came that did not open, or (`no_key_frame`) that cannot be shown on the picture that was there before; `sender` is
   * who they say they are from, if anybody.
   */
  | { code: FrameCount; slot: number; sender: string | null }
  /**
   * Somebody is about to vanish from `people`: by choice, or cut off and not back in time. The server's word, which it does
   * not give in large rooms.
   */
  | { code: "gone"; sender: string; name: string; reason: "left" | "lost" }
  /** The worker died and with it the keys; joining again as a new sender. */
  | { code: "keys_lost" }
  /** The server had let go of us; joined again. */
  | { code: "rejoined" };

export interface Events {
  state: State;
  /** Somebody came, left, or changed. */
  people: readonly Person[];
  /**
   * To be drawn by the next animation frame: when somebody else takes a slot, it shows nothing of theirs before that is on the screen,
   * as the next picture would else be seen under the name of before.
   */
  tiles: readonly Tile[];
  /** Sender ids of those who speak, after 150 ms of it and until 800 ms after; at most 10 times a second. */
  speaking: ReadonlySet<string>;
  /** A line, one's own among them. */
  chat: ChatLine;
  notice: Notice;
}

export interface Wish {
  /** A video slot. */
  slot: number;
  /** Sender id; null leaves the choice to the server. */
  sender?: string | null;
  /** Which of their pictures, with its sound; the camera by default. */
  source?: "camera" | "screen";
  /** Pixels; 0 for no picture, null for any. */
  maxHeight?: number | null;
  /** 0 to 255. */
  priority?: number;
}
