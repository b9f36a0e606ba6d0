/** A few things to do, over what they are about. */
import { useEffect, useRef } from "preact/hooks";
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

export function Menu({ label, items, onClose, isUp = false }: MenuProps) {
  const menu = useRef<HTMLDivElement>(null);
  useEffect(() => menu.current!.querySelector<HTMLElement>("button")?.focus(), []);
  return (
    <div
      ref={menu}
      class={isUp ? "menu-pop up" : "menu-pop"}
      role="menu"
      aria-label={label}
      onKeyDown={(event) => void roam(event, below(event, "button"), "down")}
    >
      {items.map(([words, act]) => (
        <button
          key={words}
          type="button"
          role="menuitem"
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
