/**
 * What is to be seen and heard in each slot, and of whom. The only source of a name is the key that opened a frame; what
 * the server says of a slot can take a tile away, never give it to somebody.
 */
import type { FrameCount, MediaKind, SourceKind } from "../worker/messages.ts";

export interface Tile {
  readonly slot: number;
  readonly kind: MediaKind;
  readonly track: MediaStreamTrack;
  /** Whose frames open here: sender id, or null while none has. */
  readonly sender: string | null;
  readonly source: SourceKind | null;
  readonly failure: Failure | null;
  /**
   * Of a picture, the RTP timestamp from which on it is theirs; null where the browser does not tell. What is presented with an
   * earlier one (`isTheirs`) waited in the browser, and is of whom was here before: a server can make it wait.
   */
  readonly from: number | null;
  /** Whom the server has said to be here for more than 1 s, though it is `sender` whose frames open: sender id, null for no such lie. */
  readonly mislabelled: string | null;
}

/** Why frames that come do not open. */
export interface Failure {
  readonly reason: FrameCount;
  /** Who their KID names, where it names anybody, and which source of theirs. */
  readonly from: string | null;
  readonly source: SourceKind | null;
  /** Who they are from by the server's word, and no more than that. */
  readonly said: string | null;
  /** For want of a key (`no_key`): how often it was asked for, `TRIES_MAX` at most; null: it is asked for no more. */
  readonly tries: number | null;
}

interface Content {
  sender: string | null;
  source: SourceKind | null;
  failure: Omit<Failure, "said"> | null;
  from: number | null;
  isGone: boolean; // the server has said that the slot is empty
  isMislabelled: boolean; // it says that somebody else is here than the key does
  participant: number;
}

/** Whether what is presented with an RTP timestamp is of who has been in the slot from `from` on. */
export function isTheirs(presented: number, from: number): boolean {
  return ((presented - from) | 0) >= 0; // 32 bits that wrap
}

export class Tiles {
  #contents: Content[] = [];
  #slots: readonly { index: number; kind: MediaKind; receiver: { track: MediaStreamTrack } }[] = [];

  /** Slots of a new connection: nothing has opened in them. */
  reset(slots: Tiles["slots"]): void {
    this.#slots = [];
    this.#contents = [];
    this.add(slots);
  }

  /** More slots of the same connection. */
  add(slots: Tiles["slots"]): void {
    this.#slots = [...this.#slots, ...slots];
    for (const _ of slots) {
      this.#contents.push({ sender: null, source: null, failure: null, isGone: false, isMislabelled: false, participant: 0, from: null });
    }
  }

  get slots(): readonly { index: number; kind: MediaKind; receiver: { track: MediaStreamTrack } }[] {
    return this.#slots;
  }

  opened(slot: number, sender: string, source: SourceKind, from: number | null = null): void {
    const content = this.#contents[slot];
    if (content) Object.assign(content, { sender, source, failure: null, isGone: false, isMislabelled: false, from });
  }

  /** `from` and `source` are whose frames they say they are. */
  failed(slot: number, reason: FrameCount, from: string | null, source: SourceKind | null = null): void {
    const content = this.#contents[slot];
    const failure = { reason, from, source, tries: 0 };
    if (content) Object.assign(content, { sender: null, source: null, isMislabelled: false, failure });
  }

  /** What is missing in a slot was asked for so many times; null: it is no more. */
  asked(slot: number, tries: number | null): void {
    const content = this.#contents[slot];
    if (content?.failure) content.failure = { ...content.failure, tries };
  }

  /** The server has said for too long that this participant is in a slot, which the key contradicts. It takes nothing from anybody. */
  mislabelled(slot: number, participant: number): void {
    const content = this.#contents[slot];
    if (content?.participant === participant) content.isMislabelled = true;
  }

  /** `participantOf`: who brought a sender's profile. */
  hinted(slot: number, participant: number, participantOf: (sender: string) => number): void {
    const content = this.#contents[slot];
    if (!content) return;
    if (participant !== content.participant) Object.assign(content, { failure: null, isMislabelled: false }); // it was another's
    content.participant = participant;
    if (participant === 0) {
      content.isGone = true;
    } else if (content.sender !== null && participantOf(content.sender) === participant) {
      content.isGone = false; // the same person again: no frame tells
    }
  }

  /** Who is said to be in a slot. */
  hint(slot: number): number {
    return this.#contents[slot]?.participant ?? 0;
  }

  /** `senderOf`: whose profile a participant brought. */
  list(senderOf: (participant: number) => string | null = () => null): Tile[] {
    return this.#slots.map(({ index, kind, receiver }) => {
      const { sender, source, failure: why, isGone, isMislabelled, participant, from } = this.#contents[index]!;
      const said = senderOf(participant);
      const shown = isGone ? { sender: null, source: null } : { sender, source };
      const mislabelled = isMislabelled && said !== sender ? said : null;
      return { slot: index, kind, track: receiver.track, ...shown, failure: why && { ...why, said }, from, mislabelled };
    });
  }
}
