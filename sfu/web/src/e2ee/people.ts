// Who is in the conference, by sealed profiles alone; the server says only who has left (PROTOCOL.md, "Profile").
import type { LinkKeys } from "./keys.ts";
import { LastNumbers } from "./numbers.ts";
import type { Profile } from "./profile.ts";
import { MessageError } from "./sealed.ts";

export const PEOPLE = 4096;
export const BEHIND_MS = 3000; // told from there on
export const CLOCK_MS = 60_000; // by more, clocks that are set do not differ
const RECENT_MS = 2000; // how long a frame speaks for its source

export interface Person {
  profile: Profile;
  /** The server's number for who brought the profile: a hint, and no name. */
  participant: number;
  /** A frame of theirs has opened. */
  heard: boolean;
}

/** How late what comes of a sender is, in whole seconds. */
export interface Lateness {
  /** 3 or more, or 0. */
  readonly behind: number;
  /** The smallest difference of own clock − time in a frame, where it is over a minute either way; else 0. What is above is in `behind`. */
  readonly clock: number;
}

interface Delay {
  leastMs: number; // the smallest own clock − time in a frame
  readonly late: Map<bigint, { ms: number; atMs: number }>; // of each KID's last frame
}

export interface Update {
  readonly person: Person;
  /** KIDs claimed anew: frames may be waiting for them. */
  readonly kids: readonly bigint[];
}

export class People {
  private readonly people = new Map<string, Person>();
  private readonly numbers: LastNumbers;
  private readonly delays = new Map<string, Delay>();

  /** `own` is this client's sender id, whose profile nobody has a reason to bring. */
  constructor(
    own: string,
    private readonly keys: LinkKeys,
  ) {
    this.numbers = new LastNumbers(own, (sender) => this.people.has(sender));
  }

  has(sender: string): boolean {
    return this.people.has(sender);
  }

  get(sender: string): Person | undefined {
    return this.people.get(sender);
  }

  all(): Person[] {
    return [...this.people.values()];
  }

  /** Throws MessageError where it is an old one. */
  onProfile(participant: number, profile: Profile): Update {
    const { sender, n, sources } = profile;
    this.numbers.check(sender, n);
    let person = this.people.get(sender);
    if (!person) {
      if (this.people.size >= PEOPLE) throw new MessageError("message_malformed");
      person = { profile, participant, heard: false };
      this.people.set(sender, person);
    }
    person.profile = profile;
    person.participant = participant;
    this.numbers.remember(sender, n);
    return { person, kids: sources.filter(({ kid, kind }) => this.keys.claim(sender, kid, kind)).map(({ kid }) => kid) };
  }

  /** Whether anybody has gone with the participant. */
  onLeft(participant: number): boolean {
    return this.remove((person) => person.participant === participant);
  }

  /** After joining anew: whether anybody has gone, their participant not being there. */
  onPresent(participants: Iterable<number>): boolean {
    const there = new Set(participants);
    return this.remove((person) => !there.has(person.participant));
  }

  /** A frame of theirs opened, which came at `nowMs` of the own clock, since 1970. Whether it is the first. */
  onFrame(sender: string, kid: bigint, timeMs: number | null, nowMs: number): boolean {
    const person = this.people.get(sender);
    if (!person) return false;
    if (timeMs !== null) {
      const ms = nowMs - timeMs;
      const delay = this.delays.get(sender) ?? { leastMs: ms, late: new Map() };
      delay.leastMs = Math.min(delay.leastMs, ms);
      delay.late.set(kid, { ms, atMs: nowMs });
      this.delays.set(sender, delay);
    }
    const first = !person.heard;
    person.heard = true;
    return first;
  }

  /** By sender, of the worst of their sources. */
  lateness(nowMs: number): Map<string, Lateness> {
    const found = new Map<string, Lateness>();
    for (const [sender, { leastMs, late }] of this.delays) {
      const recent = [...late.values()].filter(({ atMs }) => nowMs - atMs < RECENT_MS).map(({ ms }) => ms);
      const isOff = recent.length > 0 && Math.abs(leastMs) > CLOCK_MS;
      // What was late from the beginning may be an old call that is played again: no clock excuses it.
      const inTimeMs = isOff ? Math.min(leastMs, 0) : leastMs;
      const most = Math.max(0, ...recent.map((ms) => ms - inTimeMs));
      found.set(sender, { behind: most >= BEHIND_MS ? Math.floor(most / 1000) : 0, clock: isOff ? Math.trunc(leastMs / 1000) : 0 });
    }
    return found;
  }

  private remove(gone: (person: Person) => boolean): boolean {
    let any = false;
    for (const [sender, person] of this.people) {
      if (!gone(person)) continue;
      any = true;
      this.people.delete(sender);
      this.delays.delete(sender);
      this.keys.release(sender);
    }
    return any;
  }
}
