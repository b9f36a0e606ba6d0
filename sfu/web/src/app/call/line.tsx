/** The line at the top: how sealed the call is, the one message there is to say, who and how long. */
import { useEffect, useState } from "preact/hooks";
import { Button } from "../parts/controls.tsx";
import { Icon, type IconName } from "../parts/icon.tsx";
import { t } from "../words/index.ts";
import { type CallModel, nameOf } from "./model.ts";

export function LineBar({ model }: { model: CallModel }) {
  const { current } = model.line;
  const [icon, words, isBad] = sign(model);
  return (
    <header class={current ? "line busy" : "line"}>
      <button
        type="button"
        class={isBad ? "state warn" : "state"}
        aria-label={t("state.details", { state: words })}
        aria-expanded={model.panel === "security"}
        onClick={() => model.toggle("security")}
      >
        <Icon name={icon} className="seal" />
        <span class="words">{words}</span>
      </button>
      <p class="vh" role="alert">
        {isBad && words}
      </p>
      <div class="notice">
        <p role="status">{current?.text}</p>
        {current?.actions?.map(({ label, run }) => (
          <Button key={label} className="small" onPress={run}>
            {label}
          </Button>
        ))}
      </div>
      <div class="meta">
        <Recorders model={model} />
        <button type="button" class="num count" onClick={() => model.toggle("people")}>
          {t("line.people", { n: model.conference.people.length })}
        </button>
        <Clock since={model.startedAt} />
        <Button className="small" icon="copy" onPress={() => void model.copyLink()}>
          {t("act.copy")}
        </Button>
      </div>
    </header>
  );
}

/** For as long as somebody records. */
function Recorders({ model }: { model: CallModel }) {
  const names = model.conference.people.filter(({ recording }) => recording).map(nameOf);
  if (names.length === 0) return null;
  return (
    <span class="rec">
      <Icon name="record" />
      <span class="text">{t("line.recording", { n: names.length, names: names[0]! })}</span>
    </span>
  );
}

function sign({ conference, isAway, troubled }: CallModel): readonly [IconName, string, boolean] {
  const { unopened, state } = conference;
  const bad = unopened + troubled.length;
  if (bad > 0) return ["alert", t("state.bad", { n: bad }), true];
  if (isAway) return ["seal", t("state.again"), false];
  return ["seal", state.media === "connecting" ? t("state.media") : t("state.link"), false];
}

function Clock({ since }: { since: number }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.floor((now - since) / 1000));
  const two = (n: number): string => String(n).padStart(2, "0");
  const hours = Math.floor(seconds / 3600);
  return (
    <span class="num clock">
      {hours > 0 ? `${hours}:${two(Math.floor(seconds / 60) % 60)}` : Math.floor(seconds / 60)}:{two(seconds % 60)}
    </span>
  );
}
