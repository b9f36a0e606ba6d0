// The last `n` of each sender (PROTOCOL.md, "Sealed messages"), so that no profile and no line of chat is taken twice.
import { MessageError } from "./sealed.ts";

export const SENDERS = 1 << 16; // more are not remembered

/**
 * Beyond the bound who has been silent for longest is forgotten, and nobody who is present: whoever makes up senders
 * pushes nobody out whose old messages could then be brought again.
 */
export class LastNumbers {
  private readonly last = new Map<string, number>(); // who was heard last is last

  /** `own` is this client's sender id, whose messages nobody has a reason to bring. Less than `bound` are present. */
  constructor(
    private readonly own: string,
    private readonly isPresent: (sender: string) => boolean,
    private readonly bound: number = SENDERS,
  ) {}

  /** The number that came before this one. Throws MessageError: it was had, or is one's own. */
  check(sender: string, n: number): number | undefined {
    const last = this.last.get(sender);
    if (sender === this.own || (last !== undefined && n <= last)) throw new MessageError("message_replayed");
    return last;
  }

  remember(sender: string, n: number): void {
    this.last.delete(sender);
    this.last.set(sender, n);
    for (const [oldest, number] of this.last) {
      if (this.last.size <= this.bound) return;
      this.last.delete(oldest);
      if (this.isPresent(oldest)) this.last.set(oldest, number);
    }
  }
}
