/** Before the call: name, devices and a look at oneself. Nothing is sent from here. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type DeviceKind, Devices } from "../devices/devices.ts";
import { DeviceForm } from "../devices/form.tsx";
import { areBothBlocked, problemWords, withoutWords } from "../devices/problem.ts";
import { useChanges } from "../parts/changes.ts";
import { Button, Control } from "../parts/controls.tsx";
import { Icon } from "../parts/icon.tsx";
import { Page, Title } from "../parts/page.tsx";
import { Picture } from "../parts/picture.tsx";
import { prefer, preferences } from "../store.ts";
import { t } from "../words/index.ts";

const NAME_MAX = 64; // code points, as profiles have it

export interface Choice {
  readonly name: string;
  readonly isMuted: boolean;
  readonly devices: Devices;
}

interface LobbyProps {
  /** How many the server says are inside; null where it says nothing. */
  inside: number | null;
  onJoin: (choice: Choice) => void;
  onOther: () => void;
}

export function Lobby({ inside, onJoin, onOther }: LobbyProps) {
  const devices = useMemo(() => new Devices(), []);
  const [isMuted, setMuted] = useState(preferences().muted);
  const name = useRef<HTMLInputElement>(null);
  const isGoingIn = useRef(false);
  useChanges(devices);
  useEffect(() => {
    void devices.open();
    return () => {
      if (!isGoingIn.current) devices.close(); // else they go into the call
    };
  }, []);

  const isSilent = isMuted || devices.microphone === null;
  const unmute = async (): Promise<void> => {
    if (devices.microphone === null) await devices.use("microphone");
    setMuted(!isSilent);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const given = [...name.current!.value.trim()].slice(0, NAME_MAX).join("");
    prefer({ name: given, muted: isMuted, cameraOff: devices.camera === null && devices.problems.camera === undefined });
    isGoingIn.current = true;
    onJoin({ name: given, isMuted: isSilent, devices });
  };
  return (
    <Page
      right={
        <span class="state">
          <Icon name="seal" className="seal" />
          <span>{t("lobby.key")}</span>
        </span>
      }
    >
      <main class="lobby">
        <section class="preview">
          <Mirror devices={devices} />
          <div class="under">
            <Control
              icon={isSilent ? "mic-off" : "mic"}
              label={isSilent ? t("bar.unmute") : t("bar.mute")}
              isOff={isSilent}
              onPress={() => void unmute()}
            />
            <Control
              icon={devices.camera ? "cam" : "cam-off"}
              label={devices.camera ? t("bar.stopCamera") : t("bar.startCamera")}
              isOff={devices.camera === null}
              onPress={() => (devices.camera ? devices.stop("camera") : void devices.use("camera"))}
            />
            <p class="quiet">{t("lobby.quiet")}</p>
          </div>
        </section>
        <form class="form" onSubmit={submit}>
          <Title>{t("lobby.title")}</Title>
          <p class="say" role="status">
            {inside === null ? t("lobby.unknown") : t("lobby.inside", { n: inside })}
          </p>
          <label for="name">{t("lobby.name")}</label>
          <input
            ref={name}
            id="name"
            class="field"
            autocomplete="name"
            maxLength={NAME_MAX}
            placeholder={t("guest")}
            defaultValue={preferences().name}
            dir="auto"
            aria-describedby="noname"
          />
          <p id="noname" class="quiet">
            {t("lobby.noname")}
          </p>
          <DeviceForm devices={devices} id="lobby" told={toldByMirror(devices)} />
          <div class="act">
            <button type="submit" class="btn main big grow" disabled={!devices.isReady}>
              {joinWords(devices, isSilent)}
            </button>
          </div>
          <button type="button" class="aside" onClick={onOther}>
            {t("lobby.other")}
          </button>
        </form>
      </main>
    </Page>
  );
}

/** The button says what pressing it does. */
function joinWords({ microphone, camera }: Devices, isSilent: boolean): string {
  if (microphone === null && camera === null) return t("lobby.join.listen");
  if (isSilent) return camera ? t("lobby.join.muted") : t("lobby.join.muted.off");
  return camera ? t("lobby.join.on") : t("lobby.join.on.off");
}

/** Whose problems stand in place of the picture. */
function toldByMirror(devices: Devices): readonly DeviceKind[] {
  if (devices.camera !== null || !devices.problems.camera) return [];
  return areBothBlocked(devices) ? ["camera", "microphone"] : ["camera"];
}

/** Oneself, or why not. */
function Mirror({ devices }: { devices: Devices }) {
  const { camera, isReady } = devices;
  if (camera) {
    return (
      <div class="mirror">
        <Picture track={camera} isMirrored />
      </div>
    );
  }
  if (!isReady) return <div class="mirror" />;
  const words = problemWords(devices, "camera");
  if (words === null) {
    return (
      <div class="mirror">
        <div class="why" role="note">
          <b>{t("lobby.off")}</b>
        </div>
      </div>
    );
  }
  const [title, say] = words;
  return (
    <div class="mirror blocked">
      <div class="why" role="alert">
        <b>{title}</b>
        <p>{[say, withoutWords(devices, "camera")].filter(Boolean).join(" ")}</p>
        <Button onPress={() => void devices.retry()}>{t("act.again")}</Button>
      </div>
    </div>
  );
}
