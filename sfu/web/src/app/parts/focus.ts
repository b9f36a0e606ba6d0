/** Hands the focus from what goes to what had it before, unless something else has taken it by choice. */
export function giveBack(from: Element, to: Element | null): void {
  const { activeElement } = document;
  if (activeElement === document.body || from.contains(activeElement)) (to as HTMLElement | null)?.focus();
}
