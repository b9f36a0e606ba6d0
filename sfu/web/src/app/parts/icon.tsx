/** Symbols of index.html, by name. What they mean the word beside them says. */
export type IconName =
  | "mic" | "mic-off" | "cam" | "cam-off" | "screen" | "chat" | "people" | "more" | "leave" | "pin" | "copy" | "x"
  | "left" | "right" | "full" | "strip" | "alert" | "record" | "seal" | "sound-off"; // prettier-ignore

export function Icon({ name, className }: { name: IconName; className?: string }) {
  return (
    <svg aria-hidden="true" class={className}>
      <use href={`#${name}`} />
    </svg>
  );
}
