// What frames come from, and which m-lines carry them.

export const SOURCE_KINDS = ["microphone", "camera", "screen", "screen_audio"] as const;
export type SourceKind = (typeof SOURCE_KINDS)[number];
export type MediaKind = "audio" | "video";

/** The kind of m-line that carries the source. */
export function mediaOf(source: SourceKind): MediaKind {
  return source === "microphone" || source === "screen_audio" ? "audio" : "video";
}
