// The page's end of the worker: requests as promises, events as callbacks, and the transforms. It holds no key.
import type {
  CodecName,
  ErrorCode,
  EventName,
  Events,
  FromWorker,
  MediaKind,
  Method,
  Request,
  Requests,
  SourceKind,
  TransformOptions,
} from "./messages.ts";

/** What the worker refused; or it has died, or its script did not come. `code` is stable, `message` for people. */
export class WorkerError extends Error {
  constructor(
    readonly code: ErrorCode | "died" | "not_loaded",
    message: string,
  ) {
    super(message);
    this.name = "WorkerError";
  }
}

interface Waiting {
  resolve(result: never): void;
  reject(error: WorkerError): void;
}

type Handlers = { [E in EventName]: Set<(data: Events[E]) => void> };

export class WorkerClient {
  private next = 1;
  private dead: WorkerError | null = null;
  private readonly waiting = new Map<number, Waiting>();
  private readonly transforms = new Map<number, Waiting>(); // send transforms that are not ready
  private readonly handlers: Handlers = {
    ready: new Set(),
    roster: new Set(),
    opened: new Set(),
    failed: new Set(),
    wrong_sender: new Set(),
    behind: new Set(),
    profile_changed: new Set(),
    died: new Set(),
  };

  /** `worker` runs worker.js of the bundle and is this client's alone. */
  constructor(private readonly worker: Worker) {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.receive(data);
    // What is thrown in it has a message; where its script does not come there is none.
    worker.onerror = ({ message }) => (message ? this.die(message) : this.die("the worker could not be loaded", "not_loaded"));
    worker.onmessageerror = () => this.die("a message of the worker could not be read");
  }

  /** Gives what ends it. */
  on<E extends EventName>(event: E, handler: (data: Events[E]) => void): () => void {
    this.handlers[event].add(handler);
    return () => this.handlers[event].delete(handler);
  }

  /** Rejects with WorkerError. Buffers in `params` are copied. */
  request<M extends Method>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
    return new Promise((resolve, reject) => {
      if (this.dead) return reject(this.dead);
      const id = this.next++;
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, method, params } as Request);
    });
  }

  /**
   * For a sender without a track: set it in the task in which the transceiver was made, and call `replaceTrack` after
   * `ready`, which rejects if the worker dies and else may never come. Throws WorkerError if it is dead: then there is
   * no transform, and there must be no track.
   */
  sendTransform(source: SourceKind, codec?: CodecName): { transform: RTCRtpScriptTransform; ready: Promise<void> } {
    const id = this.next++;
    const transform = this.transform({ direction: "send", transform: id, source, ...(codec && { codec }) });
    const ready = new Promise<void>((resolve, reject) => {
      this.transforms.set(id, { resolve: resolve as () => void, reject });
    });
    ready.catch(() => undefined); // whoever waits is told; that nobody waits is no error
    return { transform, ready };
  }

  /**
   * For a slot: set it in the task in which the transceiver was made. Events about the slot bear its `number`. Throws WorkerError if
   * the worker is dead.
   */
  receiveTransform(slot: number, kind: MediaKind, codec?: CodecName): { transform: RTCRtpScriptTransform; number: number } {
    const number = this.next++;
    return { transform: this.transform({ direction: "receive", transform: number, slot, kind, ...(codec && { codec }) }), number };
  }

  /** Ends the worker, and with it all sending and showing. No event follows. */
  close(): void {
    for (const handlers of Object.values(this.handlers)) handlers.clear();
    this.die("closed");
  }

  private transform(options: TransformOptions): RTCRtpScriptTransform {
    if (this.dead) throw this.dead;
    try {
      return new RTCRtpScriptTransform(this.worker, options);
    } catch {
      throw this.die("the worker takes no transform"); // Firefox says so of one that has ended, before any event does
    }
  }

  private receive(message: FromWorker): void {
    if (message.type === "event") {
      if (message.event === "ready") this.settle(this.transforms, message.data.transform)?.resolve(undefined as never);
      this.emit(message);
    } else if (message.type === "reply") {
      this.settle(this.waiting, message.id)?.resolve(message.result as never);
    } else {
      this.settle(this.waiting, message.id)?.reject(new WorkerError(message.code, message.message));
    }
  }

  private emit<E extends EventName>(message: { event: E; data: Events[E] }): void {
    for (const handler of [...this.handlers[message.event]]) handler(message.data);
  }

  private settle(waiting: Map<number, Waiting>, id: number): Waiting | undefined {
    const found = waiting.get(id);
    waiting.delete(id);
    return found;
  }

  private die(message: string, code: "died" | "not_loaded" = "died"): WorkerError {
    if (this.dead) return this.dead;
    const dead = (this.dead = new WorkerError(code, message));
    this.worker.terminate();
    for (const waiting of [this.waiting, this.transforms]) {
      for (const { reject } of waiting.values()) reject(dead);
      waiting.clear();
    }
    this.emit({ event: "died", data: { message } });
    return dead;
  }
}
