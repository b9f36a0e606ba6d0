/** The server's list of who is here: read page by page on the way in, and kept by what it tells from then on. */
import type { Emitter } from "./emitter.ts";
import { SfuError } from "./errors.ts";
import type { Parts } from "./parts.ts";
import type { Presence } from "./presence.ts";
import type { Signaling } from "./signaling.ts";
import type { Events } from "./types.ts";
import type { RosterPage, ServerEvent } from "./wire.ts";

const PARTICIPANTS_MAX = 65_536; // more than any server takes; who says more does not mean it
const AGAIN_MS = 5_000; // between two readings of the list of a large room

export class Roster {
  readonly #parts: Parts;
  readonly #presence: Presence;
  readonly #emitter: Emitter<Events>;
  readonly #peopleChanged: () => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(parts: Parts, presence: Presence, emitter: Emitter<Events>, peopleChanged: () => void) {
    this.#parts = parts;
    this.#presence = presence;
    this.#emitter = emitter;
    this.#peopleChanged = peopleChanged;
  }

  /** From the page that came with joining. */
  read(first: RosterPage): void {
    this.#read(first).catch(() => {}); // lost meanwhile: read anew then
  }

  onEvent(event: ServerEvent): void {
    switch (event.type) {
      case "participant_joined":
        this.#presence.joined(event.participant);
        break;
      case "participant_away":
        this.#presence.away(event.participant, event.away);
        this.#peopleChanged();
        break;
      case "participant_left":
        this.#tellGone(event.participant, event.reason);
        this.#presence.left(event.participant);
        this.#parts.tellWorker("participantLeft", { participant: event.participant });
        this.#peopleChanged();
        break;
      case "participant_count":
        this.#timer ??= setTimeout(() => void this.#readAgain(), AGAIN_MS);
        break;
      default:
        break; // tracks and speakers are the server's word and no more
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #tellGone(participant: number, reason: "left" | "lost"): void {
    const sender = this.#presence.senderOf(participant);
    if (sender !== null) this.#emitter.emit("notice", { code: "gone", sender, name: this.#presence.nameOf(sender), reason });
  }

  async #readAgain(): Promise<void> {
    this.#timer = undefined;
    try {
      const reply = await this.#parts.signaling!.request({ type: "roster" });
      if (reply.type === "roster") await this.#read(reply.roster);
    } catch {
      // The session has ended, or will be joined anew, which reads the list again.
    }
  }

  async #read(first: RosterPage): Promise<void> {
    const others = await readRoster(first, this.#parts.signaling!);
    others.delete(this.#parts.joined?.participant ?? 0);
    this.#presence.reset(others);
    this.#parts.tellWorker("present", { participants: [...others.keys()] });
    this.#peopleChanged();
  }
}

/** All participants, and whether each is away. With each page the server delivers the profiles of those on it. */
export async function readRoster(first: RosterPage, signaling: Pick<Signaling, "request">): Promise<Map<number, boolean>> {
  const present = new Map<number, boolean>();
  for (let page = first; ; ) {
    for (const { participant, away = false } of page.participants) present.set(participant, away);
    if (page.next === 0) return present;
    const reply = await signaling.request({ type: "roster", begin: page.next });
    if (present.size > PARTICIPANTS_MAX) throw new SfuError("bad_answer", "the list of who is here has no end");
    const getsOn = reply.type === "roster" && (reply.roster.next === 0 || reply.roster.next > page.next);
    if (!getsOn) throw new SfuError("bad_answer", "the list of who is here has no end");
    page = reply.roster;
  }
}
