/** The call: line, stage, one panel at a time, bar. With the conference it is loaded while a person is in the lobby. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Conference, SfuError } from "../../sdk/index.ts";
import type { Devices } from "../devices/devices.ts";
import { useChanges } from "../parts/changes.ts";
import { t } from "../words/index.ts";
import { Bar } from "./bar.tsx";
import { useKeys } from "./keys.ts";
import { LineBar } from "./line.tsx";
import { CallModel } from "./model.ts";
import { Panel, panels } from "./panel.tsx";
import { Sounds } from "./sounds.tsx";
import { Stage } from "./stage.tsx";

export { Conference } from "../../sdk/index.ts";

interface CallProps {
  conference: Conference;
  devices: Devices;
  fragment: string;
  onEnded: (error: SfuError | null) => void;
}

export function CallPage({ conference, devices, fragment, onEnded }: CallProps) {
  const model = useMemo(() => new CallModel(conference, devices, fragment, onEnded), []);
  useChanges(model);
  useKeys(model);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    panels.prepare();
  }, []);
  const [isShelf, setShelf] = useState(false);
  const classes = ["call", model.panel && "withpanel", isShelf && "shelf"].filter(Boolean).join(" ");
  return (
    <div class={classes} data-stale={model.isConnectionLost ? "" : undefined}>
      <LineBar model={model} />
      <Stage model={model} onShelf={setShelf}>
        <h1 ref={heading} class="vh" tabIndex={-1}>
          {t("call.title", { n: conference.people.length })}
        </h1>
      </Stage>
      {model.panel && <Panel model={model} name={model.panel} />}
      <Bar model={model} />
      <Sounds model={model} />
    </div>
  );
}
