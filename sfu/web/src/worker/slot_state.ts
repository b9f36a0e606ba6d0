// What a slot shows, by the keys of its frames, and what of it the page has been told. Time is an argument.
import { Attribution } from "../e2ee/attribution.ts";
import type { Dropped } from "../e2ee/frame_opener.ts";
import type { SourceKind } from "../e2ee/source.ts";
import type { EventMessage } from "./messages.ts";
import type { Screen } from "./screen.ts";

/** How long frames must fail, with none that opens, before the page is told. */
export const FAILING_MS = 1000;

export class SlotState {
  private transform = 0; // whose line has the slot; 0 for none yet
  private sender: string | null = null;
  private source: SourceKind | null = null;
  private said: number | null = null; // the participant by the server's word, 0 for nobody; null: no word yet
  private failingSinceMs: number | null = null; // since the last frame that opened
  private failureTold = false;
  private readonly attribution = new Attribution();

  constructor(
    private readonly slot: number,
    private readonly screen: Screen,
  ) {}

  /** Of a new connection, whose page knows nothing of what was shown before. */
  onNew(transform: number): void {
    this.transform = transform;
    this.forget();
  }

  /** Whether the slot is still that of this transform's line: what others held or had on its way is nobody's. */
  isOf(transform: number): boolean {
    return transform === this.transform;
  }

  private forget(): void {
    this.sender = null;
    this.source = null;
    this.failingSinceMs = null;
    this.failureTold = false;
    this.attribution.forget();
  }

  onSaid(participant: number): void {
    // What fails from now on is another's, and told anew.
    if (participant !== this.said && this.failureTold) this.forget();
    if (participant !== this.said) this.failingSinceMs = null;
    this.said = participant;
  }

  /** `owner` is the participant by whom the sender's profile came, `from` the RTP timestamp from which on theirs is presented, where known. */
  onOpened(sender: string, source: SourceKind, owner: number, nowMs: number, from: number | null = null): EventMessage[] {
    const events: EventMessage[] = [];
    const place = this.place;
    if (sender !== this.sender || source !== this.source || this.failureTold) {
      this.sender = sender;
      this.source = source;
      this.attribution.forget();
      events.push({ type: "event", event: "opened", data: { ...place, sender, source, from, change: this.screen.tell() } });
    }
    this.failingSinceMs = null;
    this.failureTold = false;
    if (this.said !== null && this.attribution.onFrame(owner, this.said, nowMs)) {
      events.push({ type: "event", event: "wrong_sender", data: { ...place, sender, participant: this.said } });
    }
    return events;
  }

  /** A frame that was dropped, or is held. Repeats, which browsers make by themselves, are no failure. */
  onFailed({ reason, sender, source }: Pick<Dropped, "reason" | "sender" | "source">, nowMs: number): EventMessage[] {
    if (reason === "replayed" || this.failureTold) return [];
    this.failingSinceMs ??= nowMs;
    if (nowMs - this.failingSinceMs < FAILING_MS) return [];
    this.failureTold = true;
    return [{ type: "event", event: "failed", data: { ...this.place, reason, sender, source } }];
  }

  private get place(): { slot: number; transform: number } {
    return { slot: this.slot, transform: this.transform };
  }
}
