/** Sealed profiles and lines of chat on their way through the worker: in the order they came, and not without end. */
import type { Chat } from "./chat.ts";
import type { Parts } from "./parts.ts";
import type { Presence } from "./presence.ts";
import { KIND_CHAT, KIND_PROFILE } from "./wire.ts";

const WAITING_MAX = 4096;

export class Inbox {
  readonly #parts: Parts;
  readonly #presence: Presence;
  readonly #chat: Chat;
  readonly #peopleChanged: () => void;
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  constructor(parts: Parts, presence: Presence, chat: Chat, peopleChanged: () => void) {
    this.#parts = parts;
    this.#presence = presence;
    this.#chat = chat;
    this.#peopleChanged = peopleChanged;
  }

  /** What would wait for ever is dropped, as the server might have done itself. */
  take(kind: number, participant: number, bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#waiting >= WAITING_MAX) return;
    this.#waiting += 1;
    this.#last = this.#last
      .then(() => this.#open(kind, participant, bytes))
      .catch(() => {}) // the worker died: it tells
      .finally(() => (this.#waiting -= 1));
  }

  async #open(kind: number, participant: number, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const { client } = this.#parts;
    if (kind === KIND_PROFILE) {
      const sender = await client?.request("openProfile", { participant, bytes });
      this.#presence.profile(participant, sender != null);
      this.#peopleChanged();
    } else if (kind === KIND_CHAT) {
      const line = await client?.request("openChat", { participant, bytes });
      if (line) this.#chat.add(line);
    }
  }
}
