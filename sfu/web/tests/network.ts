/** Sockets and a clock for signalling without either. */
import assert from "node:assert/strict";
import type { Io, Socket, SocketHandlers } from "../src/sdk/signaling.ts";
import { decodeFrame } from "../src/sdk/wire.ts";

export const LIMITS = {
  text_bytes: 1000,
  binary_bytes: 1000,
  messages_per_second: 10,
  message_burst: 20,
  relay_bytes_per_second: 1000,
  relay_burst_bytes: 4000,
  profile_bytes: 500,
  resume_seconds: 30,
};
export const SETTINGS = { codecs: ["opus"], slots: 1, extra_audio_slots: 0, slots_max: 1 };
export const ROSTER = { participants: [], total: 1, next: 0 };

export type Said = Record<string, unknown> & { type: string; id: number };

/** One connection, seen from the server. */
export class Wire implements Socket {
  said: Said[] = [];
  frames: { kind: number; id: number; participant: number; payload: Uint8Array }[] = [];
  closed: number | null = null;
  readonly url: string;
  readonly client: SocketHandlers;

  constructor(url: string, client: SocketHandlers) {
    this.url = url;
    this.client = client;
  }

  send(data: string | Uint8Array<ArrayBuffer>): void {
    assert.equal(this.closed, null, "nothing is sent on a closed socket");
    if (typeof data === "string") this.said.push(JSON.parse(data) as Said);
    else this.frames.push(decodeFrame(data.slice().buffer)!);
  }

  close(code: number): void {
    this.closed = code;
  }

  /** What the client has said since last asked. */
  take(): Said[] {
    return this.said.splice(0);
  }

  tell(message: Record<string, unknown>): void {
    this.client.onText(JSON.stringify({ v: 0, ...message }));
  }

  event(seq: number, fields: Record<string, unknown> = { type: "participant_joined", participant: seq }): void {
    this.tell({ seq, ...fields });
  }

  welcome(resumed = false, session = "token"): void {
    const hello = this.take().find(({ type }) => type === "hello");
    assert(hello, "no hello");
    this.tell({ type: "welcome", id: hello.id, version: 0, session, resumed, limits: LIMITS, ice_servers: [] });
  }
}
export class Network implements Io {
  readonly wires: Wire[] = [];
  #now = 0;
  #timers: { at: number; work: () => void }[] = [];

  connect(url: string, client: SocketHandlers): Socket {
    const wire = new Wire(url, client);
    this.wires.push(wire);
    return wire;
  }
  now(): number {
    return this.#now;
  }
  later(ms: number, work: () => void): () => void {
    const timer = { at: this.#now + ms, work };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }
  random(): number {
    return 0.5;
  }

  get wire(): Wire {
    return this.wires.at(-1)!;
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = next.at;
      next.work();
    }
    this.#now = end;
  }

  cut(): void {
    this.wire.client.onClose(1006);
  }
}
