/** The one line that speaks: a message at a time, each for six seconds. */
import { h, setText } from "./dom.ts";

const SHOWN_MS = 6000;
const QUEUED_MAX = 5;

export class Notices {
  readonly element = h("p", { class: "notice", role: "status", "aria-live": "polite" });
  readonly #queue: string[] = [];
  #standing = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  say(text: string): void {
    if (this.#queue.includes(text) || (this.#timer !== undefined && this.element.textContent === text)) return;
    this.#queue.push(text);
    if (this.#queue.length > QUEUED_MAX) this.#queue.shift();
    if (this.#timer === undefined) this.#next();
  }

  /** What holds until it is said to be over; goes before all else. */
  stand(text: string): void {
    if (this.#standing === text) return;
    this.#standing = text;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#next();
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #next(): void {
    this.#timer = undefined;
    if (this.#standing !== "") return setText(this.element, this.#standing);
    const text = this.#queue.shift() ?? "";
    setText(this.element, text);
    if (text !== "") this.#timer = setTimeout(() => this.#next(), SHOWN_MS);
  }
}
