/** How far behind somebody is, in words (sfu/e2ee/PROTOCOL.md, "Receiving"): delay and replay are to be seen. */
import type { Person } from "../../sdk/index.ts";
import { duration, t } from "../words/index.ts";

/** Null where there is nothing to say. */
export function lateness({ behindSeconds, clockSeconds }: Pick<Person, "behindSeconds" | "clockSeconds">): string | null {
  const isClockOff = clockSeconds !== 0;
  if (behindSeconds > 0) return isClockOff ? t("tile.behind.clock", { time: duration(behindSeconds) }) : t("tile.behind", { time: duration(behindSeconds) });
  return isClockOff ? t("tile.clock") : null;
}
