// Chat lines (PROTOCOL.md, "Sealed messages"): each once, in the sender's order, gaps told, rates kept.
import { codePoints, record, sender, text, whole } from "./fields.ts";
import type { LastNumbers } from "./numbers.ts";
import { MessageError, UnsendableError } from "./sealed.ts";

const TEXT_POINTS = 2000;
const PER_SECOND = 5;
const BURST = 20;

export interface Line {
  readonly sender: string;
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly text: string;
}

/** Throws UnsendableError. */
export function checkText(line: string): void {
  if (!isText(line)) {
    const words = `a chat line has 1 to ${TEXT_POINTS} characters, no controls but line feed and tab`;
    throw new UnsendableError("bad_text", words);
  }
}

/** Throws MessageError. */
export function parseLine(value: unknown): Line {
  const fields = record(value);
  const line = text(fields["text"]);
  if (!isText(line)) throw new MessageError("message_malformed");
  return { sender: sender(fields["sender"]), n: whole(fields["n"], 1), at: whole(fields["at"], 0), text: line };
}

/** The order of each sender's lines. */
export class ChatOrder {
  constructor(private readonly numbers: LastNumbers) {}

  /** How many lines just before this one did not come. Who comes later has missed what was said before, which is no gap. Throws MessageError. */
  accept({ sender, n }: Line): number {
    const last = this.numbers.check(sender, n);
    this.numbers.remember(sender, n);
    return last === undefined ? 0 : n - last - 1;
  }
}

/** A bucket of 20 lines that fills by 5 a second. */
export class ChatRate {
  private tokens = BURST;
  private atMs: number | null = null;

  /** Whether a line may be sent now; then it counts as sent. */
  take(nowMs: number): boolean {
    if (this.atMs !== null) this.tokens = Math.min(BURST, this.tokens + ((nowMs - this.atMs) / 1000) * PER_SECOND);
    this.atMs = nowMs;
    if (this.tokens < 1) return false;
    this.tokens -= 1;
    return true;
  }
}

function isText(line: string): boolean {
  const points = codePoints(line);
  return points >= 1 && points <= TEXT_POINTS && !/[\p{Cs}]|(?![\n\t])\p{Cc}/u.test(line);
}
