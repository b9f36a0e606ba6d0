/** Tells the server what is on the screen, once sizes have come to rest. */
import type { Conference } from "../../sdk/index.ts";
import { type Shown, wishes } from "../model/view.ts";

const REST_MS = 300;

export class Viewer {
  readonly #conference: Conference;
  #shown: readonly Shown[] = [];
  #isHidden = false;
  #before: ReadonlyMap<number, string> = new Map();
  #said = "";
  #pending = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(conference: Conference) {
    this.#conference = conference;
  }

  /** No picture is asked for larger than it is shown, and none that is not. A hidden page keeps the sound. */
  update(shown: readonly Shown[], isHidden: boolean): void {
    this.#shown = shown;
    this.#isHidden = isHidden;
    const wanted = JSON.stringify(this.#wishes());
    if (wanted === this.#pending) return;
    this.#pending = wanted;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#tell(), REST_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #wishes(): ReturnType<typeof wishes> {
    const tiles = this.#conference.tiles.filter(({ kind }) => kind === "video");
    // Who was seated by the server before anything was asked for keeps that slot.
    const seated = new Map(tiles.flatMap(({ slot, sender, source }) => (sender === null ? [] : [[slot, keyOf(sender, source)] as const])));
    return wishes(this.#shown, tiles.map(({ slot }) => slot), new Map([...seated, ...this.#before]), this.#isHidden);
  }

  async #tell(): Promise<void> {
    const conference = this.#conference;
    const room = conference.tiles.filter(({ kind }) => kind === "video").length;
    if (this.#shown.length > room) await conference.growSlots(this.#shown.length).catch(() => {});
    const wanted = this.#wishes();
    this.#before = new Map(wanted.flatMap(({ slot, sender, source }) => (sender === null ? [] : [[slot, keyOf(sender, source)] as const])));
    const said = JSON.stringify(wanted);
    if (said === this.#said) return;
    this.#said = said;
    // One that is lost with its connection is said again by the next, and a refused one leaves what was before.
    await conference.setView(wanted).catch(() => {});
  }
}

/** Of a tile. */
export function keyOf(sender: string, source: string | null): string {
  return source === "screen" ? `${sender}/screen` : sender;
}
