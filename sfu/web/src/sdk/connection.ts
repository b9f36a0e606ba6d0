/**
 * The one RTCPeerConnection: what is sent, the slots in which others are received, and how it survives a change of
 * network. It always offers; what it does not know how to heal it reports, and its owner makes a new one.
 *
 * Closed by construction (sfu/e2ee/PROTOCOL.md, "Sending, closed"): every transceiver gets its transform in the task that
 * makes it and never loses it, a sender has no track before its transform is ready, and nothing is `sendrecv`.
 */
import { Backoff } from "./backoff.ts";
import { SEALABLE } from "./codecs.ts";
import { SfuError, asError } from "./errors.ts";
import { sealOpus } from "./sdp.ts";
import type { Answer, Settings } from "./wire.ts";

export type SenderKind = "microphone" | "camera";
export type MediaKind = "audio" | "video";

/** What runs in the worker, as the connection needs it. Both are called in the task that attaches the result. */
export interface Transforms {
  /** `ready` settles once the transform runs and holds a key. */
  send(kind: SenderKind): { transform: RTCRtpScriptTransform; ready: Promise<void> };
  receive(slot: number, kind: MediaKind): RTCRtpScriptTransform;
}

/** A `recvonly` m-line: somebody's picture or sound. Who it is the keys say, never the slot. */
export interface Slot {
  readonly index: number;
  readonly kind: MediaKind;
  readonly receiver: RTCRtpReceiver;
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

/** What browsers that have less layers for a small picture leave out is the upper ones. Firefox needs two or more. */
const LAYERS: readonly RTCRtpEncodingParameters[] = [
  { rid: "q", scaleResolutionDownBy: 4, maxBitrate: 150_000 },
  { rid: "h", scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: "f", scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
];

const SLOTS_MAX = 49; // pairs: what both browsers were seen to take
const DISCONNECTED_MS = 1_500; // ICE comes back by itself from a short gap
const RESTART_MS = 8_000; // for a restart to lead to a connection
const RESTARTS_MAX = 4; // then a new connection

interface Sender {
  readonly transceiver: RTCRtpTransceiver;
  readonly ready: Promise<void>;
  wanted: MediaStreamTrack | null;
  work: Promise<void>;
}

export class Connection {
  readonly #slots: Slot[] = [];
  readonly #pc: RTCPeerConnection;
  readonly #options: ConnectionOptions;
  readonly #senders: Record<SenderKind, Sender>;
  readonly #backoff = new Backoff(Math.random);
  #transport = 0;
  #saidHeights = "";
  #restarts = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #negotiation: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    // The flag is Chromium's: with it a transceiver whose transform is missing sends and plays nothing.
    const configuration = { iceServers: options.iceServers, bundlePolicy: "max-bundle", encodedInsertableStreams: true };
    this.#pc = new RTCPeerConnection(configuration as RTCConfiguration);
    this.#senders = { microphone: this.#addSender("microphone"), camera: this.#addSender("camera") };
    const { slots: pairs, extra_audio_slots: extra } = options.settings;
    this.#addSlots(Math.min(pairs, SLOTS_MAX), Math.min(extra, SLOTS_MAX));
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
    this.#options.onState("connecting");
    this.#negotiate();
  }

  /** What is sent from now on; null for nothing. The transform, its key and its counter stay. */
  setTrack(kind: SenderKind, track: MediaStreamTrack | null): Promise<void> {
    const sender = this.#senders[kind];
    sender.wanted = track;
    // One after the other, so that the last one wins.
    const done = sender.work.then(async () => {
      await sender.ready;
      const { sender: rtp } = sender.transceiver;
      if (sender.wanted !== track || this.#isClosed) return;
      if (rtp.track !== track) await rtp.replaceTrack(track);
      // A camera of another size, or one that was off: an offer tells how high its layers are.
      if (track && this.#transport !== 0 && JSON.stringify(this.#heights()) !== this.#saidHeights) this.#negotiate();
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
  get sources(): ReadonlyMap<string, SenderKind> {
    const pairs = Object.entries(this.#senders) as [SenderKind, Sender][];
    return new Map(pairs.flatMap(([kind, { transceiver }]) => (transceiver.mid === null ? [] : [[transceiver.mid, kind]])));
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

  #addSender(kind: SenderKind): Sender {
    const media = kind === "microphone" ? "audio" : "video";
    const init: RTCRtpTransceiverInit = { direction: "sendonly" };
    if (media === "video") init.sendEncodings = LAYERS.map((layer) => ({ ...layer }));
    const transceiver = this.#pc.addTransceiver(media, init);
    const { transform, ready } = this.#options.transforms.send(kind);
    transceiver.sender.transform = transform;
    prefer(transceiver, media, this.#options.settings.codecs);
    ready.catch(() => {}); // setTrack tells: then nothing is ever attached
    return { transceiver, ready, wanted: null, work: Promise.resolve() };
  }

  #addSlots(pairs: number, extra: number): void {
    const kinds: MediaKind[] = [];
    for (let k = 0; k < pairs; k++) kinds.push("video", "audio");
    for (let k = 0; k < extra; k++) kinds.push("audio");
    for (const kind of kinds) {
      const index = this.#slots.length;
      const transceiver = this.#pc.addTransceiver(kind, { direction: "recvonly" });
      transceiver.receiver.transform = this.#options.transforms.receive(index, kind);
      prefer(transceiver, kind, this.#options.settings.codecs);
      this.#slots.push({ index, kind, receiver: transceiver.receiver });
    }
  }

  // ---- offers ----

  #negotiate(): void {
    this.#negotiation = this.#negotiation.then(() => this.#offer()).catch((reason: unknown) => this.#onRefused(asError(reason)));
  }

  async #offer(): Promise<void> {
    if (this.#isClosed) return;
    await this.#pc.setLocalDescription(await this.#pc.createOffer());
    const heights = this.#heights();
    this.#saidHeights = JSON.stringify(heights);
    const answer = await this.#options.negotiate(this.#pc.localDescription!.sdp, heights);
    if (this.#isClosed) return;
    if (this.#transport !== 0 && answer.transport !== this.#transport) {
      // The server has lost its side: there is no association to go on with.
      this.#fail(null);
      return;
    }
    this.#transport = answer.transport;
    await this.#pc.setRemoteDescription({ type: "answer", sdp: sealOpus(answer.sdp) });
  }

  /** What the server needs to choose a layer by. Of a camera that is off it makes its own guess. */
  #heights(): Record<string, number[]> {
    const { transceiver, wanted } = this.#senders.camera;
    const height = wanted?.getSettings().height ?? 0;
    const layers = LAYERS.map(({ scaleResolutionDownBy: by = 1 }) => Math.round(height / by));
    const isKnown = layers[0]! > 0 && transceiver.mid !== null;
    return isKnown ? { [transceiver.mid!]: layers } : {};
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
