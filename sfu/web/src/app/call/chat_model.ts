/** What was written, with what has become of one's own lines. */
import { type ChatLine, type Conference, SfuError } from "../../sdk/index.ts";
import { t } from "../words/index.ts";

const KEPT = 1000;
export const TEXT_MAX = 2000; // code points

export interface Entry {
  readonly key: string;
  /** null: oneself. */
  readonly sender: string | null;
  readonly name: string;
  readonly at: number;
  readonly text: string;
  /** How many lines of theirs, just before, did not come. */
  readonly missing: number;
  readonly state: "there" | "sending" | "failed";
  /** Of one's own: how many were there to get it. */
  readonly sentTo: number;
  /** Why it failed. */
  readonly why: string;
}

export class ChatModel {
  entries: readonly Entry[] = [];
  unread = 0;
  readonly #conference: Conference;
  readonly #changed: () => void;
  #next = 1;

  constructor(conference: Conference, changed: () => void) {
    this.#conference = conference;
    this.#changed = changed;
    for (const line of conference.chat) this.add(line, true);
  }

  /** A line came. One's own are shown since they were written. */
  add({ sender, name, at, text, missing }: ChatLine, isSeen: boolean): void {
    if (sender === this.#conference.people[0]!.sender) return;
    this.#push({ key: `in ${this.#next++}`, sender, name: name || t("guest"), at, text, missing, state: "there", sentTo: 0, why: "" });
    if (!isSeen) this.unread++;
    this.#changed();
  }

  seen(): void {
    this.unread = 0;
  }

  /** Shown at once; whether it arrived is told at the line. */
  async send(text: string): Promise<void> {
    const key = `out ${this.#next++}`;
    this.#push({ key, sender: null, name: t("you"), at: Date.now(), text, missing: 0, state: "sending", sentTo: 0, why: "" });
    await this.#try(key);
  }

  async again(key: string): Promise<void> {
    this.#change(key, { state: "sending", why: "" });
    await this.#try(key);
  }

  async #try(key: string): Promise<void> {
    const text = this.entries.find((entry) => entry.key === key)?.text;
    if (text === undefined) return;
    this.#changed();
    try {
      await this.#conference.send(text);
      this.#change(key, { state: "there", sentTo: this.#conference.people.length - 1 });
    } catch (reason) {
      this.#change(key, { state: "failed", why: whyNot(reason) });
    }
    this.#changed();
  }

  #push(entry: Entry): void {
    this.entries = [...this.entries.slice(-KEPT + 1), entry];
  }

  #change(key: string, change: Partial<Entry>): void {
    this.entries = this.entries.map((entry) => (entry.key === key ? { ...entry, ...change } : entry));
  }
}

function whyNot(reason: unknown): string {
  if (!(reason instanceof SfuError)) return "";
  if (reason.code === "too_fast" || reason.code === "rate_limited") return t("chat.slow", { s: Math.ceil((reason.retryMs ?? 1000) / 1000) });
  return reason.code === "bad_text" || reason.code === "too_long" ? t("chat.long") : "";
}
