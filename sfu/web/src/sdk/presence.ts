/** Who is here. Names and what people send come from their sealed profiles; the server's list only takes people away. */
import { type Person as Profile, type SourceKind, mediaOf } from "../worker/messages.ts";

export interface Person {
  /** Sender id: what tiles, chat lines and speaking name people by. */
  readonly sender: string;
  readonly name: string;
  readonly isSelf: boolean;
  /** What they say they send. Null: no such source. */
  readonly microphone: "on" | "muted" | null;
  readonly camera: "on" | "muted" | null;
  readonly screen: "on" | "muted" | null;
  readonly recording: boolean;
  /** The server says that they have lost their connection to it and may come back. Their sound and picture may go on. */
  readonly away: boolean;
  /** A frame of theirs has opened. Until then the server alone says that they are here now. */
  readonly heard: boolean;
  /** Whole seconds by which what comes of them is late, from 3 on; else 0. */
  readonly behindSeconds: number;
  /**
   * Where the time in their frames was never nearer to our clock than a minute: by how many whole seconds it is earlier, or, below
   * 0, later; else 0. Earlier, and so in `behindSeconds`: an old call is played again, or a clock is wrong. Later: a clock is.
   */
  readonly clockSeconds: number;
}

/** Participants at a time whose messages do not open: a server may make up any number. */
export const UNOPENED = 1024;

export class Presence {
  #profiles: readonly Profile[] = [];
  #carried: readonly Profile[] = []; // of those, what only a worker that is gone has opened
  readonly #formerSelves = new Set<string>(); // sender ids
  readonly #late = new Map<string, { seconds: number; clock: number }>();
  readonly #present = new Set<number>(); // participants, by the server's word
  readonly #away = new Set<number>();
  readonly #opaque = new Set<number>(); // whose last profile did not open

  /** Who is there and whether they are away: after joining, and whenever the server's list has been read to its end. Oneself
   * is not on it. */
  reset(participants: ReadonlyMap<number, boolean>): void {
    this.#present.clear();
    this.#away.clear();
    for (const [participant, away] of participants) {
      this.#present.add(participant);
      if (away) this.#away.add(participant);
    }
    for (const participant of this.#opaque) if (!this.#present.has(participant)) this.#opaque.delete(participant);
    this.#drop((profile) => !this.#present.has(profile.participant));
  }

  joined(participant: number): void {
    this.#present.add(participant);
  }

  away(participant: number, away: boolean): void {
    if (away && this.#present.has(participant)) this.#away.add(participant);
    else this.#away.delete(participant);
  }

  left(participant: number): void {
    this.#present.delete(participant);
    this.#away.delete(participant);
    this.#opaque.delete(participant);
    this.#drop((profile) => profile.participant === participant);
  }

  /**
   * The worker is gone that opened the profiles, and oneself is somebody else now. The profiles hold until the next worker has
   * opened them too, or their participants are gone; the person that one was is nobody.
   */
  carry(self: string): void {
    this.#formerSelves.add(self);
    this.#carried = this.#profiles;
  }

  /** Of what was carried over. */
  #drop(isGone: (profile: Profile) => boolean): void {
    const gone = new Set(this.#carried.filter(isGone));
    if (gone.size === 0) return;
    this.#carried = this.#carried.filter((profile) => !gone.has(profile));
    this.#profiles = this.#profiles.filter((profile) => !gone.has(profile));
  }

  /** All that the worker has opened. */
  roster(profiles: readonly Profile[]): void {
    const opened = profiles.filter(({ sender }) => !this.#formerSelves.has(sender));
    this.#carried = this.#carried.filter(({ sender }) => !opened.some((profile) => profile.sender === sender));
    this.#profiles = [...opened, ...this.#carried];
    for (const sender of this.#late.keys()) if (this.#find(sender) === undefined) this.#late.delete(sender);
  }

  behind(sender: string, seconds: number, clock: number): void {
    this.#late.set(sender, { seconds, clock });
  }

  /** A profile came from `participant`, and opened or not. */
  profile(participant: number, opened: boolean): void {
    if (opened) this.#opaque.delete(participant);
    else if (this.#opaque.size < UNOPENED && this.#participantHasNone(participant)) this.#opaque.add(participant);
  }

  #participantHasNone(participant: number): boolean {
    return !this.#profiles.some((profile) => profile.participant === participant);
  }

  /** How many are here by the server's word whose messages this link's key does not open. */
  get unopened(): number {
    return [...this.#opaque].filter((who) => this.#present.has(who) && this.#participantHasNone(who)).length;
  }

  /** The server's number for a sender, 0 for none. */
  participantOf(sender: string): number {
    return this.#find(sender)?.participant ?? 0;
  }

  /** The reverse, null for nobody. */
  senderOf(participant: number): string | null {
    return this.#profiles.find((profile) => profile.participant === participant)?.sender ?? null;
  }

  /** Which of their pictures a source is, in the order of m-lines; null for a screen that they do not name. */
  nthOf(sender: string, source: "camera" | "screen"): number | null {
    const pictures = this.#find(sender)?.sources.filter(({ kind }) => mediaOf(kind) === "video") ?? [];
    const nth = pictures.findIndex(({ kind }) => kind === source);
    return nth >= 0 ? nth : source === "camera" ? 0 : null;
  }

  nameOf(sender: string): string {
    return this.#find(sender)?.name ?? "";
  }

  #find(sender: string): Profile | undefined {
    return this.#profiles.find((profile) => profile.sender === sender);
  }

  /** Others, in order of who was here first by the server's numbers. */
  list(): Person[] {
    return [...this.#profiles]
      .sort((a, b) => a.participant - b.participant)
      .map((profile) => ({
        sender: profile.sender,
        name: profile.name,
        isSelf: false,
        microphone: sourceState(profile, "microphone"),
        camera: sourceState(profile, "camera"),
        screen: sourceState(profile, "screen"),
        recording: profile.recording,
        away: this.#away.has(profile.participant),
        heard: profile.heard,
        behindSeconds: this.#late.get(profile.sender)?.seconds ?? 0,
        clockSeconds: this.#late.get(profile.sender)?.clock ?? 0,
      }));
  }
}

function sourceState({ sources }: Profile, kind: SourceKind): "on" | "muted" | null {
  const found = sources.find((source) => source.kind === kind);
  return found === undefined ? null : found.muted ? "muted" : "on";
}
