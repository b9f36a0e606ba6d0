/** Where a link leads. What its secret part means only the worker knows. */

/** The part after `#` of a whole link, or of what was pasted in its place. */
export function fragmentOf(text: string): string {
  const trimmed = text.trim();
  const at = trimmed.indexOf("#");
  return at < 0 ? trimmed : trimmed.slice(at + 1);
}

/** Characters of a whole one, without a server behind `@`: 55 bytes in base64url. */
export const FRAGMENT_LENGTH = 74;

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/i;

/**
 * The signalling URL of a server given as host[:port]: as the page itself comes where it comes from there, without TLS on
 * this machine, and else with it.
 */
export function signalingUrl(server: string, page: { host: string; protocol: string }): string {
  const isPlain = server === page.host ? page.protocol === "http:" : LOOPBACK.test(server);
  return `${isPlain ? "ws" : "wss"}://${server}/ws`;
}
