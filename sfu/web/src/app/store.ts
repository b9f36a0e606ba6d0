/**
 * What is kept. The link only for this tab and until the person leaves, or it ends by an error that trying again does not
 * help against (so that a reload can go on), since the address bar no longer has it; what a person has chosen for good, until
 * they say "Forget me here". Nothing else.
 */
import type { Language } from "./words/index.ts";

const LINK = "sfu.link";
const PREFERENCES = "sfu.preferences";

/** The secret part of the link: out of the address bar before anything else runs. */
export function takeFragment(): void {
  const fragment = location.hash.slice(1);
  if (fragment === "") return;
  sessionStorage.setItem(LINK, fragment);
  history.replaceState(null, "", location.pathname + location.search);
}

export function keptFragment(): string | null {
  return sessionStorage.getItem(LINK);
}

export function keepFragment(fragment: string): void {
  sessionStorage.setItem(LINK, fragment);
}

export function forgetFragment(): void {
  sessionStorage.removeItem(LINK);
}

export function wholeLink(fragment: string): string {
  return `${location.origin}${location.pathname}#${fragment}`;
}

export interface Preferences {
  name: string;
  microphone: string;
  camera: string;
  speakers: string;
  muted: boolean;
  cameraOff: boolean;
  look: "device" | "light" | "dark";
  language: Language | "";
  view: "everyone" | "large";
  keepSeats: boolean;
  self: "bar" | "grid" | "hidden";
  mirrored: boolean;
  singleKeys: boolean;
}

const DEFAULTS: Preferences = {
  name: "",
  microphone: "",
  camera: "",
  speakers: "",
  muted: true,
  cameraOff: false,
  look: "device",
  language: "",
  view: "everyone",
  keepSeats: false,
  self: "bar",
  mirrored: true,
  singleKeys: true,
};
const CHOICES: { readonly [Name in keyof Preferences]?: readonly string[] } = {
  look: ["device", "light", "dark"],
  language: ["", "en", "de", "es"],
  view: ["everyone", "large"],
  self: ["bar", "grid", "hidden"],
};

export function preferences(): Preferences {
  try {
    const kept = JSON.parse(localStorage.getItem(PREFERENCES) ?? "{}") as Record<string, unknown>;
    return { ...DEFAULTS, ...Object.fromEntries(Object.entries(kept).filter(([name, value]) => fits(name, value))) };
  } catch {
    return { ...DEFAULTS }; // no storage, or another program's
  }
}

function fits(name: string, value: unknown): boolean {
  if (!Object.hasOwn(DEFAULTS, name)) return false;
  const known = name as keyof Preferences;
  return typeof value === typeof DEFAULTS[known] && (CHOICES[known]?.includes(value as string) ?? true);
}

export function prefer(change: Partial<Preferences>): void {
  try {
    localStorage.setItem(PREFERENCES, JSON.stringify({ ...preferences(), ...change }));
  } catch {
    // Storage is off: it holds for this visit.
  }
}

/** All but the link of the call that is under way. */
export function forgetMe(): void {
  try {
    localStorage.removeItem(PREFERENCES);
  } catch {
    // There is nothing, then.
  }
}
