/**
 * One session with the server, across as many connections as it takes (sfu/signaling/PROTOCOL.md): greets, resumes after
 * a cut, repeats the requests whose answers were swallowed, counts events, and keeps to the server's limits.
 *
 * Sockets, clock and chance come from outside (`Io`), so that tests run it without any of them.
 */
import { Backoff } from "./backoff.ts";
import { TokenBucket } from "./bucket.ts";
import { SfuError } from "./errors.ts";
import {
  type Demand,
  type Joined,
  type Limits,
  type Reply,
  type ServerEvent,
  SUBPROTOCOL,
  VERSION,
  decodeFrame,
  encodeFrame,
  parse,
} from "./wire.ts";

export interface Socket {
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(code: number): void;
}

export interface SocketHandlers {
  onOpen(): void;
  onText(text: string): void;
  onBinary(data: ArrayBuffer): void;
  /** Also where it never opened. Last call of all. */
  onClose(code: number): void;
}

export interface Io {
  connect(url: string, handlers: SocketHandlers): Socket;
  /** Milliseconds of a clock that does not go back. */
  now(): number;
  /** Runs `work` once, later; the result cancels it. */
  later(ms: number, work: () => void): () => void;
  /** As Math.random. */
  random(): number;
}

export type SignalingState =
  | { name: "connecting" }
  | { name: "open" }
  /** No connection; the next try is in `retryMs`. `reached` tells whether this session ever had one. */
  | { name: "waiting"; retryMs: number; reached: boolean }
  | { name: "ended" };

export interface SignalingHandlers {
  onState(state: SignalingState): void;
  onEvent(event: ServerEvent): void;
  /** `participant` is the sender by the server's word: a hint and no more. */
  onFrame(kind: number, participant: number, payload: Uint8Array<ArrayBuffer>): void;
  /** The participant is gone and all requests under way have failed: join anew, here. */
  onLost(): void;
  /** For good, and not by `leave`. */
  onEnded(error: SfuError): void;
}

/** Close codes that a client gives. After 1000 the server lets the participant go at once, after 4000 it waits for them. */
const CLOSE_LEFT = 1000;
const CLOSE_FOR_ANOTHER = 4000;
const CLOSE_NO_VERSION = 1002;
const CLOSE_TAKEN_OVER = 4002;

const OPEN_MS = 10_000;
const ANSWER_MS = 20_000;
const LEAVE_MS = 30_000;
const REFUSALS = 8; // of one request for the rate; then it has failed
/** After being refused for the rate, doubled each time. An offer is taken in two seconds at the latest, or the next two. */
const REFUSED_MS = 100;
const REFUSED_MAX_MS = 2_000;
const MOVES_MAX = 4;

/** Timers by what they wait for: the next try, a connection, the server's rate, an answer, a chance to say good-bye. */
type Timer = "retry" | "open" | "rate" | "answer" | "leave";

interface Pending {
  id: number;
  data: string | Uint8Array<ArrayBuffer>;
  isJoin: boolean;
  isSent: boolean;
  refusals: number;
  resolve(reply: Reply): void;
  reject(error: SfuError): void;
}

export class Signaling {
  #url: string;
  readonly #handlers: SignalingHandlers;
  readonly #io: Io;
  readonly #backoff: Backoff;
  #state: SignalingState = { name: "connecting" };
  #socket: Socket | null = null;
  #generation = 0; // of sockets: what an abandoned one still says is not heard
  #isGreeted = false;
  #session = "";
  #seq = 0;
  #nextId = 1;
  #helloId = 0;
  #hasJoined = false;
  #isLeaving = false;
  #moves = 0;
  #limits: Limits | null = null;
  #iceServers: RTCIceServer[] = [];
  #messages: TokenBucket | null = null;
  #relayed: TokenBucket | null = null;
  #refusedUntil = -Infinity;
  readonly #pending = new Map<number, Pending>(); // in order of ids
  readonly #timers: Partial<Record<Timer, () => void>> = {};

  constructor(url: string, handlers: SignalingHandlers, io: Io) {
    this.#url = url;
    this.#handlers = handlers;
    this.#io = io;
    this.#backoff = new Backoff(io.random);
  }

  get limits(): Limits | null {
    return this.#limits;
  }

  get iceServers(): RTCIceServer[] {
    return this.#iceServers;
  }

  get state(): SignalingState {
    return this.#state;
  }

  start(): void {
    this.#connect();
  }

  /** Enters the room. May be called again after `onLost`. */
  async join(room: string, token?: string): Promise<Joined> {
    const reply = await this.#request({ type: "join", room, ...(token === undefined ? {} : { token }) });
    if (reply.type !== "joined") throw new SfuError("bad_answer", `${reply.type} to join`);
    return reply;
  }

  /** Fails with what the server answers, or when the participant is lost. A cut connection only delays it. */
  request(demand: Exclude<Demand, { type: "join" | "leave" }>): Promise<Reply> {
    return this.#request(demand);
  }

  /** Has a frame handed on to a participant, or to all others with 0. */
  async relay(kind: number, participant: number, payload: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#add(false, (id) => encodeFrame({ kind, id, participant, payload }));
  }

  /** The network may be another: a connection that stands may lead nowhere and tell nobody. */
  wake(): void {
    if (this.#state.name === "waiting") this.#connect();
    else if (this.#state.name === "open") this.#reconnect();
  }

  /** Leaves at once and says so, where there is a connection to say it on. Safe while the page goes away. */
  leave(): void {
    if (this.#state.name === "ended") return;
    const mayBeIn = this.#hasJoined || [...this.#pending.values()].some(({ isJoin }) => isJoin);
    this.#fail(new SfuError("left", "you have left"));
    this.#setState({ name: "ended" });
    if (this.#isGreeted && mayBeIn) {
      this.#sayLeave();
    } else if (mayBeIn && this.#session !== "") {
      // Between two connections: come back to say it, but not for longer than the server would wait.
      this.#isLeaving = true;
      this.#timers.leave = this.#io.later(LEAVE_MS, () => this.#drop(CLOSE_LEFT));
      if (this.#socket === null) this.#connect();
    } else {
      this.#drop(CLOSE_LEFT);
    }
  }

  #sayLeave(): void {
    this.#socket?.send(JSON.stringify({ v: VERSION, id: this.#nextId++, type: "leave" }));
    this.#drop(CLOSE_LEFT);
  }

  // ---- requests ----

  #request(demand: Demand): Promise<Reply> {
    return this.#add(demand.type === "join", (id) => JSON.stringify({ v: VERSION, id, ...demand }));
  }

  #add(isJoin: boolean, encode: (id: number) => Pending["data"]): Promise<Reply> {
    if (this.#state.name === "ended") return Promise.reject(new SfuError("left", "the session has ended"));
    return new Promise((resolve, reject) => {
      const id = this.#nextId++;
      this.#pending.set(id, { id, data: encode(id), isJoin, isSent: false, refusals: 0, resolve, reject });
      this.#pump();
    });
  }

  /** Sends what waits, in order, as fast as the server takes it. */
  #pump(): void {
    if (!this.#isGreeted || this.#socket === null) return;
    for (const pending of this.#pending.values()) {
      if (pending.isSent) continue;
      const wait = this.#takeRate(pending);
      if (wait > 0) {
        this.#stop("rate");
        this.#timers.rate = this.#io.later(wait, () => this.#pump());
        break;
      }
      pending.isSent = true;
      this.#socket.send(pending.data);
    }
    this.#watchAnswers();
  }

  /** Milliseconds to wait before this may be sent; 0 and it is counted. */
  #takeRate({ data }: Pending): number {
    const now = this.#io.now();
    if (now < this.#refusedUntil) return this.#refusedUntil - now; // in order, so that all wait
    const wait = this.#messages?.take(1, now) ?? 0;
    if (wait > 0 || typeof data === "string") return wait;
    return this.#relayed?.take(data.length, now) ?? 0;
  }

  /** A connection that leads nowhere may take minutes to say so. Asking again costs nothing: ids are the same. */
  #watchAnswers(): void {
    const waits = [...this.#pending.values()].some(({ isSent }) => isSent);
    if (!waits) this.#stop("answer");
    else this.#timers.answer ??= this.#io.later(ANSWER_MS, () => this.#reconnect());
  }

  #onReply(reply: Reply): void {
    if (reply.id === null || reply.id === undefined) return;
    this.#stop("answer"); // something comes through: time begins again
    const pending = this.#pending.get(reply.id);
    if (pending === undefined) return this.#watchAnswers();
    const isRefused = reply.type === "error" && reply.code === "rate_limited";
    if (isRefused && ++pending.refusals < REFUSALS) {
      const now = this.#io.now();
      this.#messages?.drain(now);
      this.#refusedUntil = now + Math.min(REFUSED_MAX_MS, REFUSED_MS * 2 ** pending.refusals);
      pending.isSent = false;
      this.#pump();
      return;
    }
    if (reply.type === "moved" && pending.isJoin && this.#move(reply.url)) return;
    this.#pending.delete(reply.id);
    if (isRefused) {
      pending.reject(new SfuError("rate_limited", `the server refused ${REFUSALS} times: too much is asked of it`));
    } else if (reply.type === "error") {
      pending.reject(new SfuError(reply.code, reply.message));
    } else if (reply.type === "moved") {
      pending.reject(new SfuError("bad_answer", "the room has moved too often, or to no place for it"));
    } else {
      if (reply.type === "joined") {
        this.#hasJoined = true;
        this.#moves = 0; // it is going round and round that has an end, not moving
      }
      pending.resolve(reply);
    }
    this.#watchAnswers();
  }

  /** The room is elsewhere: the same request goes there. */
  #move(to: string): boolean {
    if (!URL.canParse(to) || ++this.#moves > MOVES_MAX) return false;
    const { href, protocol } = new URL(to);
    // Nothing that a server says leads from an encrypted connection to a plain one.
    if (protocol !== "wss:" && !(protocol === "ws:" && this.#url.startsWith("ws:"))) return false;
    this.#url = href;
    this.#forgetSession();
    this.#reconnect();
    return true;
  }

  // ---- connections ----

  #connect(): void {
    this.#stop("retry");
    const generation = ++this.#generation;
    const mine = (work: () => void): void => {
      if (generation === this.#generation) work();
    };
    this.#isGreeted = false;
    this.#setState({ name: "connecting" });
    this.#socket = this.#io.connect(this.#url, {
      onOpen: () => mine(() => this.#greet(this.#session !== "")),
      onText: (text) => mine(() => this.#onText(text)),
      onBinary: (data) => mine(() => this.#onBinary(data)),
      onClose: (code) => mine(() => this.#onClose(code)),
    });
    this.#stop("open");
    this.#timers.open = this.#io.later(OPEN_MS, () => mine(() => this.#isGreeted || this.#reconnect()));
  }

  #greet(resume: boolean): void {
    this.#helloId = this.#nextId++;
    const hello = { v: VERSION, id: this.#helloId, type: "hello", versions: [VERSION], capabilities: [] };
    const back = resume ? { resume: { session: this.#session, seq: this.#seq } } : {};
    this.#socket?.send(JSON.stringify({ ...hello, ...back }));
  }

  #onText(text: string): void {
    const message = parse(text);
    if (message === null) return;
    if ("event" in message) {
      if (!this.#count(message.event.seq)) return;
      if (message.event.type === "closing") this.#onClosing(message.event.code);
      else if (message.event.type !== "unknown") this.#handlers.onEvent(message.event);
    } else if (message.reply.id === this.#helloId) {
      this.#onGreeted(message.reply);
    } else {
      this.#onReply(message.reply);
    }
  }

  #onGreeted(reply: Reply): void {
    if (reply.type === "error") {
      if (reply.code === "resume_expired" && this.#session !== "") this.#onExpired();
      else if (reply.code === "unsupported_version") this.#end(new SfuError(reply.code, reply.message));
      else this.#reconnect();
      return;
    }
    if (reply.type !== "welcome") return;
    this.#backoff.reset();
    this.#stop("open");
    if (this.#isLeaving) return this.#sayLeave();
    this.#isGreeted = true;
    this.#session = reply.session;
    this.#iceServers = reply.ice_servers;
    this.#takeLimits(reply.limits);
    for (const pending of this.#pending.values()) pending.isSent = false;
    const isLost = this.#hasJoined && !reply.resumed;
    if (isLost) this.#lose();
    if (isLost) this.#handlers.onLost(); // before it is told that all is well
    this.#setState({ name: "open" });
    this.#pump();
  }

  #takeLimits(limits: Limits): void {
    const now = this.#io.now();
    this.#limits = limits;
    // Somewhat less than allowed, since both sides' clocks and networks differ. The burst may have been used up before.
    this.#messages = new TokenBucket(0.9 * limits.messages_per_second, Math.max(1, limits.message_burst / 2), now);
    this.#relayed = new TokenBucket(
      0.9 * limits.relay_bytes_per_second,
      Math.max(limits.binary_bytes, limits.relay_burst_bytes / 2),
      now,
    );
  }

  /** There is nothing to resume. What was asked of the participant that is gone has failed; a join still holds. */
  #onExpired(): void {
    if (this.#isLeaving) return this.#drop(CLOSE_LEFT);
    const hadJoined = this.#hasJoined;
    this.#forgetSession();
    this.#hasJoined = hadJoined; // the welcome that follows tells the owner
    this.#greet(false);
  }

  /** A server that is started again, or another one in its place, is come back to; every other end is one. */
  #onClosing(code: string): void {
    if (code !== "shutting_down" || !this.#hasJoined) return this.#end(new SfuError(code, "the server ended the session"));
    this.#forgetSession();
    this.#hasJoined = true; // the welcome that follows tells the owner
    this.#reconnect();
  }

  #lose(): void {
    this.#hasJoined = false;
    this.#fail(new SfuError("resume_expired", "the participant is gone"));
  }

  #forgetSession(): void {
    this.#session = "";
    this.#seq = 0;
    this.#hasJoined = false;
  }

  #onClose(code: number): void {
    this.#socket = null;
    this.#isGreeted = false;
    this.#stop("open");
    this.#stop("answer");
    if (code === CLOSE_TAKEN_OVER) return this.#end(new SfuError("taken_over", "another connection took this session"));
    if (code === CLOSE_NO_VERSION) return this.#end(new SfuError("unsupported_version", "no version in common"));
    const retryMs = this.#backoff.next();
    this.#timers.retry = this.#io.later(retryMs, () => this.#connect());
    this.#setState({ name: "waiting", retryMs, reached: this.#session !== "" }); // last: who hears it may leave
  }

  /** Gives this connection up for another one, which takes the session over. */
  #reconnect(): void {
    this.#socket?.close(CLOSE_FOR_ANOTHER);
    this.#generation++;
    this.#onClose(CLOSE_FOR_ANOTHER);
  }

  // ---- events ----

  #onBinary(data: ArrayBuffer): void {
    const frame = decodeFrame(data);
    if (frame !== null && this.#count(frame.id)) this.#handlers.onFrame(frame.kind, frame.participant, frame.payload);
  }

  /** Whether this event is the next one. One that was here before is ignored; upon a gap the server is asked again. */
  #count(seq: number): boolean {
    if (!this.#isGreeted || seq <= this.#seq) return false;
    if (seq > this.#seq + 1) {
      this.#reconnect();
      return false;
    }
    this.#seq = seq;
    return true;
  }

  // ---- the end ----

  #end(error: SfuError): void {
    if (this.#state.name === "ended") return;
    this.#drop(CLOSE_LEFT);
    this.#fail(error);
    this.#setState({ name: "ended" });
    this.#handlers.onEnded(error);
  }

  #fail(error: SfuError): void {
    const failed = [...this.#pending.values()];
    this.#pending.clear();
    for (const { reject } of failed) reject(error);
  }

  #drop(code: number): void {
    for (const timer of Object.keys(this.#timers)) this.#stop(timer as Timer);
    this.#generation++;
    this.#socket?.close(code);
    this.#socket = null;
    this.#isGreeted = false;
    this.#isLeaving = false;
  }

  #stop(timer: Timer): void {
    this.#timers[timer]?.();
    delete this.#timers[timer];
  }

  #setState(state: SignalingState): void {
    if (this.#state.name === "ended") return;
    this.#state = state;
    this.#handlers.onState(state);
  }
}

/** Sockets and timers of the browser. */
export const browserIo: Io = {
  connect(url, handlers) {
    const socket = new WebSocket(url, SUBPROTOCOL);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => handlers.onOpen();
    socket.onmessage = ({ data }: MessageEvent<string | ArrayBuffer>) => {
      if (typeof data === "string") handlers.onText(data);
      else handlers.onBinary(data);
    };
    socket.onclose = ({ code }) => handlers.onClose(code);
    return {
      send: (data) => {
        // While it closes nothing goes out any more, and close follows.
        if (socket.readyState === WebSocket.OPEN) socket.send(data);
      },
      close: (code) => socket.close(code),
    };
  },
  now: () => performance.now(),
  later(ms, work) {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};
