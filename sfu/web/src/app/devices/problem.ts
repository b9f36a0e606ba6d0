/** Why there is no camera or microphone, in words. */
import { t } from "../words/index.ts";
import type { DeviceKind, Devices } from "./devices.ts";

/** Both, and one word for them. */
export function areBothBlocked({ problems }: Devices): boolean {
  return problems.camera?.reason === "blocked" && problems.microphone?.reason === "blocked";
}

/** What happened, then what to do; null where all is well. */
export function problemWords(devices: Devices, kind: DeviceKind): readonly [string, string] | null {
  const problem = devices.problems[kind];
  if (problem === undefined) return null;
  const { reason, device } = problem;
  if (reason === "blocked") {
    return areBothBlocked(devices) ? [t("device.blocked"), t("device.blocked.say")] : [t(`device.blocked.${kind}`), t("device.blocked.one")];
  }
  if (reason === "none") return [t(`device.none.${kind}`), t("device.none.say")];
  return [device === "" ? t(`device.busy.${kind}`) : t("device.busy", { device }), t("device.busy.say")];
}

/** That it can be done without, before a call. */
export function withoutWords({ problems }: Devices, kind: DeviceKind): string {
  const reason = problems[kind]?.reason;
  return reason === "blocked" ? t("device.listen") : reason === "none" ? t("device.without") : "";
}
