/** What one wants to see, in the server's terms: it knows participants by numbers, and their pictures by order. */
import type { Parts } from "./parts.ts";
import type { Presence } from "./presence.ts";
import type { Wish } from "./types.ts";
import type { ViewSlot } from "./wire.ts";

export class View {
  readonly #parts: Parts;
  readonly #presence: Presence;
  #wishes: readonly Wish[] = [];
  #said = ""; // the last that the server was told

  constructor(parts: Parts, presence: Presence) {
    this.#parts = parts;
    this.#presence = presence;
  }

  /** In place of what was said before. */
  async set(wishes: readonly Wish[]): Promise<void> {
    this.#wishes = wishes;
    await this.#send();
  }

  /** There are slots that the server knows only now. */
  sendAgain(): void {
    if (this.#wishes.length > 0) this.#send().catch(() => {}); // lost: said with the next answer
  }

  /** Who comes back is another participant to the server, and may send more than before. */
  renew(): void {
    if (this.#parts.joined !== null && JSON.stringify(this.#slots()) !== this.#said) this.sendAgain();
  }

  async #send(): Promise<void> {
    const { signaling } = this.#parts.both();
    const slots = this.#slots();
    const said = (this.#said = JSON.stringify(slots));
    try {
      await signaling.request({ type: "view", slots });
    } catch (reason) {
      if (this.#said === said) this.#said = ""; // to be said again as soon as there is an occasion
      throw reason;
    }
  }

  #slots(): ViewSlot[] {
    return this.#wishes.map(({ slot, sender, source = "camera", maxHeight, priority }) => ({
      slot,
      ...this.#wanted(sender ?? null, source),
      ...(maxHeight === undefined ? {} : { max_height: maxHeight }),
      ...(priority === undefined ? {} : { priority }),
    }));
  }

  /** What is not sent is left to the server's choice. */
  #wanted(sender: string | null, source: "camera" | "screen"): Pick<ViewSlot, "participant" | "nth"> {
    const participant = sender === null ? 0 : this.#presence.participantOf(sender);
    const nth = sender === null ? null : this.#presence.nthOf(sender, source);
    return participant === 0 || nth === null ? { participant: "auto" } : nth === 0 ? { participant } : { participant, nth };
  }
}
