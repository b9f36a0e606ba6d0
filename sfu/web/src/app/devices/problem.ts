/** Why there is no camera or microphone, in words. */
import { t } from "../words/index.ts";
import type { DeviceKind, DeviceProblem } from "./devices.ts";

/** What happened, then what to do. */
export function problemWords(kind: DeviceKind, problem: DeviceProblem): readonly [string, string] {
  if (problem === "blocked") return [t("device.blocked"), t("device.blocked.say")];
  if (problem === "busy") return [t(`device.busy.${kind}`), t("device.busy.say")];
  return [t(`device.none.${kind}`), t("device.none.say")];
}
