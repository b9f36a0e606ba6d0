/** The connection that sound and pictures go over, made anew where it fails: it is given what is sent, and gives the slots. */
import { mediaOf } from "../worker/messages.ts";
import { Backoff } from "./backoff.ts";
import { codecsOf } from "./codecs.ts";
import { Connection, type ConnectionState } from "./connection.ts";
import { SfuError, asError } from "./errors.ts";
import type { Oneself } from "./oneself.ts";
import type { Parts } from "./parts.ts";
import { type Quality, type Snapshot, measure } from "./quality.ts";
import type { Slots } from "./slots.ts";
import type { Answer } from "./wire.ts";

export interface MediaHandlers {
  onState(state: ConnectionState): void;
  /** The server has taken an offer, and knows all slots in it. */
  onAnswer(): void;
  /** Trying again does not help. */
  onFailed(error: SfuError): void;
}

export class Media {
  readonly #parts: Parts;
  readonly #oneself: Oneself;
  readonly #slots: Slots;
  readonly #handlers: MediaHandlers;
  readonly #backoff = new Backoff(Math.random);
  #connection: Connection | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #pairs = 0; // of slots, beyond what the server advises
  #measured: { connection: Connection; stats: Snapshot } | null = null;

  constructor(parts: Parts, oneself: Oneself, slots: Slots, handlers: MediaHandlers) {
    this.#parts = parts;
    this.#oneself = oneself;
    this.#slots = slots;
    this.#handlers = handlers;
  }

  /** In a room, with a worker. */
  open(): void {
    const connection = this.#connect();
    this.#connection = connection;
    this.#slots.add(connection.slots);
    this.#oneself.sendOver(connection).catch((reason: unknown) => {
      const error = asError(reason);
      if (this.#connection === connection && error.code !== "worker_failed") this.#handlers.onFailed(error);
    });
    connection.start(); // with what is wanted known: the offer tells heights
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#connection?.close();
    this.#connection = null;
    void this.#oneself.sendOver(null);
    this.#slots.clear();
  }

  /** The network may be another one. */
  restart(): void {
    this.#connection?.restart();
  }

  /** As `Conference.growSlots`. */
  async grow(pairs: number): Promise<void> {
    this.#pairs = Math.max(this.#pairs, pairs); // of connections to come, too
    if (this.#connection === null) return;
    const { added, offered } = this.#connection.grow(this.#pairs);
    this.#slots.add(added);
    await offered;
  }

  async getStats(): Promise<RTCStatsReport | null> {
    return (await this.#connection?.getStats()) ?? null;
  }

  /** As `Conference.quality`. */
  async quality(): Promise<Quality | null> {
    const connection = this.#connection;
    if (connection === null) return null;
    const after = (await connection.getStats()) as unknown as Snapshot;
    const before = this.#measured?.connection === connection ? this.#measured.stats : null;
    this.#measured = { connection, stats: after };
    const shown = this.#slots.tiles.flatMap(({ track, sender, source }) =>
      sender && source ? [[track.id, { sender, source }] as const] : [],
    );
    return measure(before, after, { sources: connection.sources, pictures: new Map(shown) });
  }

  #openAgain(): void {
    if (this.#parts.client === null) return;
    try {
      this.open();
    } catch (reason) {
      const error = asError(reason);
      if (error.code !== "worker_failed") this.#handlers.onFailed(error); // that one tells by itself
    }
  }

  #connect(): Connection {
    const { client, signaling } = this.#parts.both();
    const { settings } = this.#parts.joined!;
    const codecs = codecsOf(settings.codecs);
    const connection: Connection = new Connection({
      settings: { ...settings, slots: Math.max(settings.slots, Math.min(this.#pairs, settings.slots_max)) },
      iceServers: signaling.iceServers,
      transforms: {
        send: (source) => client.sendTransform(source, codecs[mediaOf(source)]),
        receive: (slot, kind) => client.receiveTransform(slot, kind, codecs[kind]),
      },
      negotiate: (sdp, heights) => this.#negotiate(sdp, heights),
      onState: (state) => this.#onState(connection, state),
      onFailed: (error) => this.#onFailed(connection, error),
    });
    return connection;
  }

  async #negotiate(sdp: string, heights: Record<string, number[]>): Promise<Answer> {
    const answer = await this.#parts.both().signaling.request({ type: "offer", sdp, heights });
    if (answer.type !== "answer") throw new SfuError("bad_answer", `${answer.type} to offer`);
    this.#handlers.onAnswer();
    return answer;
  }

  #onState(connection: Connection, state: ConnectionState): void {
    if (this.#connection !== connection) return; // left for another
    if (state === "connected") this.#backoff.reset();
    this.#handlers.onState(state);
  }

  #onFailed(connection: Connection, error: SfuError | null): void {
    if (this.#connection !== connection) return;
    this.close();
    if (error !== null) return this.#handlers.onFailed(error);
    this.#handlers.onState("disconnected");
    this.#retry = setTimeout(() => this.#openAgain(), this.#backoff.next());
  }
}
