/** One panel at a time, right of the stage. It takes the focus when it opens and gives it back. */
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "../parts/icon.tsx";
import { Late } from "../parts/late.tsx";
import { Later } from "../parts/later.ts";
import { type Key, t } from "../words/index.ts";
import type { CallModel, PanelName } from "./model.ts";

const TITLES = {
  people: "bar.people",
  chat: "bar.chat",
  security: "sec.title",
  more: "bar.more",
  details: "more.details",
  shortcuts: "more.shortcuts",
} as const satisfies Record<PanelName, Key>;

export const panels = new Later(() => import("./panels.tsx"));

export function Panel({ model, name }: { model: CallModel; name: PanelName }) {
  const heading = useRef<HTMLHeadingElement>(null);
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
        {t(TITLES[name])}
      </h2>
      <button type="button" class="shut" aria-label={t("act.close")} onClick={() => model.open(null)}>
        <Icon name="x" />
      </button>
      <Late part={panels}>
        {({ PANELS }) => {
          const View = PANELS[name];
          return <View model={model} />;
        }}
      </Late>
    </aside>
  );
}
