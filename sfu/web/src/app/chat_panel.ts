/** What is written. Plain text; http and https links alone can be pressed, and nothing is fetched for them. */
import { type ChatLine, SfuError } from "../sdk/index.ts";
import { h } from "./dom.ts";
import { words } from "./words.ts";

const KEPT = 1000;
const LINK = /\bhttps?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/gu;
// They would make a line read as another one.
const DIRECTION = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/gu;

export class ChatPanel {
  readonly #log = h("div", { class: "log", role: "log", tabindex: "0", "aria-label": words.chat });
  readonly #field = h("textarea", { class: "field grow", rows: "1", placeholder: words.chatBox, "aria-label": words.chatBox, maxlength: "2000" });
  readonly #error = h("p", { class: "err", role: "alert", hidden: true });
  readonly element: HTMLElement;
  readonly #send: (text: string) => Promise<void>;
  readonly #nameOf: (line: ChatLine) => string | null;

  /** `nameOf` gives null for oneself. */
  constructor(send: (text: string) => Promise<void>, nameOf: (line: ChatLine) => string | null) {
    this.#send = send;
    this.#nameOf = nameOf;
    const submit = (event: Event): void => {
      event.preventDefault();
      void this.#submit();
    };
    this.#field.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
    });
    this.#log.append(h("p", { class: "since", text: words.chatSince }));
    this.element = h(
      "div",
      { class: "chat" },
      h("div", { class: "body" }, this.#log),
      this.#error,
      h(
        "form",
        { class: "tail", on: { submit } },
        this.#field,
        h("button", { class: "btn main", type: "submit", text: words.send }),
      ),
    );
  }

  focus(): void {
    this.#field.focus();
    this.#toEnd();
  }

  add(line: ChatLine): void {
    const name = this.#nameOf(line);
    if (line.missing > 0 && name !== null) this.#log.append(h("p", { class: "since", text: words.missing(line.missing, name) }));
    const at = new Date(line.at);
    const isAtEnd = this.#body.scrollHeight - this.#body.scrollTop - this.#body.clientHeight < 40;
    this.#log.append(
      h(
        "div",
        { class: name === null ? "msg mine" : "msg" },
        h("b", { text: name ?? words.you, dir: "auto" }),
        h("time", { text: at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }), datetime: at.toISOString() }),
        h("p", { dir: "auto" }, ...withLinks(line.text)),
      ),
    );
    while (this.#log.childElementCount > KEPT) this.#log.children[1]!.remove();
    if (isAtEnd || name === null) this.#toEnd();
  }

  get #body(): HTMLElement {
    return this.#log.parentElement!;
  }

  #toEnd(): void {
    this.#body.scrollTop = this.#body.scrollHeight;
  }

  async #submit(): Promise<void> {
    const text = this.#field.value.trim();
    if (text === "") return;
    this.#field.value = "";
    this.#error.hidden = true;
    try {
      await this.#send(text);
    } catch (reason) {
      if (this.#field.value === "") this.#field.value = text; // nothing that was written is lost
      const said = reason instanceof SfuError ? reason.message : "";
      this.#error.textContent = `${words.notSent} ${said}`;
      this.#error.hidden = false;
    }
  }
}

function withLinks(text: string): (Node | string)[] {
  const seen = text.replace(DIRECTION, (mark) => `[U+${mark.codePointAt(0)!.toString(16).toUpperCase()}]`);
  const parts: (Node | string)[] = [];
  let end = 0;
  for (const { 0: link, index } of seen.matchAll(LINK)) {
    parts.push(seen.slice(end, index), h("a", { href: link, target: "_blank", rel: "noopener noreferrer", text: link }));
    end = index + link.length;
  }
  return [...parts, seen.slice(end)];
}
