/**
 * The one line that speaks: a message at a time. What holds until it is over stands before all else; the rest takes turns, six
 * seconds each, what asks for an answer until it has one. Pure: time in milliseconds is an argument.
 */

export interface Action {
  readonly label: string;
  readonly run: () => void;
}

export interface Message {
  /** Alike ones take each other's place. */
  readonly key: string;
  readonly text: string;
  readonly actions?: readonly Action[];
}

const SHOWN_MS = 6_000;
const QUEUED_MAX = 5;
const EVERY_MS = 3_000; // between two messages of people coming: they are merged

export class Line {
  #standing: Message | null = null;
  #queue: Message[] = [];
  #shown: Message | null = null;
  #until = Infinity;
  #joined: string[] = [];
  #joinedAt = -Infinity;
  readonly #joinedText: (names: readonly string[]) => string;

  /** `joinedText`: the words for one or several who came. */
  constructor(joinedText: (names: readonly string[]) => string) {
    this.#joinedText = joinedText;
  }

  /** What is to be seen now. */
  get current(): Message | null {
    return this.#standing ?? this.#shown;
  }

  say(message: Message, now: number): void {
    if (this.#shown?.key === message.key) return this.#show(message, now);
    this.#queue = this.#queue.filter(({ key }) => key !== message.key);
    this.#queue.push(message);
    if (this.#queue.length > QUEUED_MAX) {
      // What asks something goes last.
      const plain = this.#queue.findIndex(({ actions }) => !actions);
      this.#queue.splice(Math.max(0, plain), 1);
    }
    this.poll(now);
  }

  /** Somebody came. Those who come within three seconds make one message. */
  joined(name: string, now: number): void {
    if (now - this.#joinedAt >= EVERY_MS) this.#joined = [];
    if (this.#joined.length === 0) this.#joinedAt = now;
    this.#joined.push(name);
    this.say({ key: "joined", text: this.#joinedText(this.#joined) }, now);
  }

  /** Holds until null is said. */
  stand(message: Message | null): void {
    this.#standing = message;
  }

  /** It was answered, or there is no question any more. */
  drop(key: string, now: number): void {
    this.#queue = this.#queue.filter((message) => message.key !== key);
    if (this.#shown?.key !== key) return;
    this.#shown = null;
    this.poll(now);
  }

  /** Moves on where it is time to. */
  poll(now: number): void {
    if (this.#shown !== null && now < this.#until) return;
    this.#shown = null;
    const next = this.#queue.shift();
    if (next) this.#show(next, now);
  }

  /** When `poll` has something to do; Infinity for never. */
  get nextAt(): number {
    return this.#shown === null ? Infinity : this.#until;
  }

  #show(message: Message, now: number): void {
    this.#shown = message;
    this.#until = message.actions?.length ? Infinity : now + SHOWN_MS;
  }
}
