// All that the worker knows of one conference: keys, people, sources, slots. Methods are those of messages.ts.
import * as base64url from "../e2ee/base64url.ts";
import { random, type Bytes } from "../e2ee/bytes.ts";
import { ChatOrder, ChatRate, checkText, parseLine } from "../e2ee/chat.ts";
import type { CodecName } from "../e2ee/envelope.ts";
import { FrameOpener, type Outcome } from "../e2ee/frame_opener.ts";
import { LinkKeys, roomKeys, type RoomKeys } from "../e2ee/keys.ts";
import { parseLink } from "../e2ee/link.ts";
import { LastNumbers } from "../e2ee/numbers.ts";
import { People, type Lateness, type Person as Known } from "../e2ee/people.ts";
import { checkName, parseProfile, profileFields, type ProfileSource } from "../e2ee/profile.ts";
import {
  CHAT,
  MessageError,
  openSealed,
  PROFILE,
  seal,
  type Channel,
  type MessageCount,
  type MessageKind,
} from "../e2ee/sealed.ts";
import { SendingSource } from "../e2ee/sending_source.ts";
import type { MediaKind, SourceKind } from "../e2ee/source.ts";
import type { ChatLine, ErrorCode, EventMessage, OwnProfile, Person, Room, Stats } from "./messages.ts";
import type { ReceiveContext } from "./receive_line.ts";
import { Screen } from "./screen.ts";
import { SlotState } from "./slot_state.ts";

/** How long changes of the roster gather before they are told: a page of it brings many profiles. */
const GATHER_MS = 20;

/** What the page asked for and cannot have. */
export class RefusedError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
    this.name = "RefusedError";
  }
}

export interface Surroundings {
  emit(message: EventMessage): void;
  /** Milliseconds since 1970. */
  clock(): number;
  after(ms: number, task: () => void): void;
}

export class Session {
  readonly opener: FrameOpener<ReceiveContext>;
  readonly screen: Screen;
  private readonly sender = base64url.encode(random(16));
  private readonly keys: LinkKeys;
  private readonly people: People;
  private readonly chatOrder: ChatOrder;
  private readonly chatRate = new ChatRate();
  private readonly sources = new Map<SourceKind, Promise<SendingSource>>();
  private readonly slotStates = new Map<number, SlotState>();
  private readonly late = new Map<string, Lateness>(); // as told
  private readonly roomCodecs: Partial<Record<MediaKind, CodecName>> = {};
  private readonly messages: Record<MessageCount, number> = {
    message_forged: 0,
    message_malformed: 0,
    message_replayed: 0,
  };
  private sealed = 0;
  private notSealed = 0;
  private wrongSender = 0;
  private profiles = 0; // sealed so far
  private lines = 0;
  private name = "";
  private gathering = false;

  private constructor(
    private readonly room: RoomKeys,
    private readonly server: string | null,
    private readonly around: Surroundings,
  ) {
    this.keys = new LinkKeys(room.frames);
    this.people = new People(this.sender, this.keys);
    this.chatOrder = new ChatOrder(new LastNumbers(this.sender, (sender) => this.people.has(sender)));
    this.opener = new FrameOpener(this.keys);
    this.screen = new Screen(around);
  }

  /** Throws LinkError. */
  static async open(fragment: string, around: Surroundings): Promise<Session> {
    const { secret, host } = await parseLink(fragment);
    try {
      return new Session(await roomKeys(secret), host, around);
    } finally {
      secret.fill(0);
    }
  }

  describe(): Room {
    return { roomId: base64url.encode(this.room.roomId), senderId: this.sender, server: this.server };
  }

  // ---- one's own ----

  addSource(kind: SourceKind): Promise<SendingSource> {
    let source = this.sources.get(kind);
    if (!source) {
      const renewed = (): void => this.emit("profile_changed", { source: kind });
      source = SendingSource.begin(kind, this.keys, renewed);
      this.sources.set(kind, source);
    }
    return source;
  }

  async sealProfile({ name, sources, recording }: OwnProfile): Promise<Bytes> {
    checkName(name);
    const told: ProfileSource[] = [];
    for (const { kind, muted } of sources) {
      const source = await this.sources.get(kind);
      if (!source) throw new RefusedError("no_source", `there is no source ${kind}`);
      told.push({ kid: source.kid, kind, muted });
    }
    const profile = { sender: this.sender, n: this.profiles + 1, at: this.around.clock(), name, sources: told, recording };
    const bytes = await seal(this.channel(PROFILE), profileFields(profile));
    this.profiles = profile.n;
    this.name = name;
    return bytes;
  }

  async sealChat(text: string): Promise<{ bytes: Bytes; line: ChatLine }> {
    checkText(text);
    const at = this.around.clock();
    const line = { sender: this.sender, n: this.lines + 1, at, text };
    const bytes = await seal(this.channel(CHAT), line);
    // Asked last: a line that cannot be sent costs nothing.
    if (!this.chatRate.take(at)) throw new RefusedError("rate_limited", "too many lines of chat in too short a time");
    this.lines = line.n;
    return { bytes, line: { ...line, name: this.name, missing: 0 } };
  }

  codecs(codecs: Record<MediaKind, CodecName>): void {
    Object.assign(this.roomCodecs, codecs);
  }

  codec(media: MediaKind): CodecName | null {
    return this.roomCodecs[media] ?? null;
  }

  clock(): number {
    return this.around.clock();
  }

  onSealed(): void {
    this.sealed++;
  }

  onNotSealed(): void {
    this.notSealed++;
  }

  // ---- others ----

  openProfile(participant: number, bytes: Bytes): Promise<string | null> {
    return this.counting(async () => {
      const profile = parseProfile(await openSealed(this.channel(PROFILE), bytes));
      const { kids } = this.people.onProfile(participant, profile);
      this.rosterChanged();
      for (const kid of kids) for (const frame of this.opener.take(kid)) frame.context.line.retry(frame);
      return profile.sender;
    });
  }

  openChat(bytes: Bytes): Promise<ChatLine | null> {
    return this.counting(async () => {
      const line = parseLine(await openSealed(this.channel(CHAT), bytes));
      const missing = this.chatOrder.accept(line);
      return { ...line, name: this.people.get(line.sender)?.profile.name ?? "", missing };
    });
  }

  participantLeft(participant: number): void {
    if (this.people.onLeft(participant)) this.rosterChanged();
  }

  present(participants: readonly number[]): void {
    if (this.people.onPresent(participants)) this.rosterChanged();
  }

  /** This transform's line has the slot from now on, and nothing has been shown in it. */
  newSlot(slot: number, transform: number): void {
    this.slotState(slot).onNew(transform);
  }

  has(slot: number, transform: number): boolean {
    return this.slotState(slot).isOf(transform);
  }

  slots(said: readonly { slot: number; participant: number }[]): void {
    for (const { slot, participant } of said) this.slotState(slot).onSaid(participant);
  }

  /** Of a frame that came in `slot` at `atMs`; `from`, and what is given, as of `ReceiveHost.onOutcome`. */
  onOutcome(slot: number, outcome: Outcome, atMs: number, from: number | null): number | null {
    const state = this.slotState(slot);
    const nowMs = this.around.clock();
    if (outcome.type !== "opened") {
      const failed = outcome.type === "held" ? ({ reason: "no_key", sender: null, source: null } as const) : outcome;
      state.onFailed(failed, nowMs).forEach(this.around.emit);
      return null;
    }
    const { sender, source, kid, timeMs } = outcome;
    if (this.people.onFrame(sender, kid, timeMs, atMs)) this.rosterChanged();
    const owner = this.people.get(sender)?.participant ?? 0;
    let change: number | null = null;
    for (const event of state.onOpened(sender, source, owner, nowMs, from)) {
      if (event.event === "opened") change = event.data.change;
      if (event.event === "wrong_sender") this.wrongSender++;
      this.around.emit(event);
    }
    return change;
  }

  /** Several times a second: what happens because time passes. */
  tick(): void {
    const nowMs = this.around.clock();
    for (const { context } of this.opener.expire(nowMs)) context.line.requestKeyFrame();
    const late = this.people.lateness(nowMs);
    for (const [sender, { behind, clock }] of late) {
      const told = this.late.get(sender) ?? { behind: 0, clock: 0 };
      if (behind !== told.behind || clock !== told.clock) this.emit("behind", { sender, seconds: behind, clock });
      this.late.set(sender, { behind, clock });
    }
    for (const sender of this.late.keys()) if (!late.has(sender)) this.late.delete(sender);
  }

  stats(): Stats {
    return {
      ...this.opener.counts,
      ...this.messages,
      sealed: this.sealed,
      not_sealed: this.notSealed,
      opened: this.opener.opened,
      wrong_sender: this.wrongSender,
      held: this.opener.heldFrames,
    };
  }

  private channel(kind: MessageKind): Channel {
    return { kind, key: kind === PROFILE ? this.room.profile : this.room.chat, roomId: this.room.roomId };
  }

  private slotState(slot: number): SlotState {
    let state = this.slotStates.get(slot);
    if (!state) this.slotStates.set(slot, (state = new SlotState(slot, this.screen)));
    return state;
  }

  private async counting<T>(open: () => Promise<T>): Promise<T | null> {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.messages[error.count]++;
      return null;
    }
  }

  private rosterChanged(): void {
    if (this.gathering) return;
    this.gathering = true;
    this.around.after(GATHER_MS, () => {
      this.gathering = false;
      this.emit("roster", { people: this.people.all().map((person) => this.view(person)) });
    });
  }

  private view({ profile, participant, heard }: Known): Person {
    const { sender, name, recording } = profile;
    // A KID that another has claimed is not theirs to show.
    const sources = profile.sources.filter(({ kid, kind }) => this.keys.holds(sender, kid, kind));
    return { sender, participant, name, recording, heard, sources: sources.map(({ kind, muted }) => ({ kind, muted })) };
  }

  private emit<E extends EventMessage["event"]>(event: E, data: Extract<EventMessage, { event: E }>["data"]): void {
    this.around.emit({ type: "event", event, data } as EventMessage);
  }
}
