/** Codecs whose frames the worker can seal (sfu/e2ee/PROTOCOL.md, "Frames"): a server may ask for no others. */

export const SEALABLE: Record<"audio" | "video", readonly string[]> = { audio: ["opus"], video: ["VP8", "VP9"] };

/** The first of each kind that the server asks for: what frames are taken for that do not name theirs. */
export function codecsOf(names: readonly string[]): { audio: "opus"; video: "VP8" | "VP9" } {
  return { audio: "opus", video: names.find((name) => name === "VP8" || name === "VP9") === "VP9" ? "VP9" : "VP8" };
}
