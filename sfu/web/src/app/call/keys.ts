/** Single keys of the call (UI.md, "Keys and screen readers"). None leaves: a slip of the finger must not end a call. */
import { useEffect } from "preact/hooks";
import type { CallModel } from "./model.ts";

const REGIONS = [".line .state", ".stage", ".panel h2", ".bar .ctl"];

/** Letter by what it does; beside them Space, Escape, F6, brackets and the question mark. */
const LETTERS: Readonly<Record<string, (model: CallModel) => void>> = {
  m: (model) => void model.toggleMicrophone(),
  v: (model) => void model.toggleCamera(),
  s: (model) => void model.toggleShare(),
  p: (model) => model.toggle("people"),
  c: (model) => model.toggle("chat"),
  i: (model) => model.toggle("security"),
  g: (model) => model.choose({ view: model.choices.view === "large" ? "everyone" : "large" }),
  "?": (model) => model.toggle("shortcuts"),
  "[": (model) => model.turnTo(Math.max(0, model.page - 1)),
  "]": (model) => model.turnTo(model.page + 1),
};

export function useKeys(model: CallModel): void {
  useEffect(() => {
    let isTalking = false; // Space is held
    const down = (event: KeyboardEvent): void => {
      if (event.key === "Escape" && onEscape(model)) return event.preventDefault();
      if (event.key === "F6") return onRegion(event);
      const target = event.target as HTMLElement | null;
      // Brackets come by AltGraph on many keyboards.
      const isChord = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
      if (isChord || target?.closest("input, textarea, select")) return;
      if (!model.choices.singleKeys) return;
      if (event.key === " ") {
        // Where it presses something it does that.
        if (target?.closest("button, a, summary, [role=menuitem]")) return;
        event.preventDefault();
        if (event.repeat || !model.conference.isMuted) return;
        isTalking = true;
        void model.setMuted(false);
        return;
      }
      const action = LETTERS[event.key.toLowerCase()];
      if (action === undefined || event.repeat) return;
      event.preventDefault();
      action(model);
    };
    const release = (): void => {
      if (!isTalking) return;
      isTalking = false;
      void model.setMuted(true);
    };
    const up = (event: KeyboardEvent): void => {
      if (event.key === " ") release();
    };
    addEventListener("keydown", down);
    addEventListener("keyup", up);
    addEventListener("blur", release); // the key is let go elsewhere
    return () => {
      removeEventListener("keydown", down);
      removeEventListener("keyup", up);
      removeEventListener("blur", release);
    };
  }, [model]);
}

function onEscape(model: CallModel): boolean {
  if (model.menu !== null) model.openMenu(null);
  else if (model.panel !== null) model.open(null);
  else return false;
  return true;
}

/** From line to stage to panel to bar, and round; with Shift the other way. */
function onRegion(event: KeyboardEvent): void {
  event.preventDefault();
  const parts = REGIONS.map((selector) => document.querySelector<HTMLElement>(selector)).filter((part) => part?.offsetParent != null) as HTMLElement[];
  const areas = parts.map((part) => part.closest(".line, .stage, .panel, .bar"));
  const at = areas.findIndex((area) => area?.contains(document.activeElement));
  const by = event.shiftKey ? parts.length - 1 : 1;
  parts[(Math.max(at, event.shiftKey ? 0 : -1) + by) % parts.length]?.focus();
}
