/**
 * What can go wrong, by a code that stays the same. Codes of the server are those of sfu/signaling/PROTOCOL.md; those
 * of the link, `link_cut`, `key_wrong` and their like, come from the worker; the rest is named here.
 */
export type LocalCode =
  | "unreachable" // where the page comes from does not give its worker's script
  | "no_transform" // this browser cannot encrypt frames: there is no way in
  | "worker_failed" // the worker that holds the keys could not be started, or has died
  | "taken_over" // another connection has taken up this session
  | "left" // asked of a conference that has been left
  | "bad_answer" // what the server says is no answer to what was asked
  | "too_fast" // more chat messages than are allowed
  | "too_long"; // a chat message or a name

export class SfuError extends Error {
  readonly code: string;
  /** After how many milliseconds the same may do, where that is known. */
  readonly retryMs: number | null;

  constructor(code: LocalCode | (string & {}), message: string, retryMs: number | null = null) {
    super(message);
    this.name = "SfuError";
    this.code = code;
    this.retryMs = retryMs;
  }
}

export function asError(reason: unknown): SfuError {
  if (reason instanceof SfuError) return reason;
  const { code } = (reason ?? {}) as { code?: unknown };
  const text = reason instanceof Error ? reason.message : String(reason);
  if (code === "not_loaded") return new SfuError("unreachable", text);
  if (code === "died") return new SfuError("worker_failed", text);
  return new SfuError(typeof code === "string" ? code : "internal", text);
}
