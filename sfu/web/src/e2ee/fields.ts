// Fields of sealed messages, each taken only as PROTOCOL.md has it. Throws MessageError for anything else.
import * as base64url from "./base64url.ts";
import { MessageError } from "./sealed.ts";

const SENDER_BYTES = 16;

export type Fields = Readonly<Record<string, unknown>>;

export function record(value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new MessageError("message_malformed");
  return value as Fields;
}

export function text(value: unknown): string {
  // A surrogate alone is no character, and UTF-8 has no bytes for it.
  if (typeof value !== "string" || /\p{Cs}/u.test(value)) throw new MessageError("message_malformed");
  return value;
}

export function flag(value: unknown): boolean {
  if (typeof value !== "boolean") throw new MessageError("message_malformed");
  return value;
}

export function whole(value: unknown, least: number): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) throw new MessageError("message_malformed");
  return value;
}

/** A sender id. It stays text: the canonical form is one for each. */
export function sender(value: unknown): string {
  if (base64url.decode(text(value))?.length !== SENDER_BYTES) throw new MessageError("message_malformed");
  return value as string;
}

export function codePoints(value: string): number {
  return [...value].length;
}
