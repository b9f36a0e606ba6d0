/** Light or dark: as the device says, or as was chosen. */
import { preferences } from "./store.ts";

const isLight = matchMedia("(prefers-color-scheme: light)");

export function applyLook(): void {
  const { look } = preferences();
  document.documentElement.dataset["theme"] = look === "device" ? (isLight.matches ? "light" : "dark") : look;
}

isLight.addEventListener("change", applyLook);
