// Stands in for page and browser around a worker: two of these talk without either.
import assert from "node:assert/strict";
import { CryptoWorker } from "../src/worker/worker.ts";
import type { EventName, Events, FromWorker, Method, Request, Requests, TransformOptions } from "../src/worker/messages.ts";
import type { EncodedFrame, Transformer } from "../src/worker/transformer.ts";

/** The time of all, moved by hand. */
export class Clock {
  nowMs = 1_795_539_600_000;
  private readonly tasks: { atMs: number; task: () => void }[] = [];

  clock(): number {
    return this.nowMs;
  }

  after(ms: number, task: () => void): void {
    this.tasks.push({ atMs: this.nowMs + ms, task });
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const { task } of this.tasks.filter(({ atMs }) => atMs <= this.nowMs)) task();
    this.tasks.splice(0, this.tasks.length, ...this.tasks.filter(({ atMs }) => atMs > this.nowMs));
  }
}

export class FakeFrame implements EncodedFrame {
  data: ArrayBuffer;

  constructor(
    bytes: Uint8Array | ArrayBuffer,
    private readonly mimeType?: string,
    private readonly rtpTimestamp?: number,
  ) {
    this.data = new Uint8Array(bytes).slice().buffer;
  }

  getMetadata(): { mimeType?: string; rtpTimestamp?: number } {
    const { mimeType, rtpTimestamp } = this;
    return { ...(mimeType !== undefined && { mimeType }), ...(rtpTimestamp !== undefined && { rtpTimestamp }) };
  }
}

/** What goes into `put` comes out of the transform in `out`. */
export class FakeTransformer implements Transformer {
  readonly out: FakeFrame[] = [];
  requests = 0;
  private input!: ReadableStreamDefaultController<EncodedFrame>;
  readonly readable = new ReadableStream<EncodedFrame>({ start: (controller) => void (this.input = controller) });
  readonly writable = new WritableStream<EncodedFrame>({ write: (frame) => void this.out.push(frame as FakeFrame) });
  generateKeyFrame?: () => Promise<unknown>;

  put(bytes: Uint8Array | ArrayBuffer, mimeType?: string, rtpTimestamp?: number): void {
    this.input.enqueue(new FakeFrame(bytes, mimeType, rtpTimestamp));
  }

  end(): void {
    this.input.close();
  }

  sendKeyFrameRequest(): Promise<void> {
    this.requests++;
    return Promise.resolve();
  }

  get bytes(): number[][] {
    return this.out.map(({ data }) => [...new Uint8Array(data)]);
  }
}

type Told = { [E in EventName]: { event: E; data: Events[E] } }[EventName];

export class FakePage {
  /** Whether it draws what it is told, at once. */
  draws = true;
  readonly events: Told[] = [];
  private readonly replies = new Map<number, FromWorker>();
  private next = 1;
  readonly worker: CryptoWorker;

  constructor(readonly clock: Clock) {
    const post = (message: FromWorker): void => {
      // What cannot be cloned, a browser would not carry.
      const copy = structuredClone(message);
      if (copy.type !== "event") return void this.replies.set(copy.id, copy);
      this.events.push({ event: copy.event, data: copy.data } as Told);
      if (copy.event === "opened" && this.draws) void this.request("drawn", { change: copy.data.change });
    };
    this.worker = new CryptoWorker(post, {
      emit: post,
      clock: () => clock.clock(),
      after: (ms, task) => clock.after(ms, task),
    });
  }

  async request<M extends Method>(method: M, params: Requests[M]["params"]): Promise<Requests[M]["result"]> {
    const id = this.next++;
    await this.worker.onRequest({ id, method, params } as Request);
    const reply = this.replies.get(id);
    assert(reply && reply.type !== "event");
    if (reply.type === "error") throw Object.assign(new Error(reply.message), { code: reply.code });
    return reply.result;
  }

  transform(options: TransformOptions): FakeTransformer {
    const transformer = new FakeTransformer();
    void this.worker.onTransform(transformer, options);
    return transformer;
  }

  told<E extends EventName>(event: E): Events[E][] {
    return this.events.filter((told) => told.event === event).map(({ data }) => data as Events[E]);
  }
}

/** Until it is so, however long streams and WebCrypto take. */
export async function settle(ready: () => boolean | Promise<boolean>): Promise<void> {
  for (let turn = 0; !(await ready()); turn++) {
    assert(turn < 100_000, "it did not come to pass");
    await turns(1);
  }
}

/** For what must not happen, when there is nothing else to wait for. */
export async function turns(count = 100): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
}
