/** One panel at a time, right of the stage. It takes the focus when it opens and gives it back. */
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../parts/icon.tsx";
import { type Key, t } from "../words/index.ts";
import { ChatPanel } from "./panel_chat.tsx";
import { DetailsPanel } from "./panel_details.tsx";
import { MorePanel } from "./panel_more.tsx";
import { PeoplePanel } from "./panel_people.tsx";
import { SecurityPanel } from "./panel_security.tsx";
import { ShortcutsPanel } from "./panel_shortcuts.tsx";
import type { CallModel, PanelName } from "./model.ts";

const PANELS: Readonly<Record<PanelName, { title: Key; view: (props: { model: CallModel }) => preact.VNode }>> = {
  people: { title: "bar.people", view: PeoplePanel },
  chat: { title: "bar.chat", view: ChatPanel },
  security: { title: "sec.title", view: SecurityPanel },
  more: { title: "bar.more", view: MorePanel },
  details: { title: "more.details", view: DetailsPanel },
  shortcuts: { title: "more.shortcuts", view: ShortcutsPanel },
};

export function Panel({ model, name }: { model: CallModel; name: PanelName }) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { title, view: View } = PANELS[name];
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    heading.current!.focus();
    return () => {
      // Unless something else has taken it by choice.
      if (document.activeElement === document.body || document.activeElement === null) before?.focus();
    };
  }, []);
  return (
    <aside class="panel" data-panel={name} aria-labelledby="panel-title">
      <h2 ref={heading} id="panel-title" tabIndex={-1}>
        {t(title as "bar.people")}
      </h2>
      <button type="button" class="shut" aria-label={t("act.close")} onClick={() => model.open(null)}>
        <Icon name="x" />
      </button>
      <View model={model} />
    </aside>
  );
}
