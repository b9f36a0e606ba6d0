/**
 * One conference, from the link to leaving. Puts together the worker that has the keys, the session with the server and
 * the peer connection, and makes each anew where it fails.
 *
 * People, names and who is in a tile come from what the keys opened. The server is believed for one thing only, that
 * somebody is gone, which it could bring about anyway.
 */
import type { WorkerClient } from "../worker/client.ts";
import type { ChatLine } from "../worker/messages.ts";
import { Chat } from "./chat.ts";
import { Coalesced } from "./coalesce.ts";
import { codecsOf } from "./codecs.ts";
import { Emitter } from "./emitter.ts";
import { SfuError, asError } from "./errors.ts";
import { Inbox } from "./inbox.ts";
import { openLink } from "./keys.ts";
import { fragmentOf, signalingUrl } from "./link.ts";
import { Media } from "./media.ts";
import { Oneself } from "./oneself.ts";
import { watchPage } from "./page.ts";
import { Parts } from "./parts.ts";
import { type Person, Presence } from "./presence.ts";
import type { Quality } from "./quality.ts";
import { Roster } from "./roster.ts";
import { Signaling, browserIo } from "./signaling.ts";
import { Slots } from "./slots.ts";
import type { Tile } from "./tiles.ts";
import type { Events, JoinOptions, State, Wish } from "./types.ts";
import { View } from "./view.ts";
import { KIND_PROFILE, type ServerEvent } from "./wire.ts";

const DEATHS_MAX = 3; // of workers
/** Where the session was left or lost, or the worker died, that is told elsewhere, and all begins anew there. */
const TOLD_ELSEWHERE: readonly string[] = ["left", "resume_expired", "worker_failed"];

export class Conference {
  /** In the room, or an error with a code. Until then `options.onState` tells how it goes. */
  static async join(options: JoinOptions): Promise<Conference> {
    const conference = new Conference(options);
    const abort = (): void => conference.leave();
    options.signal?.addEventListener("abort", abort);
    try {
      await conference.#start();
    } catch (reason) {
      conference.#end(asError(reason));
      throw asError(reason);
    } finally {
      options.signal?.removeEventListener("abort", abort);
    }
    return conference;
  }

  readonly #options: JoinOptions;
  readonly #emitter = new Emitter<Events>();
  readonly #parts = new Parts();
  readonly #presence = new Presence();
  readonly #chat = new Chat((line) => this.#emitter.emit("chat", line));
  readonly #profile = new Coalesced(() => this.#sendProfile());
  readonly #view = new View(this.#parts, this.#presence);
  readonly #slots = new Slots(this.#parts, this.#presence, this.#emitter);
  readonly #inbox = new Inbox(this.#parts, this.#presence, this.#chat, () => this.#peopleChanged());
  readonly #roster = new Roster(this.#parts, this.#presence, this.#emitter, () => this.#peopleChanged());
  readonly #oneself: Oneself;
  readonly #media: Media;
  #room = { id: "", server: null as string | null }; // of the link
  #deaths = 0;
  #state: State = { name: "joining", signaling: { name: "connecting" }, media: "connecting", error: null };
  #unhook: () => void = () => {};

  private constructor(options: JoinOptions) {
    this.#options = options;
    this.#oneself = new Oneself(options, () => this.#changed());
    this.#media = new Media(this.#parts, this.#oneself, this.#slots, {
      onState: (media) => this.#tell({ media }),
      onAnswer: () => this.#view.sendAgain(),
      onFailed: (error) => this.#end(error),
    });
  }

  // ---- what there is ----

  /** Gives what ends it. */
  on<E extends keyof Events>(event: E, handler: (data: Events[E]) => void): () => void {
    return this.#emitter.on(event, handler);
  }

  get state(): State {
    return this.#state;
  }

  /** Oneself first. */
  get people(): readonly Person[] {
    return [this.#oneself.person, ...this.#presence.list()];
  }

  /** How many the server says are here whose messages this link's key does not open. */
  get unopened(): number {
    return this.#presence.unopened;
  }

  get tiles(): readonly Tile[] {
    return this.#slots.tiles;
  }

  get speaking(): ReadonlySet<string> {
    return this.#slots.speaking;
  }

  /** No sound leaves: by choice, or for want of a microphone. */
  get isMuted(): boolean {
    return this.#oneself.isMuted;
  }

  /** The last lines, oldest first. */
  get chat(): readonly ChatLine[] {
    return this.#chat.lines;
  }

  // ---- what one does ----

  /** Another microphone, or none. Whether it is muted stays as it was. */
  setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    return this.#oneself.setMicrophone(track);
  }

  /** From the same task on nothing but silence is recorded, and once it resolves nothing is sent. */
  mute(): Promise<void> {
    return this.#oneself.setMuted(true);
  }

  unmute(): Promise<void> {
    return this.#oneself.setMuted(false);
  }

  setCamera(track: MediaStreamTrack | null): Promise<void> {
    return this.#oneself.setCamera(track);
  }

  /**
   * Shows a screen, with its sound if it has one; null for no more. Whoever stops and shares again goes on under the same key.
   * That the person has ended it in the browser, the track tells its owner.
   */
  setScreen(track: MediaStreamTrack | null, audio: MediaStreamTrack | null = null): Promise<void> {
    return this.#oneself.setScreen(track, audio);
  }

  setName(name: string): void {
    this.#oneself.setName(name);
  }

  /** What one wants to see, in place of what was said before. */
  setView(view: readonly Wish[]): Promise<void> {
    return this.#view.set(view);
  }

  /**
   * Has slots for the pictures and sound of so many others, where the server and this SDK allow as many; never fewer than
   * before. They are among `tiles` from the same task on; a view may name them once this resolves.
   */
  growSlots(pairs: number): Promise<void> {
    return this.#media.grow(pairs);
  }

  /** The key that is missing in a slot, once more from the first try on. */
  askAgain(slot: number): void {
    this.#slots.askAgain(slot);
  }

  /** Resolves when the server has taken it. Fails with `too_fast`, and the worker's and server's codes. */
  async send(text: string): Promise<void> {
    const { client, signaling } = this.#parts.both();
    await this.#chat.send(text, client, signaling);
  }

  /** At once, and for good. */
  leave(): void {
    this.#parts.signaling?.leave();
    this.#end(null);
  }

  /** Figures of the peer connection, for whoever looks for a fault. */
  getStats(): Promise<RTCStatsReport | null> {
    return this.#media.getStats();
  }

  /** How the call is doing, over the time since this was asked last; null without a connection. For one asker. */
  quality(): Promise<Quality | null> {
    return this.#media.quality();
  }

  // ---- in ----

  async #start(): Promise<void> {
    this.#unhook = watchPage({
      onHide: () => this.leave(),
      onNetwork: () => {
        this.#parts.signaling?.wake();
        this.#media.restart();
      },
    });
    this.#tell({});
    await this.#openLink();
    this.#connect();
    await this.#enter();
  }

  async #openLink(): Promise<void> {
    const { client, room } = await openLink(fragmentOf(this.#options.link));
    if (this.#isEnded) {
      client.close();
      throw new SfuError("left", "given up");
    }
    this.#parts.client = client;
    this.#room = { id: room.roomId, server: room.server };
    this.#oneself.sender = room.senderId;
    this.#listen(client);
  }

  #connect(): void {
    const server = this.#options.server ?? this.#room.server ?? location.host;
    const mine = (work: () => void): void => {
      if (this.#parts.signaling === signaling) work(); // else it was left for another
    };
    const signaling: Signaling = new Signaling(
      signalingUrl(server, location),
      {
        onState: (state) => mine(() => this.#tell({ signaling: state })),
        onEvent: (event) => mine(() => this.#onEvent(event)),
        onFrame: (kind, participant, payload) => mine(() => this.#inbox.take(kind, participant, payload)),
        onLost: () => mine(() => void this.#rejoin()),
        onEnded: (error) => mine(() => this.#end(error)),
      },
      browserIo,
    );
    this.#parts.signaling = signaling;
    signaling.start();
  }

  /** Joins, says who we are, and begins with media. Also anew, when the participant was lost. */
  async #enter(): Promise<void> {
    const joined = await this.#parts.signaling!.join(this.#room.id, this.#options.token);
    this.#parts.joined = joined;
    this.#roster.read(joined.roster); // before anybody else can come or go
    await this.#parts.client?.request("codecs", codecsOf(joined.settings.codecs));
    if (this.#isEnded) throw new SfuError("left", "given up");
    this.#publishProfile();
    this.#media.open();
    this.#tell({ name: "live" });
  }

  get #isEnded(): boolean {
    return this.#state.name === "ended";
  }

  async #rejoin(): Promise<void> {
    this.#media.close();
    this.#tell({ media: "connecting" });
    try {
      await this.#enter();
      this.#emitter.emit("notice", { code: "rejoined" });
    } catch (reason) {
      this.#onRefused(reason);
    }
  }

  /** What does not come back by being tried anew ends it. */
  #onRefused(reason: unknown): void {
    const error = asError(reason);
    if (!TOLD_ELSEWHERE.includes(error.code)) this.#end(error);
  }

  // ---- the worker ----

  #listen(client: WorkerClient): void {
    this.#slots.listen(client);
    client.on("roster", ({ people }) => {
      this.#presence.roster(people);
      this.#view.renew();
      this.#peopleChanged();
      this.#slots.changed();
    });
    client.on("behind", ({ sender, seconds, clock }) => {
      this.#presence.behind(sender, seconds, clock);
      this.#peopleChanged();
    });
    client.on("profile_changed", () => this.#publishProfile());
    client.on("died", () => void this.#onDied());
  }

  /**
   * Without its worker nothing is sent. Its counters are gone, so that all begins anew, as another sender: and as another
   * participant, for others go by that when they take somebody for gone.
   */
  async #onDied(): Promise<void> {
    this.#media.close();
    this.#parts.client = null;
    if (this.#isEnded || this.#state.name === "joining") return; // joining fails by itself
    if (++this.#deaths > DEATHS_MAX) return this.#end(new SfuError("worker_failed", "the worker dies again and again"));
    this.#emitter.emit("notice", { code: "keys_lost" });
    this.#presence.carry(this.#oneself.sender);
    const before = this.#parts.signaling;
    this.#parts.signaling = this.#parts.joined = null;
    before?.leave();
    this.#tell({ signaling: { name: "connecting" }, media: "connecting" });
    try {
      await this.#openLink();
    } catch (reason) {
      return this.#end(asError(reason));
    }
    this.#connect();
    await this.#enter().catch((reason: unknown) => this.#onRefused(reason));
  }

  // ---- the server ----

  #onEvent(event: ServerEvent): void {
    if (event.type === "slots") this.#slots.hinted(event.slots);
    else this.#roster.onEvent(event);
  }

  async #sendProfile(): Promise<void> {
    const { client, signaling, joined } = this.#parts;
    if (client === null || joined === null) return;
    const bytes = await client.request("sealProfile", this.#oneself.profile);
    await signaling!.relay(KIND_PROFILE, 0, bytes);
  }

  /** What is refused for good ends it, as nobody would know us. */
  #publishProfile(): void {
    this.#profile.run().catch((reason: unknown) => this.#onRefused(reason));
  }

  // ---- what is told ----

  /** Of oneself. */
  #changed(): void {
    this.#peopleChanged();
    if (this.#state.name === "live") this.#publishProfile();
  }

  #peopleChanged(): void {
    this.#emitter.emit("people", this.people);
  }

  #tell(change: Partial<State>): void {
    if (this.#isEnded) return;
    this.#state = { ...this.#state, ...change };
    this.#options.onState?.(this.#state);
    this.#emitter.emit("state", this.#state);
  }

  #end(error: SfuError | null): void {
    if (this.#isEnded) return;
    this.#unhook();
    this.#parts.signaling?.leave();
    this.#media.close();
    this.#parts.close();
    this.#roster.stop();
    this.#tell({ name: "ended", error });
  }
}
