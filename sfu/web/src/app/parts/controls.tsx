/** What people press and choose. */
import type { ComponentChildren, Ref } from "preact";
import { Icon, type IconName } from "./icon.tsx";
import { below, roam } from "./roam.ts";

interface ButtonProps {
  children: ComponentChildren;
  onPress: () => void;
  icon?: IconName;
  className?: string;
  disabled?: boolean;
  buttonRef?: Ref<HTMLButtonElement>;
}

export function Button({ children, onPress, icon, className = "", disabled = false, buttonRef }: ButtonProps) {
  return (
    <button ref={buttonRef ?? null} type="button" class={`btn ${className}`} disabled={disabled} onClick={onPress}>
      {icon && <Icon name={icon} />}
      <span>{children}</span>
    </button>
  );
}

interface ControlProps {
  icon: IconName;
  label: string;
  onPress: () => void;
  /** Off or muted: filled, so that it is seen from afar. */
  isOff?: boolean;
  isExpanded?: boolean;
  shortcut?: string | undefined;
  className?: string;
  disabled?: boolean;
  children?: ComponentChildren;
}

/** Of the bar: icon and word; the word says what pressing does, and changes with the state. */
export function Control({ icon, label, onPress, isOff, isExpanded, shortcut, className = "", disabled, children }: ControlProps) {
  return (
    <button
      type="button"
      class={`ctl ${className}`}
      data-off={isOff ? "" : undefined}
      aria-expanded={isExpanded}
      aria-keyshortcuts={shortcut}
      disabled={disabled}
      onClick={onPress}
    >
      <Icon name={icon} />
      <span>{label}</span>
      {children}
    </button>
  );
}

/** A small square one, for where there is room for no word: the word is its name and its tip. */
export function Square({ icon, label, onPress, disabled }: { icon: IconName; label: string; onPress: () => void; disabled?: boolean }) {
  return (
    <button type="button" class="sq" aria-label={label} title={label} disabled={disabled} onClick={onPress}>
      <Icon name={icon} />
    </button>
  );
}

interface SwitchProps {
  id: string;
  label: string;
  isOn: boolean;
  onChange: (isOn: boolean) => void;
  words: { on: string; off: string };
  disabled?: boolean;
}

export function Switch({ id, label, isOn, onChange, words, disabled }: SwitchProps) {
  return (
    <div class="opt">
      <label for={id}>{label}</label>
      <span class="switch">
        <span class="state" aria-hidden="true">{isOn ? words.on : words.off}</span>
        <input id={id} type="checkbox" role="switch" checked={isOn} disabled={disabled} onChange={(event) => onChange(event.currentTarget.checked)} />
      </span>
    </div>
  );
}

interface ChoiceProps<T extends string> {
  label: string;
  options: readonly { value: T; label: string; disabled?: boolean }[];
  value: T;
  onChange: (value: T) => void;
}

/** One of a few, all to be seen. */
export function Segments<T extends string>({ label, options, value, onChange }: ChoiceProps<T>) {
  const step = (event: KeyboardEvent): void => {
    const next = roam(event, below(event, "button:not(:disabled)"), "both");
    if (next) onChange(next.dataset["value"] as T);
  };
  return (
    <div class="seg" role="radiogroup" aria-label={label} onKeyDown={step}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          role="radio"
          data-value={option.value}
          aria-checked={option.value === value}
          tabIndex={option.value === value ? 0 : -1}
          disabled={option.disabled}
          onClick={() => onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </div>
  );
}

/** One of many, folded. `children` stand beside it. */
export function Select<T extends string>({ id, label, options, value, onChange, children }: ChoiceProps<T> & { id: string; children?: ComponentChildren }) {
  return (
    <>
      <label for={id}>{label}</label>
      <div class="row">
        <select id={id} class="field" value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.label}
            </option>
          ))}
        </select>
        {children}
      </div>
    </>
  );
}
