/** The bar: oneself, what one sends, panels, and the way out. */
import { useRef, useState } from "preact/hooks";
import { useLevel } from "../devices/level.ts";
import { Control } from "../parts/controls.tsx";
import { Menu, type MenuItem } from "../parts/menu.tsx";
import { Picture } from "../parts/picture.tsx";
import { below, roam, useRoving } from "../parts/roam.ts";
import { t } from "../words/index.ts";
import type { CallModel } from "./model.ts";

const LEVEL_STEPS = 6;
const UNREAD_MAX = 99;
const CONTROLS = ".selfpic, .ctl";

export function Bar({ model }: { model: CallModel }) {
  const { conference, devices, chat } = model;
  const { isMuted } = conference;
  const { camera } = devices;
  const isSharing = model.self.screen === "on";
  const unread = model.panel === "chat" ? 0 : chat.unread;
  const key = (letter: string): string | undefined => (model.choices.singleKeys ? letter : undefined);
  const bar = useRef<HTMLElement>(null);
  useRoving(bar, CONTROLS);
  return (
    <nav ref={bar} class="bar" aria-label={t("bar.label")} onKeyDown={onArrow}>
      <Self model={model} />
      <div class="ctls">
        <Control icon={isMuted ? "mic-off" : "mic"} label={isMuted ? t("bar.unmute") : t("bar.mute")} isOff={isMuted} shortcut={key("M")} onPress={() => void model.toggleMicrophone()}>
          <Loudness model={model} />
        </Control>
        <Control
          icon={camera ? "cam" : "cam-off"}
          label={camera ? t("bar.stopCamera") : t("bar.startCamera")}
          isOff={camera === null}
          shortcut={key("V")}
          onPress={() => void model.toggleCamera()}
        />
        {model.canShare && (
          <Control className="wideonly" icon="screen" label={isSharing ? t("bar.stopShare") : t("bar.share")} isOff={isSharing} shortcut={key("S")} onPress={() => void model.toggleShare()} />
        )}
      </div>
      <div class="ctls right">
        <Control className="wideonly" icon="people" label={t("bar.people")} isExpanded={model.panel === "people"} shortcut={key("P")} onPress={() => model.toggle("people")} />
        <Control icon="chat" label={t("bar.chat")} isExpanded={model.panel === "chat"} shortcut={key("C")} onPress={() => model.toggle("chat")}>
          {unread > 0 && (
            <i class="n" role="img" aria-label={t("bar.unread", { n: unread })}>
              {Math.min(unread, UNREAD_MAX)}
            </i>
          )}
        </Control>
        <Control icon="more" label={t("bar.more")} isExpanded={model.panel === "more"} onPress={() => model.toggle("more")} />
        <Control className="out" icon="leave" label={t("bar.leave")} onPress={model.leave} />
      </div>
    </nav>
  );
}

/** How loud one is, beside the microphone; it listens on while muted, to tell who speaks in vain. */
function Loudness({ model }: { model: CallModel }) {
  const lit = useLevel(model.devices.microphone, LEVEL_STEPS, model.onSpeech);
  return model.conference.isMuted ? null : <i class="level" data-lit={lit} aria-hidden="true" />;
}

/** One's own picture, which takes no seat. It must never be unclear whether the camera runs. */
function Self({ model }: { model: CallModel }) {
  const { camera } = model.devices;
  const { self: place, mirrored } = model.choices;
  const [isOpen, setOpen] = useState(false);
  const items: readonly MenuItem[] = [
    ...(place === "hidden" ? [] : [[t("self.hide"), () => model.choose({ self: "hidden" })] as const]),
    ...(place === "grid" ? [] : [[t("self.grid"), () => model.choose({ self: "grid" })] as const]),
    ...(place === "bar" ? [] : [[t("self.bar"), () => model.choose({ self: "bar" })] as const]),
    [mirrored ? t("self.mirror") : t("self.unmirror"), () => model.choose({ mirrored: !mirrored })],
  ];
  const isShown = camera !== null && place === "bar";
  const sign = camera === null ? t("self.notSending") : isShown ? "" : t("self.cameraOn");
  return (
    <div class={isShown ? "self" : "self sign"}>
      <button type="button" class="selfpic" aria-label={[sign, t("self.options")].filter(Boolean).join(". ")} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isShown && <Picture track={camera} isMirrored={mirrored} />}
        {sign && <span class="tag">{sign}</span>}
      </button>
      {isOpen && <Menu label={t("self.options")} items={items} onClose={() => setOpen(false)} isUp />}
    </div>
  );
}

/** Arrows move within the bar, which stands upright on phones that lie. */
function onArrow(event: KeyboardEvent): void {
  roam(event, below(event, CONTROLS), "both");
}
