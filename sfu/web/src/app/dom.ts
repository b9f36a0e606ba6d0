/** Elements made by hand: nothing is ever parsed as HTML. */

type Child = Node | string | null;
interface Props {
  class?: string;
  text?: string;
  on?: Partial<{ [E in keyof HTMLElementEventMap]: (event: HTMLElementEventMap[E]) => void }>;
  [attribute: string]: unknown;
}

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  props: Props = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = String(value);
    else if (name === "text") element.textContent = String(value);
    else if (name === "on") {
      for (const [event, handler] of Object.entries(value)) element.addEventListener(event, handler as EventListener);
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

/** One of the symbols in index.html. */
export function icon(name: string, className = ""): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#${name}`);
  svg.setAttribute("aria-hidden", "true");
  if (className) svg.setAttribute("class", className);
  svg.append(use);
  return svg;
}

export function button(label: string, onClick: () => void, className = "btn", ...icons: Node[]): HTMLButtonElement {
  return h("button", { class: className, type: "button", on: { click: onClick } }, ...icons, h("span", { text: label }));
}

/** Puts a view in the place of the one before. */
export function show(view: Node): void {
  document.getElementById("app")!.replaceChildren(view);
}

/** Changes text only where it differs, so that nothing is read out twice. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}
