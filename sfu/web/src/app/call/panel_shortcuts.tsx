/** Single keys, for those who look for them. */
import { t } from "../words/index.ts";
import type { CallModel } from "./model.ts";

export function ShortcutsPanel({ model }: { model: CallModel }) {
  const rows: readonly [string, string][] = [
    ["M", `${t("bar.mute")} / ${t("bar.unmute")}`],
    [t("keys.space"), t("keys.talk")],
    ["V", `${t("bar.stopCamera")} / ${t("bar.startCamera")}`],
    ["S", t("bar.share")],
    ["P", t("bar.people")],
    ["C", t("bar.chat")],
    ["I", t("keys.security")],
    ["G", t("keys.view")],
    ["[ ]", t("keys.pages")],
    ["Enter", t("tile.pin")],
    ["F6", t("keys.region")],
    ["Esc", t("keys.close")],
    ["?", t("keys.help")],
  ];
  return (
    <div class={model.choices.singleKeys ? "body" : "body off"} role="group" aria-labelledby="panel-title" tabIndex={0}>
      <dl class="keys">
        {rows.map(([key, does]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
