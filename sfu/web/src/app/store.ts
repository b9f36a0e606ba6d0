/**
 * What is kept. The link only for this tab and until the person leaves, or it ends by an error that trying again does not
 * help against (so that a reload can go on), since the address bar no longer has it; name and devices for good. Nothing else.
 */

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
  cameraOff: boolean;
}

const DEFAULTS: Preferences = { name: "", microphone: "", camera: "", speakers: "", cameraOff: false };

export function preferences(): Preferences {
  try {
    const kept = JSON.parse(localStorage.getItem(PREFERENCES) ?? "{}") as Partial<Preferences>;
    const fitting = Object.entries(kept).filter(
      ([name, value]) => typeof value === typeof DEFAULTS[name as keyof Preferences],
    );
    return { ...DEFAULTS, ...Object.fromEntries(fitting) };
  } catch {
    return { ...DEFAULTS }; // no storage, or another program's
  }
}

export function prefer(change: Partial<Preferences>): void {
  try {
    localStorage.setItem(PREFERENCES, JSON.stringify({ ...preferences(), ...change }));
  } catch {
    // Storage is off: it holds for this visit.
  }
}
