/** Making a room, or opening a link that was given; and what is said where there is neither. */
import { SfuError, fragmentOf, makeFragment } from "../sdk/index.ts";
import { button, h, icon, show } from "./dom.ts";
import { wholeLink } from "./store.ts";
import { type MessageWords, words } from "./words.ts";

export interface LandingHandlers {
  onMade(fragment: string): void;
  onLink(fragment: string): void;
  onFailed(error: SfuError): void;
}

export function mast(...right: Node[]): HTMLElement {
  return h("header", { class: "mast" }, h("a", { class: "host", href: "./", text: location.host }), ...right);
}

/** A link in two parts: what the server reads, and in marigold what only the people do. */
function specimen(fragment: string, className = "specimen"): HTMLElement {
  const [before, after] = [wholeLink("").slice(0, -1), `#${fragment}`];
  return h("div", { class: className }, h("span", { class: "u", text: before }), h("span", { class: "k", text: after }));
}

export function landing({ onMade, onLink, onFailed }: LandingHandlers): void {
  const make = button(words.landMake, () => void begin(), "btn main big");
  const begin = async (): Promise<void> => {
    make.disabled = true;
    try {
      onMade(await makeFragment());
    } catch (reason) {
      onFailed(reason instanceof SfuError ? reason : new SfuError("worker_failed", String(reason)));
    }
  };
  show(
    h(
      "div",
      { class: "page" },
      mast(),
      h(
        "main",
        { class: "landing" },
        h(
          "section",
          { class: "lead" },
          h("h1", { text: words.landTitle }),
          h("p", { class: "say", text: words.landSay }),
          h("div", { class: "act" }, make),
          linkForm(onLink),
        ),
        h(
          "section",
          { class: "anatomy" },
          specimen("AAEAk3vT9xWm0cJ7uQf2LhR8sYdB1nEo6ZpA4tKiVgMw5bX2rN7yHq0LdPz8UeCfJ3aStGw1D"),
          h(
            "dl",
            {},
            h("div", {}, h("dt", { text: words.beforeTitle }), h("dd", { text: words.beforeText })),
            h("div", {}, h("dt", {}, h("mark", { text: words.afterTitle })), h("dd", { text: words.afterText })),
          ),
        ),
      ),
      h("footer", { class: "foot" }, h("span", { text: words.foot })),
    ),
  );
}

/** A field for a link that was given. */
export function linkForm(onLink: (fragment: string) => void): HTMLElement {
  const field = h("input", {
    id: "link",
    class: "field",
    placeholder: words.landPaste,
    autocomplete: "off",
    spellcheck: "false",
    autocapitalize: "off",
  });
  const submit = (event: Event): void => {
    event.preventDefault();
    const fragment = fragmentOf(field.value);
    if (fragment === "") field.focus();
    else onLink(fragment);
  };
  return h(
    "form",
    { class: "opener", on: { submit } },
    h("label", { for: "link", text: words.landOpen }),
    h("div", { class: "row" }, field, h("button", { class: "btn big", type: "submit", text: words.open })),
  );
}

/** A new room: its link, to be handed on. */
export function made(fragment: string, onGo: () => void): void {
  const said = h("p", { class: "quiet", role: "status" });
  const copy = button(words.copy, () => void copyLink(fragment, (text) => (said.textContent = text)), "btn big", icon("copy"));
  const go = button(words.goIn, onGo, "btn main big");
  show(
    h(
      "div",
      { class: "page" },
      mast(),
      h(
        "main",
        { class: "made" },
        h("h1", { text: words.madeTitle }),
        h("p", { class: "say", text: words.madeSay }),
        specimen(fragment, "specimen wide"),
        h("div", { class: "act" }, go, copy),
        said,
      ),
      h("footer", { class: "foot" }, h("span", { text: words.foot })),
    ),
  );
  go.focus();
}

/** Tells how it went, with the link itself where the browser does not allow it. */
export async function copyLink(fragment: string, tell: (text: string) => void): Promise<void> {
  const link = wholeLink(fragment);
  try {
    await navigator.clipboard.writeText(link);
    tell(words.copied);
  } catch {
    tell(`${words.notCopied} ${link}`);
  }
}

/** A page with one message: what happened, then what to do. */
export function message(text: Pick<MessageWords, "title" | "say">, code: string, ...actions: Node[]): void {
  const title = h("h1", { text: text.title, tabindex: "-1" });
  show(
    h(
      "div",
      { class: "page" },
      mast(),
      h(
        "main",
        { class: "message", role: "alert" },
        title,
        h("p", { class: "say", text: text.say }),
        h("div", { class: "act" }, ...actions),
        code ? h("p", { class: "quiet", text: code }) : null,
      ),
    ),
  );
  title.focus();
}
