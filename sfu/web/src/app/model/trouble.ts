/**
 * What of a person is not seen or heard although they send it, and why (UI.md, K1 to K5). The server's word is used for one thing:
 * to say under which hatched tile it stands. It hatches none and clears none. Pure.
 */
import type { Failure, Person, Tile } from "../../sdk/index.ts";

export type Part = "video" | "sound" | "screen";

export interface Trouble {
  readonly part: Part;
  /** `wrong_sender`: what the server labels as theirs, another's key has made. */
  readonly reason: "no_key" | "changed" | "wrong_sender" | "newer";
  /** Of `no_key`: how often the key was asked for; null: it is no more. */
  readonly tries: number | null;
}

const SOURCES = { video: "camera", sound: "microphone", screen: "screen" } as const;

/** Null where it opens, is not sent, or is only being waited for. */
export function troubleWith(person: Person, part: Part, tiles: readonly Tile[]): Trouble | null {
  const source = SOURCES[part];
  if (person.isSelf || person[source] !== "on") return null;
  const slots = tiles.filter(({ kind }) => kind === (part === "sound" ? "audio" : "video"));
  if (slots.some((tile) => tile.sender === person.sender && tile.source === source)) return null;
  const failure = slots.map((tile) => tile.failure).find((failure) => isOf(failure, person.sender, source));
  if (failure) return { part, reason: reasonOf(failure), tries: failure.tries };
  return slots.some(({ mislabelled }) => mislabelled === person.sender) ? { part, reason: "wrong_sender", tries: null } : null;
}

export function troublesOf(person: Person, tiles: readonly Tile[]): readonly Trouble[] {
  return (Object.keys(SOURCES) as Part[]).flatMap((part) => troubleWith(person, part, tiles) ?? []);
}

/** Slots in which a key of theirs is missing. */
export function slotsWithoutKey({ sender }: Person, tiles: readonly Tile[]): readonly number[] {
  return tiles.filter(({ failure }) => failure?.reason === "no_key" && ownerOf(failure) === sender).map(({ slot }) => slot);
}

/** A picture that waits for its first whole frame is no failure. */
function isOf(failure: Failure | null, sender: string, source: string): failure is Failure {
  if (failure === null || failure.reason === "no_key_frame") return false;
  return ownerOf(failure) === sender && (failure.source ?? source) === source;
}

/** Who the key says, and where it names nobody, who the server says. */
function ownerOf({ from, said }: Failure): string | null {
  return from ?? said;
}

function reasonOf({ reason }: Failure): Trouble["reason"] {
  return reason === "no_key" || reason === "newer" ? reason : "changed";
}
