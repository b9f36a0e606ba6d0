// A page for tests/web/test_worker.py: calls between two peer connections in this page, through real workers.
import { WorkerClient } from "../../src/worker/client.ts";
import type { Events, Stats } from "../../src/worker/messages.ts";

/** The real worker with the link of all, with another link, without any; no transform at all; or a script of the test's. */
type Side = "real" | "other" | "unopened" | "none" | `${string}.js`;

interface CallOptions {
  /** Chromium's flag for connections, which makes more of it fail closed. */
  insertable: boolean;
  /** Whose transceivers are made by `addTransceiver`, as the client makes its own; the other's follow from the offer. */
  offerer: "sender" | "receiver";
  sender: Side;
  receiver: Side;
  /** Gives its senders their tracks without waiting until the worker is ready, as no page should. */
  forced: boolean;
  /** Whether the receiver is handed the sender's profile from the start. */
  introduced: boolean;
}

interface Progress {
  connected: boolean;
  ready: number;
  refused: number; // transforms that the browser did not make, of a worker that it knows to be dead; then the transceiver is stopped
  encoded: number; // video frames that the encoder has made
  sent: number; // packets, audio and video
  received: number; // packets
  decoded: number;
  energy: number; // of the sound heard
  opened: Events["opened"][];
  failed: Events["failed"][];
  receiver: Stats | null;
}

const KINDS = ["video", "audio"] as const;
type Kind = (typeof KINDS)[number];

/** What is behind the transforms of one end. */
class End {
  readonly client: WorkerClient | null = null;
  readonly opened: Events["opened"][] = [];
  readonly failed: Events["failed"][] = [];
  sender = "";
  ready = 0;
  refused = 0;
  private readonly script: Worker | null = null;

  constructor(private readonly side: Side) {
    if (side === "none") return;
    const script = side.endsWith(".js") ? side : "worker.js";
    const worker = new Worker(script);
    if (script === side) {
      this.script = worker;
      worker.onerror = (event) => event.preventDefault(); // that it does not run is what is tested
      return;
    }
    this.client = new WorkerClient(worker);
    this.client.on("opened", (data) => this.opened.push(data));
    this.client.on("failed", (data) => this.failed.push(data));
  }

  async open(link: string): Promise<void> {
    if (!this.client || this.side === "unopened") return;
    const fragment = this.side === "other" ? await this.client.request("make", {}) : link;
    this.sender = (await this.client.request("open", { fragment })).senderId;
  }

  /** Null: the sender has no transform, which only a page of this test would want. Then it is ready at once. */
  sendTransform(kind: Kind): { transform: RTCRtpScriptTransform | null; ready: Promise<void> } {
    if (this.client) return this.client.sendTransform(kind === "video" ? "camera" : "microphone");
    if (!this.script) return { transform: null, ready: Promise.resolve() };
    return { transform: new RTCRtpScriptTransform(this.script, { kind }), ready: new Promise(() => undefined) };
  }

  receiveTransform(kind: Kind): RTCRtpScriptTransform | null {
    if (this.client) return this.client.receiveTransform(KINDS.indexOf(kind), kind).transform;
    return this.script && new RTCRtpScriptTransform(this.script, { kind });
  }
}

class Call {
  readonly from: RTCPeerConnection;
  readonly to: RTCPeerConnection;
  readonly sending: End;
  readonly receiving: End;

  constructor(private readonly options: CallOptions) {
    // With the flag, a connection without a transform sends nothing; here it is to send in clear.
    this.from = connection(options.insertable && options.sender !== "none");
    this.to = connection(options.insertable);
    this.sending = new End(options.sender);
    this.receiving = new End(options.receiver);
    this.from.onicecandidate = ({ candidate }) => void (candidate && this.to.addIceCandidate(candidate));
    this.to.onicecandidate = ({ candidate }) => void (candidate && this.from.addIceCandidate(candidate));
    this.to.ontrack = ({ track }) => play(track);
  }

  async start(link: string, stream: MediaStream): Promise<void> {
    await this.sending.open(link);
    await this.receiving.open(link);
    const [offering, answering] = this.options.offerer === "sender" ? [this.from, this.to] : [this.to, this.from];
    for (const kind of KINDS) {
      const direction = this.options.offerer === "sender" ? "sendonly" : "recvonly";
      const transceiver = offering.addTransceiver(kind, { direction });
      this.prepare(kind, transceiver, stream);
      if (kind === "video") preferVp8(transceiver);
    }
    const gathered = await offering.createOffer();
    await answering.setRemoteDescription(gathered);
    for (const transceiver of answering.getTransceivers()) {
      const kind = transceiver.receiver.track.kind as Kind;
      transceiver.direction = this.options.offerer === "sender" ? "recvonly" : "sendonly";
      this.prepare(kind, transceiver, stream);
    }
    // Candidates go out from here on, when both ends can take them.
    await offering.setLocalDescription(gathered);
    const answer = await answering.createAnswer();
    await offering.setRemoteDescription(answer);
    await answering.setLocalDescription(answer);
    if (this.options.introduced && this.sending.sender && this.receiving.sender) await this.introduce();
  }

  async introduce(): Promise<void> {
    const sources = KINDS.map((kind) => ({ kind: kind === "video" ? "camera" : "microphone", muted: false }) as const);
    for (const { kind } of sources) await this.sending.client?.request("addSource", { source: kind });
    const bytes = await this.sending.client?.request("sealProfile", { name: "Ana", sources, recording: false });
    if (bytes) await this.receiving.client?.request("openProfile", { participant: 1, bytes });
  }

  async progress(): Promise<Progress> {
    const [sent, got] = [reports(await this.from.getStats()), reports(await this.to.getStats())];
    const sum = (of: Record<string, unknown>[], type: string, name: string): number =>
      of.filter((report) => report["type"] === type).reduce((total, report) => total + Number(report[name] ?? 0), 0);
    const asked = this.options.receiver === "real" || this.options.receiver === "other";
    return {
      connected: this.from.connectionState === "connected" && this.to.connectionState === "connected",
      ready: this.sending.ready,
      refused: this.sending.refused + this.receiving.refused,
      encoded: sum(sent, "outbound-rtp", "framesEncoded"),
      sent: sum(sent, "outbound-rtp", "packetsSent"),
      received: sum(got, "inbound-rtp", "packetsReceived"),
      decoded: sum(got, "inbound-rtp", "framesDecoded"),
      energy: sum(got, "inbound-rtp", "totalAudioEnergy"),
      opened: this.receiving.opened,
      failed: this.receiving.failed,
      receiver: (asked && (await this.receiving.client?.request("stats", {}))) || null,
    };
  }

  end(): void {
    this.from.close();
    this.to.close();
    this.sending.client?.close();
    this.receiving.client?.close();
  }

  private prepare(kind: Kind, transceiver: RTCRtpTransceiver, stream: MediaStream): void {
    try {
      this.transform(kind, transceiver, stream);
    } catch {
      (transceiver.direction === "recvonly" ? this.receiving : this.sending).refused++;
      transceiver.stop();
    }
  }

  private transform(kind: Kind, transceiver: RTCRtpTransceiver, stream: MediaStream): void {
    if (transceiver.direction === "recvonly") {
      const transform = this.receiving.receiveTransform(kind);
      if (transform) transceiver.receiver.transform = transform;
      return;
    }
    const { sender } = transceiver;
    const { transform, ready } = this.sending.sendTransform(kind);
    if (transform) sender.transform = transform;
    void ready.then(() => this.sending.ready++);
    const track = stream.getTracks().find((one) => one.kind === kind) ?? null;
    void (this.options.forced ? Promise.resolve() : ready).then(() => sender.replaceTrack(track));
  }
}

function connection(encodedInsertableStreams: boolean): RTCPeerConnection {
  return new RTCPeerConnection({ encodedInsertableStreams } as RTCConfiguration);
}

function preferVp8(transceiver: RTCRtpTransceiver): void {
  const codecs = RTCRtpReceiver.getCapabilities("video")?.codecs ?? [];
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => ["video/VP8", "video/rtx"].includes(mimeType)));
}

/** Without a player nobody asks the decoder for sound. */
function play(track: MediaStreamTrack): void {
  const element = document.createElement(track.kind === "video" ? "video" : "audio");
  element.autoplay = true;
  element.srcObject = new MediaStream([track]);
  document.body.append(element);
}

function reports(stats: RTCStatsReport): Record<string, unknown>[] {
  return [...(stats as unknown as Map<string, Record<string, unknown>>).values()];
}

const calls: Call[] = [];
let shared: Promise<{ link: string; stream: MediaStream }> | null = null;

async function share(): Promise<{ link: string; stream: MediaStream }> {
  const maker = new WorkerClient(new Worker("worker.js"));
  const link = await maker.request("make", {});
  maker.close();
  const video = { width: 320, height: 180, frameRate: 20 };
  return { link, stream: await navigator.mediaDevices.getUserMedia({ audio: true, video }) };
}

/** What the test calls; a call is known by its number. */
const page = {
  async call(options: CallOptions): Promise<number> {
    const { link, stream } = await (shared ??= share());
    const call = new Call(options);
    calls.push(call);
    await call.start(link, stream);
    return calls.length - 1;
  },
  progress: (call: number): Promise<Progress> | undefined => calls[call]?.progress(),
  introduce: (call: number): Promise<void> | undefined => calls[call]?.introduce(),
  sender: (call: number): string | undefined => calls[call]?.sending.sender,
  end: (): void => calls.forEach((call) => call.end()),
};
Object.assign(globalThis, { page });
