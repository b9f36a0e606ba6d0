/**
 * The one RTCPeerConnection: what is sent, the slots in which others are received, and how it survives a change of
 * network. It always offers; what it does not know how to heal it reports, and its owner makes a new one.
 *
 * Closed by construction (sfu/e2ee/PROTOCOL.md, "Sending, closed"): every transceiver gets its transform in the task that
 * makes it and never loses it, a sender has no track before its transform is ready, and nothing is `sendrecv`.
 */
import { type MediaKind, type SourceKind, mediaOf } from "../worker/messages.ts";
import { Backoff } from "./backoff.ts";
import { SEALABLE } from "./codecs.ts";
import { SfuError, asError } from "./errors.ts";
import { sealAnswer } from "./sdp.ts";
import type { Answer, Settings } from "./wire.ts";

/** What runs in the worker, as the connection needs it. Both are called in the task that attaches the result. */
export interface Transforms {
  /** `ready` settles once the transform runs and holds a key. */
  send(source: SourceKind): { transform: RTCRtpScriptTransform; ready: Promise<void> };
  /** `number`: what the worker calls it by. */
  receive(slot: number, kind: MediaKind): { transform: RTCRtpScriptTransform; number: number };
}

/** A `recvonly` m-line: somebody's picture or sound. Who it is the keys say, never the slot. */
export interface Slot {
  readonly index: number;
  readonly kind: MediaKind;
  readonly receiver: RTCRtpReceiver;
  /** The number of its transform: other connections' slots have the same indices. */
  readonly transform: number;
}

export type ConnectionState = "connecting" | "connected" | "disconnected";

export interface ConnectionOptions {
  settings: Settings;
  iceServers: RTCIceServer[];
  transforms: Transforms;
  /** Has the server answer an offer. `heights`: of a sender's simulcast layers in pixels, ascending, by mid. */
  negotiate(sdp: string, heights: Record<string, number[]>): Promise<Answer>;
  onState(state: ConnectionState): void;
  /** It is of no more use. With an error that trying again does not help against, or to be replaced by a new one. */
  onFailed(error: SfuError | null): void;
}

interface Layer extends RTCRtpEncodingParameters {
  rid: string;
  scaleResolutionDownBy: number;
}

/** What browsers that have less layers for a small picture leave out is the upper ones. Firefox needs two or more. */
const CAMERA: readonly Layer[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];
/** Whether it is frames or size that gives way when the network does is for the track's `contentHint` to say. */
const SCREEN: readonly Layer[] = [
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000, maxFramerate: 30 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 2_500_000, maxFramerate: 30 },
];
const SCREEN_HEIGHT = 1080; // of a larger screen as much is sent

const SLOTS_MAX = 49; // pairs: what both browsers were seen to take
const DISCONNECTED_MS = 1_500; // ICE comes back by itself from a short gap
const RESTART_MS = 8_000; // for a restart to lead to a connection
const RESTARTS_MAX = 4; // then a new connection

interface Sender {
  readonly source: SourceKind;
  readonly transceiver: RTCRtpTransceiver;
  readonly ready: Promise<void>;
  wanted: MediaStreamTrack | null;
  work: Promise<void>;
}

export class Connection {
  readonly #slots: Slot[] = [];
  readonly #pc: RTCPeerConnection;
  readonly #options: ConnectionOptions;
  readonly #senders = new Map<SourceKind, Sender>();
  readonly #backoff = new Backoff(Math.random);
  #transport = 0;
  #said = ""; // of what is sent, in the last offer
  #isStarted = false;
  #restarts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #negotiation: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    // The flag is Chromium's: with it a transceiver whose transform is missing sends and plays nothing.
    const configuration = { iceServers: options.iceServers, bundlePolicy: "max-bundle", encodedInsertableStreams: true };
    this.#pc = new RTCPeerConnection(configuration as RTCConfiguration);
    try {
      this.#addSender("microphone", null);
      this.#addSender("camera", null);
      const { slots: pairs, extra_audio_slots: extra } = options.settings;
      this.#addSlots(Math.min(pairs, SLOTS_MAX), Math.min(extra, SLOTS_MAX));
    } catch (reason) {
      this.#pc.close(); // nobody else has it, and browsers keep those that are open
      throw reason;
    }
    this.#pc.onconnectionstatechange = () => this.#onState();
    this.#pc.oniceconnectionstatechange = () => this.#onState();
  }

  get slots(): readonly Slot[] {
    return this.#slots;
  }

  /**
   * Offers so many pairs of slots, or as many as there may be; never fewer than there are. Gives those that are new, and
   * what resolves when the server knows of them.
   */
  grow(pairs: number): { added: readonly Slot[]; offered: Promise<void> } {
    const there = this.#slots.length;
    const videos = this.#slots.filter(({ kind }) => kind === "video").length;
    const wanted = Math.min(pairs, this.#options.settings.slots_max, SLOTS_MAX);
    if (wanted > videos && !this.#isClosed) {
      this.#addSlots(wanted - videos, 0);
      this.#negotiate();
    }
    return { added: this.#slots.slice(there), offered: this.#negotiation };
  }

  start(): void {
    this.#isStarted = true;
    this.#options.onState("connecting");
    this.#negotiate();
  }

  /**
   * What is sent from now on; null for nothing. The transform, its key and its counter stay. A screen and its sound have
   * m-lines from the first time on, which send only while there is a track: others are shown none that is empty.
   */
  setTrack(source: SourceKind, track: MediaStreamTrack | null): Promise<void> {
    const sender = this.#senders.get(source) ?? (track && !this.#isClosed ? this.#addSender(source, track) : null);
    if (sender === null) return Promise.resolve();
    sender.wanted = track;
    // One after the other, so that the last one wins.
    const done = sender.work.then(async () => {
      await sender.ready;
      const { transceiver } = sender;
      if (sender.wanted !== track || this.#isClosed) return;
      if (transceiver.sender.track !== track) {
        if (track && source === "screen") await fit(transceiver.sender, layersOf(source, track));
        await transceiver.sender.replaceTrack(track);
      }
      if (source === "screen" || source === "screen_audio") transceiver.direction = track ? "sendonly" : "inactive";
      this.#tell();
    });
    sender.work = done.catch(() => {});
    return done;
  }

  /** The network may be another one. */
  restart(): void {
    if (this.#isClosed || this.#transport === 0) return; // the first offer is still under way
    this.#restarts = 0;
    this.#restartNow();
  }

  /** What is sent, by the mid of its m-line. */
  get sources(): ReadonlyMap<string, SourceKind> {
    const senders = [...this.#senders.values()];
    return new Map(senders.flatMap(({ source, transceiver: { mid } }) => (mid === null ? [] : [[mid, source]])));
  }

  getStats(): Promise<RTCStatsReport> {
    return this.#pc.getStats();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#pc.onconnectionstatechange = this.#pc.oniceconnectionstatechange = null;
    this.#pc.close();
  }

  // ---- transceivers ----

  #addSender(source: SourceKind, track: MediaStreamTrack | null): Sender {
    const media = mediaOf(source);
    const init: RTCRtpTransceiverInit = { direction: "sendonly" };
    if (media === "video") init.sendEncodings = layersOf(source, track);
    const transceiver = this.#pc.addTransceiver(media, init);
    const { transform, ready } = this.#options.transforms.send(source);
    transceiver.sender.transform = transform;
    prefer(transceiver, media, this.#options.settings.codecs);
    ready.catch(() => {}); // setTrack tells: then nothing is ever attached
    const sender: Sender = { source, transceiver, ready, wanted: null, work: Promise.resolve() };
    this.#senders.set(source, sender);
    return sender;
  }

  #addSlots(pairs: number, extra: number): void {
    const kinds: MediaKind[] = [];
    for (let k = 0; k < pairs; k++) kinds.push("video", "audio");
    for (let k = 0; k < extra; k++) kinds.push("audio");
    for (const kind of kinds) {
      const index = this.#slots.length;
      const transceiver = this.#pc.addTransceiver(kind, { direction: "recvonly" });
      const { transform, number } = this.#options.transforms.receive(index, kind);
      transceiver.receiver.transform = transform;
      prefer(transceiver, kind, this.#options.settings.codecs);
      this.#slots.push({ index, kind, receiver: transceiver.receiver, transform: number });
    }
  }

  // ---- offers ----

  #negotiate(): void {
    this.#negotiation = this.#negotiation.then(() => this.#offer()).catch((reason: unknown) => this.#onRefused(asError(reason)));
  }

  /** A camera of another size, or one that was off, and a screen that comes or goes: if the last offer did not say so, another does. */
  #tell(): void {
    if (!this.#isStarted) return; // the first one will
    this.#negotiation = this.#negotiation
      .then(() => (said(this.#directions(), this.#heights()) === this.#said ? undefined : this.#offer()))
      .catch((reason: unknown) => this.#onRefused(asError(reason)));
  }

  #directions(): Directions {
    return [...this.#senders.values()].map(({ source, transceiver }) => [source, transceiver.direction]);
  }

  async #offer(): Promise<void> {
    if (this.#isClosed) return;
    const directions = this.#directions(); // what changes from here on is not in this offer
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    const heights = this.#heights();
    this.#said = said(directions, heights);
    const answer = await this.#options.negotiate(this.#pc.localDescription!.sdp, heights);
    if (this.#isClosed) return;
    if (this.#transport !== 0 && answer.transport !== this.#transport) {
      // The server has lost its side: there is no association to go on with.
      this.#fail(null);
      return;
    }
    this.#transport = answer.transport;
    await this.#pc.setRemoteDescription({ type: "answer", sdp: sealAnswer(answer.sdp) });
  }

  /** What the server needs to choose a layer by. Of a camera that is off it makes its own guess. */
  #heights(): Record<string, number[]> {
    const heights: Record<string, number[]> = {};
    for (const { source, transceiver, wanted } of this.#senders.values()) {
      const height = wanted?.getSettings().height ?? 0;
      if (mediaOf(source) !== "video" || transceiver.mid === null || height === 0) continue;
      const layers = layersOf(source, wanted).map(({ scaleResolutionDownBy: by }) => Math.round(height / by));
      if (layers[0]! > 0) heights[transceiver.mid] = layers;
    }
    return heights;
  }

  #onRefused(error: SfuError): void {
    if (this.#isClosed || error.code === "left" || error.code === "resume_expired") return; // told elsewhere
    this.#fail(error);
  }

  // ---- health ----

  #onState(): void {
    if (this.#isClosed) return;
    const { connectionState: state, iceConnectionState: ice } = this.#pc;
    if (state === "connected" && (ice === "connected" || ice === "completed")) {
      clearTimeout(this.#timer);
      this.#restarts = 0;
      this.#backoff.reset();
      this.#options.onState("connected");
    } else if (state === "failed" && (ice === "connected" || ice === "completed")) {
      this.#fail(null); // DTLS, which no restart of ICE heals
    } else if (ice === "failed") {
      this.#options.onState("disconnected");
      this.#restartIn(this.#backoff.next());
    } else if (ice === "disconnected") {
      this.#options.onState("disconnected");
      this.#restartIn(DISCONNECTED_MS);
    }
  }

  #restartIn(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#restartNow(), ms);
  }

  #restartNow(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    if (++this.#restarts > RESTARTS_MAX) {
      this.#fail(null);
      return;
    }
    this.#pc.restartIce();
    this.#negotiate();
    const awaited = this.#negotiation;
    void awaited.then(() => this.#watch());
  }

  /** A restart that leads nowhere is tried again: where the pair of before still works there is no change of state to wait for. */
  #watch(): void {
    if (this.#isClosed) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const { iceConnectionState: ice } = this.#pc;
      if (ice !== "connected" && ice !== "completed") this.#restartNow();
      else this.#restarts = 0;
    }, RESTART_MS);
  }

  #fail(error: SfuError | null): void {
    if (this.#isClosed) return;
    this.close();
    this.#options.onFailed(error);
  }
}

type Directions = (readonly [SourceKind, RTCRtpTransceiverDirection])[];

/** What an offer says of what is sent, to be compared. */
function said(directions: Directions, heights: Record<string, number[]>): string {
  return JSON.stringify([directions, heights]);
}

function layersOf(source: SourceKind, track: MediaStreamTrack | null): Layer[] {
  if (source === "camera") return CAMERA.map((layer) => ({ ...layer }));
  const shrink = Math.max(1, (track?.getSettings().height ?? 0) / SCREEN_HEIGHT);
  return SCREEN.map((layer) => ({ ...layer, scaleResolutionDownBy: layer.scaleResolutionDownBy * shrink }));
}

/** A screen of another size than the one before. */
async function fit(sender: RTCRtpSender, layers: readonly Layer[]): Promise<void> {
  const parameters = sender.getParameters();
  const scales = new Map(layers.map(({ rid, scaleResolutionDownBy }) => [rid, scaleResolutionDownBy]));
  let isOther = false;
  for (const encoding of parameters.encodings) {
    const by = scales.get(encoding.rid ?? "");
    if (by === undefined || by === encoding.scaleResolutionDownBy) continue;
    encoding.scaleResolutionDownBy = by;
    isOther = true;
  }
  if (isOther) await sender.setParameters(parameters).catch(() => {}); // then it is sent larger than need be
}

/** Only the room's codecs, and retransmission: what is not offered cannot be turned on by an answer. */
function prefer(transceiver: RTCRtpTransceiver, kind: MediaKind, codecs: readonly string[]): void {
  const known = RTCRtpReceiver.getCapabilities(kind)?.codecs ?? [];
  const named = (name: string): RTCRtpCodec[] =>
    known.filter(({ mimeType }) => mimeType.toLowerCase() === `${kind}/${name}`.toLowerCase());
  const wanted = codecs.map((codec) => codec.toLowerCase());
  const chosen = SEALABLE[kind].filter((codec) => wanted.includes(codec.toLowerCase()));
  chosen.sort((a, b) => wanted.indexOf(a.toLowerCase()) - wanted.indexOf(b.toLowerCase()));
  const offered = chosen.flatMap(named);
  if (offered.length === 0) throw new SfuError("no_codec", `no ${kind} codec in common with the server`);
  transceiver.setCodecPreferences([...offered, ...named("rtx")]);
}
