/** What cannot be opened, in words: what happened, then what to do. */
import type { Trouble } from "../model/trouble.ts";
import { type Key, t } from "../words/index.ts";

const CANNOT = { video: "bad.video", sound: "bad.sound", screen: "bad.screen" } as const satisfies Record<string, Key>;

/** `others` of the same person, of which the title tells too where it can. */
export function troubleTitle({ part, reason }: Trouble, name: string, others: readonly Trouble[] = []): string {
  if (reason === "wrong_sender") return t(part === "sound" ? "bad.wrong.unheard" : "bad.wrong.unseen", { name });
  const isBoth = part === "video" && others.some((other) => other.part === "sound" && other.reason === reason);
  return t(isBoth ? "bad.both" : CANNOT[part], { name });
}

export function troubleText({ reason, tries }: Trouble, name: string): string {
  switch (reason) {
    case "no_key":
      return tries === null ? t("bad.nokey.still", { name }) : t("bad.nokey", { i: Math.max(1, tries) });
    case "changed":
      return t("bad.changed");
    case "newer":
      return t("bad.newer", { name });
    case "wrong_sender":
      return t("bad.wrong", { name });
  }
}
