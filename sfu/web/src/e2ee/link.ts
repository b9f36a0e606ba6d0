// The link to a room (PROTOCOL.md, "Link"). The secret appears in no error.
import * as base64url from "./base64url.ts";
import { concat, random, type Bytes } from "./bytes.ts";

const VERSION = 0;
const SUITE = 1;
const SECRET_BYTES = 32;
const OWNER_BYTES = 16;
const CHECK_BYTES = 4;
const BODY_BYTES = 3 + SECRET_BYTES + OWNER_BYTES;
const HOST = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::[0-9]{1,5})?$/;

export type LinkCode = "link_version" | "link_suite" | "link_flags" | "link_cut";

const WORDS: Record<LinkCode, string> = {
  link_version: "the link is of a version that this client does not know",
  link_suite: "the link asks for a cipher suite that this client does not have",
  link_flags: "the link asks for a guard that this client does not have",
  link_cut: "the link is incomplete or mistyped: its check does not fit",
};

/** A link that a client of this version must not follow. `code` is stable, the text for people. */
export class LinkError extends Error {
  constructor(readonly code: LinkCode) {
    super(WORDS[code]);
    this.name = "LinkError";
  }
}

export interface Link {
  readonly secret: Bytes;
  /** host[:port] of the server, where the page comes from elsewhere. */
  readonly host: string | null;
}

/** A new room's fragment. */
export function makeLink(host: string | null = null): Promise<string> {
  return encodeLink({ secret: random(SECRET_BYTES), host });
}

export async function encodeLink({ secret, host }: Link): Promise<string> {
  const body = concat(Uint8Array.of(VERSION, SUITE, 0), secret, new Uint8Array(OWNER_BYTES));
  return base64url.encode(concat(body, await check(body))) + (host === null ? "" : `@${host}`);
}

/**
 * `text` is what stands after the `#`. Throws LinkError. The version goes first, as it says how to read the rest; then the
 * check, so that a slip of the keyboard is not taken for another suite or a flag.
 */
export async function parseLink(text: string): Promise<Link> {
  const [, fragment = "", host] = /^([^@]*)(?:@(.*))?$/s.exec(text.trim()) ?? [];
  const version = base64url.decode(fragment.slice(0, 4))?.[0];
  if (version !== undefined && version !== VERSION) throw new LinkError("link_version");
  const data = base64url.decode(fragment);
  if (data?.length !== BODY_BYTES + CHECK_BYTES) throw new LinkError("link_cut");
  if (host !== undefined && !HOST.test(host)) throw new LinkError("link_cut");
  const body = data.slice(0, BODY_BYTES);
  const expected = await check(body);
  if (!expected.every((byte, at) => byte === data[BODY_BYTES + at])) throw new LinkError("link_cut");
  if (body[1] !== SUITE) throw new LinkError("link_suite");
  if (body[2] !== 0) throw new LinkError("link_flags");
  return { secret: body.slice(3, 3 + SECRET_BYTES), host: host ?? null };
}

async function check(body: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", body)).slice(0, CHECK_BYTES);
}
