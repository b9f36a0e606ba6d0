// The link to a room (PROTOCOL.md, "Link"). The secret appears in no error.
import * as base64url from "./base64url.ts";
import { concat, random, type Bytes } from "./bytes.ts";

const VERSION = 0;
const SUITE = 1;
const APART = 0x80; // flag: the secret's place holds a share of it, and the other is the key
const SECRET_BYTES = 32;
const OWNER_BYTES = 16;
const CHECK_BYTES = 4;
const BODY_BYTES = 3 + SECRET_BYTES + OWNER_BYTES;
const HOST = /^(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253})(?::[0-9]{1,5})?$/;

export type LinkCode = "link_version" | "link_suite" | "link_flags" | "link_cut" | "link_apart" | "key_wrong";

const WORDS: Record<LinkCode, string> = {
  link_version: "the link is of a version that this client does not know",
  link_suite: "the link asks for a cipher suite that this client does not have",
  link_flags: "the link asks for a guard that this client does not have",
  link_cut: "the link is incomplete or mistyped: its check does not fit",
  link_apart: "the link comes without its key",
  key_wrong: "the key does not fit the link",
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

export function encodeLink({ secret, host }: Link): Promise<string> {
  return encodeBody({ body: concat(Uint8Array.of(VERSION, SUITE, 0), secret, new Uint8Array(OWNER_BYTES)), host });
}

/**
 * `text` is what stands after the `#`. Throws LinkError. The version goes first, as it says how to read the rest; then the
 * check, so that a slip of the keyboard is not taken for another suite or a flag.
 */
export async function parseLink(text: string): Promise<Link> {
  const { body, host } = await decodeBody(text);
  if (isApart(body)) throw new LinkError("link_apart");
  return { secret: secretOf(body), host };
}

/** A whole link in two parts, neither of which gives anything of it away. Each time others. Throws LinkError. */
export async function splitLink(text: string): Promise<{ link: string; key: string }> {
  const { body, host } = await decodeBody(text);
  if (isApart(body)) throw new LinkError("link_apart");
  const share = random(SECRET_BYTES);
  const key = base64url.encode(concat(xor(secretOf(body), share), await check(body)));
  return { link: await encodeBody({ body: replaced(body, APART, share), host }), key };
}

/** The whole link. Throws LinkError; `key_wrong` where they do not fit. */
export async function joinLink(text: string, key: string): Promise<string> {
  const { body: half, host } = await decodeBody(text);
  const bytes = base64url.decode(key.trim());
  if (!isApart(half) || bytes?.length !== SECRET_BYTES + CHECK_BYTES) throw new LinkError("key_wrong");
  const body = replaced(half, 0, xor(secretOf(half), bytes.slice(0, SECRET_BYTES)));
  if (!isSame(await check(body), bytes.slice(SECRET_BYTES))) throw new LinkError("key_wrong");
  return encodeBody({ body, host });
}

interface Body {
  readonly body: Bytes;
  readonly host: string | null;
}

async function encodeBody({ body, host }: Body): Promise<string> {
  return base64url.encode(concat(body, await check(body))) + (host === null ? "" : `@${host}`);
}

async function decodeBody(text: string): Promise<Body> {
  const [, fragment = "", host] = /^([^@]*)(?:@(.*))?$/s.exec(text.trim()) ?? [];
  const version = base64url.decode(fragment.slice(0, 4))?.[0];
  if (version !== undefined && version !== VERSION) throw new LinkError("link_version");
  const data = base64url.decode(fragment);
  if (data?.length !== BODY_BYTES + CHECK_BYTES) throw new LinkError("link_cut");
  if (host !== undefined && !HOST.test(host)) throw new LinkError("link_cut");
  const body = data.slice(0, BODY_BYTES);
  if (!isSame(await check(body), data.slice(BODY_BYTES))) throw new LinkError("link_cut");
  if (body[1] !== SUITE) throw new LinkError("link_suite");
  if (body[2] !== 0 && body[2] !== APART) throw new LinkError("link_flags");
  return { body, host: host ?? null };
}

function isApart(body: Bytes): boolean {
  return body[2] === APART;
}

function secretOf(body: Bytes): Bytes {
  return body.slice(3, 3 + SECRET_BYTES);
}

/** The body with other flags and another secret, or a share of it. */
function replaced(body: Bytes, flags: number, secret: Bytes): Bytes {
  const other = body.slice();
  other[2] = flags;
  other.set(secret, 3);
  return other;
}

function xor(one: Bytes, other: Bytes): Bytes {
  return one.map((byte, at) => byte ^ other[at]!);
}

function isSame(one: Bytes, other: Bytes): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

async function check(body: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", body)).slice(0, CHECK_BYTES);
}
