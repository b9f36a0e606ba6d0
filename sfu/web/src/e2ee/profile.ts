// What a sender says of themselves, sealed (PROTOCOL.md, "Sealed messages"): name, sources, mute, recording.
import { codePoints, flag, record, sender, text, whole } from "./fields.ts";
import { MessageError, UnsendableError } from "./sealed.ts";
import { SOURCE_KINDS, type SourceKind } from "./source.ts";

const NAME_POINTS = 64;
const SOURCES = 8;
const KID = /^[0-9a-f]{16}$/;
// Controls, and marks that turn the direction of what follows, so that a name would not read as it is written.
const FORBIDDEN = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

export interface ProfileSource {
  readonly kid: bigint;
  readonly kind: SourceKind;
  readonly muted: boolean;
}

export interface Profile {
  /** base64url. */
  readonly sender: string;
  /** Grows with each. */
  readonly n: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly name: string;
  readonly sources: readonly ProfileSource[];
  readonly recording: boolean;
}

/** Throws UnsendableError. */
export function checkName(name: string): void {
  if (!isName(name)) {
    const words = `a name has at most ${NAME_POINTS} characters, none of which controls the line or its direction`;
    throw new UnsendableError("bad_name", words);
  }
}

/** What is sealed. */
export function profileFields(profile: Profile): unknown {
  const { sender, n, at, name, sources, recording } = profile;
  const told = sources.map(({ kid, kind, muted }) => ({ kid: kid.toString(16).padStart(16, "0"), kind, muted }));
  return { sender, n, at, name, sources: told, recording };
}

/** Throws MessageError. */
export function parseProfile(value: unknown): Profile {
  const fields = record(value);
  const name = text(fields["name"]);
  const list = fields["sources"];
  if (!isName(name) || !Array.isArray(list) || list.length > SOURCES) throw new MessageError("message_malformed");
  const sources = list.map(parseSource);
  if (new Set(sources.map(({ kid }) => kid)).size < sources.length) throw new MessageError("message_malformed");
  return {
    sender: sender(fields["sender"]),
    n: whole(fields["n"], 1),
    at: whole(fields["at"], 0),
    name,
    sources,
    recording: flag(fields["recording"]),
  };
}

function parseSource(value: unknown): ProfileSource {
  const fields = record(value);
  const kid = text(fields["kid"]);
  const kind = SOURCE_KINDS.find((known) => known === fields["kind"]);
  if (!KID.test(kid) || !kind) throw new MessageError("message_malformed");
  return { kid: BigInt(`0x${kid}`), kind, muted: flag(fields["muted"]) };
}

function isName(name: string): boolean {
  return codePoints(name) <= NAME_POINTS && !FORBIDDEN.test(name) && !/\p{Cs}/u.test(name);
}
