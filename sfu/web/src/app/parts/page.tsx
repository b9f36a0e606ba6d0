/** What pages outside a call have in common. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { wholeLink } from "../store.ts";
import { t } from "../words/index.ts";

export function Page({ right, foot, children }: { right?: ComponentChildren; foot?: ComponentChildren; children: ComponentChildren }) {
  return (
    <div class="page">
      <header class="mast">
        <span class="host">{location.host}</span>
        {right}
      </header>
      {children}
      {foot}
    </div>
  );
}

/** A heading that has the focus when its page comes: whoever hears the page knows where they are. */
export function Title({ describedBy, children }: { describedBy?: string | undefined; children: ComponentChildren }) {
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => title.current?.focus(), []);
  return (
    <h1 ref={title} tabIndex={-1} aria-describedby={describedBy}>
      {children}
    </h1>
  );
}

/** A link in two parts: what the server reads, and in marigold what only the people do. */
export function Specimen({ fragment, className = "specimen" }: { fragment: string; className?: string }) {
  return (
    <div class={className} dir="ltr">
      <span class="u">{wholeLink("").slice(0, -1)}</span>
      <span class="k">#{fragment}</span>
    </div>
  );
}

/** Where it is not allowed the text to be copied stays to be marked by hand. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

/** A link that was given. */
export function LinkForm({ label, isMain = false, onLink }: { label: string; isMain?: boolean; onLink: (text: string) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = field.current!.value.trim();
    if (text === "") field.current!.focus();
    else onLink(text);
  };
  return (
    <form class="opener" onSubmit={submit}>
      <label for="link">{label}</label>
      <div class="row">
        <input ref={field} id="link" class="field" placeholder={t("land.paste")} autocomplete="off" spellcheck={false} autocapitalize="off" dir="ltr" />
        <button class={isMain ? "btn main big" : "btn big"} type="submit">
          {t("act.open")}
        </button>
      </div>
    </form>
  );
}
