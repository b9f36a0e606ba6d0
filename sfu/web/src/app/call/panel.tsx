/** One panel at a time, right of the stage. Its heading has the focus when it opens; what opened it has it back. */
import { useEffect, useRef } from "preact/hooks";
import { giveBack } from "../parts/focus.ts";
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

/** It stays while one panel leads to another, so that it knows what opened the first. */
export function Panel({ model, name }: { model: CallModel; name: PanelName }) {
  const panel = useRef<HTMLElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    const element = panel.current!;
    const before = document.activeElement;
    return () => giveBack(element, before);
  }, []);
  useEffect(() => heading.current!.focus(), [name]);
  return (
    <aside ref={panel} class="panel" data-panel={name} aria-labelledby="panel-title">
      <h2 ref={heading} id="panel-title" tabIndex={-1}>
        {t(TITLES[name])}
      </h2>
      <button type="button" class="shut" aria-label={t("act.close")} onClick={() => model.open(null)}>
        <Icon name="x" />
      </button>
      <Late part={panels}>
        {({ PANELS }) => {
          const View = PANELS[name];
          return <View key={name} model={model} />;
        }}
      </Late>
    </aside>
  );
}
