/**
 * One conference, from the link to leaving. Puts together the worker that has the keys, the session with the server and
 * the peer connection, and makes each anew where it fails.
 *
 * People, names and who is in a tile come from what the keys opened. The server is believed for one thing only, that
 * somebody is gone, which it could bring about anyway.
 */
import type { WorkerClient } from "../worker/client.ts";
import { type ChatLine, type SourceKind, mediaOf } from "../worker/messages.ts";
import { Asking } from "./asking.ts";
import { Backoff } from "./backoff.ts";
import { Chat } from "./chat.ts";
import { Coalesced } from "./coalesce.ts";
import { codecsOf } from "./codecs.ts";
import { Connection, type ConnectionState, type Slot } from "./connection.ts";
import { Emitter } from "./emitter.ts";
import { SfuError, asError } from "./errors.ts";
import { openLink } from "./keys.ts";
import { Levels } from "./levels.ts";
import { fragmentOf, signalingUrl } from "./link.ts";
import { watchPage } from "./page.ts";
import { type Person, Presence } from "./presence.ts";
import { type Quality, type Snapshot, measure } from "./quality.ts";
import { readRoster } from "./roster.ts";
import { Signaling, browserIo } from "./signaling.ts";
import { type Tile, Tiles } from "./tiles.ts";
import type { Events, JoinOptions, State, Wish } from "./types.ts";
import {
  type Answer,
  type Joined,
  KIND_CHAT,
  KIND_PROFILE,
  type RosterPage,
  type ServerEvent,
  type SlotContent,
  type ViewSlot,
} from "./wire.ts";

const ROSTER_MS = 5_000; // between two readings of the list of a large room
const FRAMES_WAITING = 4096; // profiles and chat lines that are not opened yet
const DEATHS_MAX = 3; // of workers

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
  readonly #presence = new Presence();
  readonly #tiles = new Tiles();
  readonly #levels: Levels;
  readonly #backoff = new Backoff(Math.random);
  readonly #tracks: Record<SourceKind, MediaStreamTrack | null>;
  readonly #chat = new Chat((line) => this.#emitter.emit("chat", line));
  readonly #asking = new Asking((slot, tries) => this.#askForKey(slot, tries), browserIo);
  readonly #profile = new Coalesced(() => this.#sealProfile());
  #client: WorkerClient | null = null;
  #signaling: Signaling | null = null;
  #connection: Connection | null = null;
  #joined: Joined | null = null;
  #roomId = "";
  #server: string | null = null;
  #sender = "";
  #name: string;
  #isMuted: boolean;
  #view: readonly Wish[] = [];
  #saidView = ""; // in the server's terms
  #pairs = 0; // of slots, beyond what the server advises
  #frames: Promise<void> = Promise.resolve();
  #waitingFrames = 0;
  #deaths = 0;
  #hasShared = false; // a screen, at any time
  #measured: { connection: Connection; stats: Snapshot } | null = null;
  #timers: { connection?: ReturnType<typeof setTimeout>; roster?: ReturnType<typeof setTimeout> } = {};
  #state: State = { name: "joining", signaling: { name: "connecting" }, media: "connecting", error: null };
  #unhook: () => void = () => {};

  private constructor(options: JoinOptions) {
    this.#options = options;
    this.#name = options.name ?? "";
    this.#isMuted = options.muted ?? true;
    const { microphone = null, camera = null } = options;
    this.#tracks = { microphone, camera, screen: null, screen_audio: null };
    this.#levels = new Levels(
      () => this.#sounds(),
      (speaking) => this.#emitter.emit("speaking", speaking),
    );
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
    const self: Person = {
      sender: this.#sender,
      name: this.#name,
      isSelf: true,
      microphone: this.isMuted ? "muted" : "on",
      camera: this.#tracks.camera === null ? "muted" : "on",
      screen: this.#tracks.screen !== null ? "on" : this.#hasShared ? "muted" : null,
      recording: false,
      away: false,
      heard: true,
      behindSeconds: 0,
      clockSeconds: 0,
    };
    return [self, ...this.#presence.list()];
  }

  /** How many the server says are here whose messages this link's key does not open. */
  get unopened(): number {
    return this.#presence.unopened;
  }

  get tiles(): readonly Tile[] {
    return this.#tiles.list((participant) => this.#presence.senderOf(participant));
  }

  get speaking(): ReadonlySet<string> {
    return this.#levels.speaking;
  }

  /** No sound leaves: by choice, or for want of a microphone. */
  get isMuted(): boolean {
    return this.#isMuted || this.#tracks.microphone === null;
  }

  /** The last lines, oldest first. */
  get chat(): readonly ChatLine[] {
    return this.#chat.lines;
  }

  // ---- what one does ----

  /** Another microphone, or none. Whether it is muted stays as it was. */
  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    this.#tracks.microphone = track;
    await this.#applyMicrophone();
  }

  /** From the same task on nothing but silence is recorded, and once it resolves nothing is sent. */
  async mute(): Promise<void> {
    this.#isMuted = true;
    await this.#applyMicrophone();
  }

  async unmute(): Promise<void> {
    this.#isMuted = false;
    await this.#applyMicrophone();
  }

  async setCamera(track: MediaStreamTrack | null): Promise<void> {
    this.#tracks.camera = track;
    this.#changed();
    await this.#connection?.setTrack("camera", track);
  }

  /**
   * Shows a screen, with its sound if it has one; null for no more. Whoever stops and shares again goes on under the same key.
   * That the person has ended it in the browser, the track tells its owner.
   */
  async setScreen(track: MediaStreamTrack | null, audio: MediaStreamTrack | null = null): Promise<void> {
    Object.assign(this.#tracks, { screen: track, screen_audio: track && audio });
    this.#hasShared ||= track !== null;
    this.#changed();
    const shared = ["screen", "screen_audio"] as const;
    await Promise.all(shared.map((source) => this.#connection?.setTrack(source, this.#tracks[source])));
  }

  setName(name: string): void {
    this.#name = name;
    this.#changed();
  }

  /** What one wants to see, in place of what was said before. */
  async setView(view: readonly Wish[]): Promise<void> {
    this.#view = view;
    await this.#sendView();
  }

  /**
   * Has slots for the pictures and sound of so many others, where the server and this SDK allow as many; never fewer than
   * before. They are among `tiles` from the same task on; a view may name them once this resolves.
   */
  async growSlots(pairs: number): Promise<void> {
    this.#pairs = Math.max(this.#pairs, pairs); // of connections to come, too
    const connection = this.#connection;
    if (connection === null) return;
    const { added, offered } = connection.grow(this.#pairs);
    this.#newSlots(added);
    await offered;
  }

  /** The key that is missing in a slot, once more from the first try on. */
  askAgain(slot: number): void {
    this.#asking.stop(slot);
    if (this.#tiles.list()[slot]?.failure?.reason === "no_key") this.#asking.start(slot);
  }

  /** Resolves when the server has taken it. Fails with `too_fast`, and the worker's and server's codes. */
  async send(text: string): Promise<void> {
    const { client, signaling } = this.#parts();
    await this.#chat.send(text, client, signaling);
  }

  /** At once, and for good. */
  leave(): void {
    this.#signaling?.leave();
    this.#end(null);
  }

  /** Figures of the peer connection, for whoever looks for a fault. */
  async getStats(): Promise<RTCStatsReport | null> {
    return (await this.#connection?.getStats()) ?? null;
  }

  /** How the call is doing, over the time since this was asked last; null without a connection. For one asker. */
  async quality(): Promise<Quality | null> {
    const connection = this.#connection;
    if (connection === null) return null;
    const after = (await connection.getStats()) as unknown as Snapshot;
    const before = this.#measured?.connection === connection ? this.#measured.stats : null;
    this.#measured = { connection, stats: after };
    const shown = this.tiles.flatMap(({ track, sender, source }) => (sender && source ? [[track.id, { sender, source }] as const] : []));
    return measure(before, after, { sources: connection.sources, pictures: new Map(shown) });
  }

  // ---- in ----

  async #start(): Promise<void> {
    this.#unhook = watchPage({
      onHide: () => this.leave(),
      onNetwork: () => {
        this.#signaling?.wake();
        this.#connection?.restart();
      },
    });
    this.#tell({});
    await this.#openLink();
    this.#connect();
    await this.#enter();
  }

  async #openLink(): Promise<void> {
    const { client, room } = await openLink(fragmentOf(this.#options.link));
    if (this.#state.name === "ended") {
      client.close();
      throw new SfuError("left", "given up");
    }
    this.#client = client;
    this.#roomId = room.roomId;
    this.#server = room.server;
    this.#sender = room.senderId;
    this.#listen(client);
  }

  #connect(): void {
    const { server } = this.#options;
    const mine = (work: () => void): void => {
      if (this.#signaling === signaling) work(); // else it was left for another
    };
    const signaling: Signaling = new Signaling(
      signalingUrl(server ?? this.#server ?? location.host, location),
      {
        onState: (state) => mine(() => this.#tell({ signaling: state })),
        onEvent: (event) => mine(() => this.#onEvent(event)),
        onFrame: (kind, participant, payload) => mine(() => this.#onFrame(kind, participant, payload)),
        onLost: () => mine(() => void this.#rejoin()),
        onEnded: (error) => mine(() => this.#end(error)),
      },
      browserIo,
    );
    this.#signaling = signaling;
    signaling.start();
  }

  /** Joins, says who we are, and begins with media. Also anew, when the participant was lost. */
  async #enter(): Promise<void> {
    const signaling = this.#signaling!;
    const joined = await signaling.join(this.#roomId, this.#options.token);
    this.#joined = joined;
    await this.#client?.request("codecs", codecsOf(joined.settings.codecs));
    if (this.#ended) throw new SfuError("left", "given up");
    this.#readRoster(joined.roster).catch(() => {}); // lost meanwhile: read anew then
    this.#publishProfile();
    this.#openConnection();
    this.#tell({ name: "live" });
  }

  get #ended(): boolean {
    return this.#state.name === "ended";
  }

  async #rejoin(): Promise<void> {
    this.#closeConnection();
    this.#tell({ media: "connecting" });
    try {
      await this.#enter();
      this.#emitter.emit("notice", { code: "rejoined" });
    } catch (reason) {
      this.#onNotIn(asError(reason));
    }
  }

  /** Where the session was left or lost, or the worker died, that is told elsewhere, and all begins anew there. */
  #onNotIn(error: SfuError): void {
    if (!["left", "resume_expired", "worker_failed"].includes(error.code)) this.#end(error);
  }

  // ---- the worker ----

  #listen(client: WorkerClient): void {
    client.on("roster", ({ people }) => {
      this.#presence.roster(people);
      this.#renewView();
      this.#peopleChanged();
      this.#tilesChanged();
    });
    client.on("opened", ({ slot, sender, source, from }) => {
      this.#asking.stop(slot);
      this.#tiles.opened(slot, sender, source, from);
      this.#tilesChanged();
    });
    client.on("failed", ({ slot, reason, sender }) => {
      this.#tiles.failed(slot, reason, sender);
      this.#asking.stop(slot);
      if (reason === "no_key") this.#asking.start(slot);
      this.#tilesChanged();
      this.#emitter.emit("notice", { code: reason, slot, sender });
    });
    client.on("wrong_sender", ({ slot, sender, participant }) => {
      const expected = this.#presence.senderOf(participant);
      this.#emitter.emit("notice", { code: "wrong_sender", slot, sender, expected });
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
    this.#closeConnection();
    this.#client = null;
    if (this.#ended || this.#state.name === "joining") return; // joining fails by itself
    if (++this.#deaths > DEATHS_MAX) return this.#end(new SfuError("worker_failed", "the worker dies again and again"));
    this.#emitter.emit("notice", { code: "keys_lost" });
    this.#presence.carry(this.#sender);
    const before = this.#signaling;
    this.#signaling = this.#joined = null;
    before?.leave();
    this.#tell({ signaling: { name: "connecting" }, media: "connecting" });
    try {
      await this.#openLink();
    } catch (reason) {
      return this.#end(asError(reason));
    }
    this.#connect();
    await this.#enter().catch((reason: unknown) => this.#onNotIn(asError(reason)));
  }

  // ---- the server ----

  #onEvent(event: ServerEvent): void {
    switch (event.type) {
      case "participant_joined":
        this.#presence.joined(event.participant);
        break;
      case "participant_away":
        this.#presence.away(event.participant, event.away);
        this.#peopleChanged();
        break;
      case "participant_left":
        this.#tellGone(event.participant, event.reason);
        this.#presence.left(event.participant);
        this.#ask("participantLeft", { participant: event.participant });
        this.#peopleChanged();
        break;
      case "participant_count":
        this.#timers.roster ??= setTimeout(() => void this.#askRoster(), ROSTER_MS);
        break;
      case "slots":
        this.#onSlots(event.slots);
        break;
      default:
        break; // tracks and speakers are the server's word and no more
    }
  }

  #tellGone(participant: number, reason: "left" | "lost"): void {
    const sender = this.#presence.senderOf(participant);
    if (sender !== null) this.#emitter.emit("notice", { code: "gone", sender, name: this.#presence.nameOf(sender), reason });
  }

  #onSlots(said: readonly SlotContent[]): void {
    const known = this.#connection?.slots.length ?? 0;
    const slots = said.filter(({ slot }) => slot < known);
    this.#ask("slots", { slots: slots.map(({ slot, participant, track }) => ({ slot, participant: track && participant })) });
    for (const { slot, participant, track } of slots) {
      if (this.#tiles.hint(slot) !== (track && participant)) this.#asking.stop(slot); // it was another's
      this.#tiles.hinted(slot, track && participant, (sender) => this.#presence.participantOf(sender));
    }
    this.#tilesChanged();
  }

  #onFrame(kind: number, participant: number, bytes: Uint8Array<ArrayBuffer>): void {
    // What would wait for ever is dropped, as the server might have done itself.
    if (this.#waitingFrames >= FRAMES_WAITING) return;
    this.#waitingFrames += 1;
    // One after the other, as they came.
    this.#frames = this.#frames
      .then(async () => {
        if (kind === KIND_PROFILE) {
          const sender = await this.#client?.request("openProfile", { participant, bytes });
          this.#presence.profile(participant, sender != null);
          this.#peopleChanged();
        } else if (kind === KIND_CHAT) {
          const line = await this.#client?.request("openChat", { participant, bytes });
          if (line) this.#chat.add(line);
        }
      })
      .catch(() => {}) // the worker died: it tells
      .finally(() => (this.#waitingFrames -= 1));
  }

  /** Has the server deliver the profile again of whom it says to be in a slot: it is what names a key. */
  #askForKey(slot: number, tries: number): void {
    this.#tiles.asked(slot, tries);
    this.#tilesChanged();
    this.#signaling?.request({ type: "roster", begin: this.#tiles.hint(slot) }).catch(() => {}); // lost: read anew then
  }

  async #askRoster(): Promise<void> {
    delete this.#timers.roster;
    try {
      const reply = await this.#signaling!.request({ type: "roster" });
      if (reply.type === "roster") await this.#readRoster(reply.roster);
    } catch {
      // The session has ended, or will be joined anew, which reads the list again.
    }
  }

  async #readRoster(first: RosterPage): Promise<void> {
    const others = await readRoster(first, this.#signaling!);
    others.delete(this.#joined?.participant ?? 0);
    this.#presence.reset(others);
    this.#ask("present", { participants: [...others.keys()] });
    this.#peopleChanged();
  }

  // ---- what is said of oneself ----

  async #sealProfile(): Promise<void> {
    if (this.#client === null || this.#joined === null) return;
    const { camera, screen, screen_audio: sound } = this.#tracks;
    const sources: { kind: SourceKind; muted: boolean }[] = [
      { kind: "microphone", muted: this.isMuted },
      { kind: "camera", muted: camera === null },
    ];
    if (this.#hasShared) {
      sources.push({ kind: "screen", muted: screen === null }, { kind: "screen_audio", muted: sound === null });
    }
    const bytes = await this.#client.request("sealProfile", { name: this.#name, sources, recording: false });
    await this.#signaling!.relay(KIND_PROFILE, 0, bytes);
  }

  #publishProfile(): void {
    this.#profile.run().catch((reason: unknown) => {
      // Lost or died: then it is said anew. What is refused for good ends it, as nobody would know us.
      const error = asError(reason);
      if (!["left", "resume_expired", "worker_failed"].includes(error.code)) this.#end(error);
    });
  }

  #changed(): void {
    this.#peopleChanged();
    if (this.#state.name === "live") this.#publishProfile();
  }

  async #applyMicrophone(): Promise<void> {
    const { microphone } = this.#tracks;
    // `enabled` holds at once; taking the track away then stops even the silence.
    if (microphone) microphone.enabled = !this.#isMuted;
    this.#changed();
    await this.#connection?.setTrack("microphone", this.#isMuted ? null : microphone);
  }

  async #sendView(): Promise<void> {
    const { signaling } = this.#parts();
    const slots = this.#viewSlots();
    this.#saidView = JSON.stringify(slots);
    await signaling.request({ type: "view", slots });
  }

  /** Who comes back is another participant to the server, and may send more than before. */
  #renewView(): void {
    const isOther = this.#joined !== null && !this.#ended && JSON.stringify(this.#viewSlots()) !== this.#saidView;
    if (isOther && this.#view.length > 0) this.#sendView().catch(() => {});
  }

  #viewSlots(): ViewSlot[] {
    return this.#view.map(({ slot, sender, source = "camera", maxHeight, priority }) => ({
      slot,
      ...this.#wanted(sender ?? null, source),
      ...(maxHeight === undefined ? {} : { max_height: maxHeight }),
      ...(priority === undefined ? {} : { priority }),
    }));
  }

  /** In the server's terms. What is not sent is left to its choice. */
  #wanted(sender: string | null, source: "camera" | "screen"): Pick<ViewSlot, "participant" | "nth"> {
    const participant = sender === null ? 0 : this.#presence.participantOf(sender);
    const nth = sender === null ? null : this.#presence.nthOf(sender, source);
    return participant === 0 || nth === null ? { participant: "auto" } : nth === 0 ? { participant } : { participant, nth };
  }

  // ---- media ----

  #openConnection(): void {
    const client = this.#client!;
    const joined = this.#joined!;
    const codecs = codecsOf(joined.settings.codecs);
    const { slots, slots_max: max } = joined.settings;
    const connection = new Connection({
      settings: { ...joined.settings, slots: Math.max(slots, Math.min(this.#pairs, max)) },
      iceServers: this.#signaling!.iceServers,
      transforms: {
        send: (source) => client.sendTransform(source, codecs[mediaOf(source)]),
        receive: (slot, kind) => client.receiveTransform(slot, kind, codecs[kind]),
      },
      negotiate: async (sdp, heights) => {
        const answer = await this.#signaling!.request({ type: "offer", sdp, heights });
        if (answer.type !== "answer") throw new SfuError("bad_answer", `${answer.type} to offer`);
        if (this.#view.length > 0) this.#sendView().catch(() => {}); // slots that the server knows only now
        return answer satisfies Answer;
      },
      onState: (media) => this.#onMedia(connection, media),
      onFailed: (error) => this.#onConnectionFailed(connection, error),
    });
    this.#connection = connection;
    this.#tiles.reset([]);
    this.#newSlots(connection.slots);
    const failed = (reason: unknown): void => {
      if (this.#connection === connection && asError(reason).code !== "worker_failed") this.#end(asError(reason));
    };
    const { microphone, ...others } = this.#tracks;
    connection.setTrack("microphone", this.#isMuted ? null : microphone).catch(failed);
    for (const [source, track] of Object.entries(others)) connection.setTrack(source as SourceKind, track).catch(failed);
    if (this.#tracks.microphone) this.#tracks.microphone.enabled = !this.#isMuted;
    connection.start(); // with what is wanted known: the offer tells heights
    this.#levels.start();
  }

  #newSlots(slots: readonly Slot[]): void {
    this.#tiles.add(slots);
    this.#ask("slots", { slots: slots.map(({ index }) => ({ slot: index, participant: 0 })) });
    this.#tilesChanged();
  }

  #onMedia(connection: Connection, media: ConnectionState): void {
    if (this.#connection !== connection && this.#connection !== null) return;
    if (media === "connected") this.#backoff.reset();
    this.#tell({ media });
  }

  #onConnectionFailed(connection: Connection, error: SfuError | null): void {
    if (this.#connection !== connection || this.#ended) return;
    this.#closeConnection();
    if (error !== null) return this.#end(error);
    this.#tell({ media: "disconnected" });
    this.#timers.connection = setTimeout(() => this.#client && this.#openConnection(), this.#backoff.next());
  }

  #closeConnection(): void {
    clearTimeout(this.#timers.connection);
    this.#levels.stop();
    this.#connection?.close();
    this.#connection = null;
    this.#asking.stopAll();
    this.#tiles.reset([]);
    this.#tilesChanged();
  }

  #sounds(): { sender: string; receiver: RTCRtpReceiver }[] {
    const slots = this.#connection?.slots ?? [];
    return this.#tiles
      .list()
      .filter(({ kind, sender, source }) => kind === "audio" && sender !== null && source === "microphone")
      .map(({ slot, sender }) => ({ sender: sender!, receiver: slots[slot]!.receiver }));
  }

  // ---- inner workings ----

  #parts(): { client: WorkerClient; signaling: Signaling } {
    if (this.#ended) throw new SfuError("left", "the conference has ended");
    if (this.#client === null || this.#signaling === null) throw new SfuError("worker_failed", "the keys are not there");
    return { client: this.#client, signaling: this.#signaling };
  }

  /** For what no answer is awaited; that the worker died it tells by itself. */
  #ask(...request: Parameters<WorkerClient["request"]>): void {
    this.#client?.request(...request).catch(() => {});
  }

  #peopleChanged(): void {
    this.#emitter.emit("people", this.people);
  }

  #tilesChanged(): void {
    this.#emitter.emit("tiles", this.tiles);
  }

  #tell(change: Partial<State>): void {
    if (this.#ended) return;
    this.#state = { ...this.#state, ...change };
    this.#options.onState?.(this.#state);
    this.#emitter.emit("state", this.#state);
  }

  #end(error: SfuError | null): void {
    if (this.#ended) return;
    this.#unhook();
    this.#signaling?.leave();
    this.#closeConnection();
    this.#client?.close();
    this.#client = null;
    clearTimeout(this.#timers.roster);
    this.#tell({ name: "ended", error });
  }
}
