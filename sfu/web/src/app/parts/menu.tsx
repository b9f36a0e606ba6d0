/** A few things to do, over what they are about. */
import { useEffect, useRef } from "preact/hooks";
import { giveBack } from "./focus.ts";
import { below, roam } from "./roam.ts";

export type MenuItem = readonly [label: string, act: () => void];

interface MenuProps {
  label: string;
  items: readonly MenuItem[];
  /** Before what was chosen is done. */
  onClose: () => void;
  /** It opens upwards. */
  isUp?: boolean;
}

/** It has the focus while it is open, and gives it back to what opened it: the button beside it, which closes it as well. */
export function Menu({ label, items, onClose, isUp = false }: MenuProps) {
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = menu.current!;
    const before = document.activeElement;
    element.querySelector("button")!.focus();
    const away = ({ target }: Event): void => {
      if (!element.parentElement!.contains(target as Node)) onClose();
    };
    addEventListener("pointerdown", away);
    return () => {
      removeEventListener("pointerdown", away);
      giveBack(element, before);
    };
  }, []);
  const onKey = (event: KeyboardEvent): void => {
    if (event.key === "Tab") onClose(); // on from what opened it
    else if (event.key !== "Escape") return void roam(event, below(event, "button"), "down");
    else {
      event.stopPropagation();
      onClose();
    }
  };
  return (
    <div ref={menu} class={isUp ? "menu-pop up" : "menu-pop"} role="menu" aria-label={label} onKeyDown={onKey}>
      {items.map(([words, act]) => (
        <button
          key={words}
          type="button"
          role="menuitem"
          tabIndex={-1}
          onClick={() => {
            onClose();
            act();
          }}
        >
          {words}
        </button>
      ))}
    </div>
  );
}
