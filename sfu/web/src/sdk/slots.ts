/**
 * What comes in the slots: whose frames open there, whom the server speaks of, which keys are missing and asked for, and
 * who speaks.
 */
import type { WorkerClient } from "../worker/client.ts";
import { Asking } from "./asking.ts";
import type { Slot } from "./connection.ts";
import type { Emitter } from "./emitter.ts";
import { Levels, type Sound } from "./levels.ts";
import { drawn } from "./page.ts";
import type { Parts } from "./parts.ts";
import type { Presence } from "./presence.ts";
import { browserIo } from "./signaling.ts";
import { type Tile, Tiles } from "./tiles.ts";
import type { Events } from "./types.ts";
import type { SlotContent } from "./wire.ts";

export class Slots {
  readonly #parts: Parts;
  readonly #presence: Presence;
  readonly #emitter: Emitter<Events>;
  readonly #tiles = new Tiles();
  readonly #asking = new Asking((slot, tries) => this.#askForKey(slot, tries), (slot) => this.#tellAsked(slot, null), browserIo);
  readonly #levels: Levels;
  #slots: readonly Slot[] = [];

  constructor(parts: Parts, presence: Presence, emitter: Emitter<Events>) {
    this.#parts = parts;
    this.#presence = presence;
    this.#emitter = emitter;
    this.#levels = new Levels(
      () => this.#sounds(),
      (speaking) => emitter.emit("speaking", speaking),
    );
  }

  get tiles(): readonly Tile[] {
    return this.#tiles.list((participant) => this.#presence.senderOf(participant));
  }

  get speaking(): ReadonlySet<string> {
    return this.#levels.speaking;
  }

  /** Those of a new connection, or more of the same. */
  add(slots: readonly Slot[]): void {
    this.#slots = [...this.#slots, ...slots];
    this.#tiles.add(slots);
    this.#parts.tellWorker("slots", { slots: slots.map(({ index }) => ({ slot: index, participant: 0 })) });
    this.changed();
    this.#levels.start();
  }

  /** Their connection is gone. */
  clear(): void {
    this.#levels.stop();
    this.#asking.stopAll();
    this.#slots = [];
    this.#tiles.reset([]);
    this.changed();
  }

  /** Also where people changed: a tile tells who brought a profile. */
  changed(): void {
    this.#emitter.emit("tiles", this.tiles);
  }

  /** To what opens, and what does not. */
  listen(client: WorkerClient): void {
    client.on("opened", ({ slot, transform, sender, source, from, change }) => {
      if (!this.#has(slot, transform)) return;
      this.#asking.stop(slot);
      this.#tiles.opened(slot, sender, source, from);
      this.changed();
      void drawn().then(() => client.request("drawn", { change })).catch(() => {}); // dead: told elsewhere
    });
    client.on("failed", ({ slot, transform, reason, sender, source }) => {
      if (!this.#has(slot, transform)) return;
      this.#tiles.failed(slot, reason, sender, source);
      this.#asking.stop(slot);
      if (reason === "no_key") this.#asking.start(slot);
      this.changed();
      this.#emitter.emit("notice", { code: reason, slot, sender });
    });
    client.on("wrong_sender", ({ slot, transform, sender, participant }) => {
      if (!this.#has(slot, transform)) return;
      const expected = this.#presence.senderOf(participant);
      this.#tiles.mislabelled(slot, participant);
      this.changed();
      this.#emitter.emit("notice", { code: "wrong_sender", slot, sender, expected });
    });
  }

  /** What the server says of them, only those changed. */
  hinted(said: readonly SlotContent[]): void {
    const known = said
      .filter(({ slot }) => slot < this.#slots.length)
      .map(({ slot, participant, track }) => ({ slot, participant: track && participant }));
    this.#parts.tellWorker("slots", { slots: known });
    for (const { slot, participant } of known) {
      if (this.#tiles.hint(slot) !== participant) this.#asking.stop(slot); // it was another's
      this.#tiles.hinted(slot, participant, (sender) => this.#presence.participantOf(sender));
    }
    this.changed();
  }

  /** The key that is missing in a slot, once more from the first try on. */
  askAgain(slot: number): void {
    this.#asking.stop(slot);
    if (this.#tiles.list()[slot]?.failure?.reason === "no_key") this.#asking.start(slot);
  }

  /** What the worker said before it knew of a new connection is of the one before. */
  #has(slot: number, transform: number): boolean {
    return this.#slots[slot]?.transform === transform;
  }

  /** Has the server deliver the profile again of whom it says to be in a slot: it is what names a key. */
  #askForKey(slot: number, tries: number): void {
    this.#tellAsked(slot, tries);
    this.#parts.tellServer({ type: "roster", begin: this.#tiles.hint(slot) });
  }

  #tellAsked(slot: number, tries: number | null): void {
    this.#tiles.asked(slot, tries);
    this.changed();
  }

  #sounds(): Sound[] {
    return this.#tiles
      .list()
      .filter(({ kind, sender, source }) => kind === "audio" && sender !== null && source === "microphone")
      .map(({ slot, sender }) => ({ sender: sender!, receiver: this.#slots[slot]!.receiver }));
  }
}
