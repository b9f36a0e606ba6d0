/** The choice of microphone, camera and speakers, in the lobby and in the call. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useChanges } from "../parts/changes.ts";
import { Button, Select } from "../parts/controls.tsx";
import { t } from "../words/index.ts";
import { type Device, type DeviceKind, type DeviceLists, type Devices, playOn } from "./devices.ts";
import { useLevel } from "./level.ts";
import { problemWords } from "./problem.ts";

const BARS = 12;
const TONE_HZ = 440;
const TONE_S = 0.6;

interface DeviceFormProps {
  devices: Devices;
  /** Keeps the fields of two forms apart. */
  id: string;
  /** Whose problems are told elsewhere. */
  told?: readonly DeviceKind[];
}

export function DeviceForm({ devices, id, told = [] }: DeviceFormProps) {
  useChanges(devices);
  const { lists } = devices;
  const pick = (kind: DeviceKind) => (device: string) => void devices.choose(kind, device);
  const row = (kind: keyof DeviceLists, label: string, onChange: (device: string) => void, beside?: ComponentChildren) =>
    lists[kind].length > 0 && (
      <Select id={`${id}-${kind}`} label={label} options={optionsOf(lists[kind])} value={devices.chosen(kind)} onChange={onChange}>
        {beside}
      </Select>
    );
  const canChooseSpeakers = "setSinkId" in HTMLMediaElement.prototype && lists.speakers.length > 0;
  return (
    <div class="devices">
      {row("microphone", t("device.microphone"), pick("microphone"))}
      {devices.microphone && <Meter track={devices.microphone} />}
      {!told.includes("microphone") && <Trouble devices={devices} kind="microphone" />}
      {row("camera", t("device.camera"), pick("camera"))}
      {!told.includes("camera") && <Trouble devices={devices} kind="camera" />}
      {canChooseSpeakers ? (
        row("speakers", t("device.speakers"), (device) => devices.chooseSpeakers(device), <SpeakerTest devices={devices} label={t("device.test")} />)
      ) : (
        <SpeakerTest devices={devices} label={t("device.test.speakers")} />
      )}
    </div>
  );
}

function optionsOf(devices: readonly Device[]): { value: string; label: string }[] {
  return devices.map(({ id, label }) => ({ value: id, label }));
}

/** What happened, then what to do, where the choice is. */
function Trouble({ devices, kind }: { devices: Devices; kind: DeviceKind }) {
  const words = problemWords(devices, kind);
  if (words === null) return null;
  const [title, say] = words;
  return (
    <div class="trouble" role="alert">
      <p>
        <b>{title}.</b> {say}
      </p>
      {devices[kind] === null && <Button onPress={() => void devices.use(kind)}>{t("act.again")}</Button>}
    </div>
  );
}

function Meter({ track }: { track: MediaStreamTrack }) {
  const lit = useLevel(track, BARS);
  return (
    <div class="meter" role="meter" aria-label={t("device.level")} aria-valuenow={lit} aria-valuemin={0} aria-valuemax={BARS}>
      {Array.from({ length: BARS }, (_, bar) => (
        <i key={bar} data-lit={bar < lit ? "" : undefined} />
      ))}
    </div>
  );
}

/** A short tone on the speakers that are chosen. */
function SpeakerTest({ devices, label }: { devices: Devices; label: string }) {
  const [isPlaying, setPlaying] = useState(false);
  const stop = useRef<() => void>(() => {});
  useEffect(() => () => stop.current(), []);
  const play = async (): Promise<void> => {
    setPlaying(true);
    const context = new AudioContext();
    const tone = new OscillatorNode(context, { frequency: TONE_HZ });
    const volume = new GainNode(context, { gain: 0 });
    const output = context.createMediaStreamDestination();
    tone.connect(volume).connect(output);
    volume.gain.linearRampToValueAtTime(0.3, context.currentTime + 0.05);
    volume.gain.setValueAtTime(0.3, context.currentTime + TONE_S - 0.1);
    volume.gain.linearRampToValueAtTime(0, context.currentTime + TONE_S);
    const player = new Audio();
    player.srcObject = output.stream;
    stop.current = () => {
      player.srcObject = null;
      void context.close().catch(() => {});
      setPlaying(false);
      stop.current = () => {};
    };
    tone.onended = () => stop.current();
    tone.start();
    tone.stop(context.currentTime + TONE_S);
    await playOn(player, devices.chosen("speakers"));
    await player.play().catch(() => stop.current());
  };
  return (
    <button type="button" class="btn" disabled={isPlaying} onClick={() => void play()}>
      {isPlaying ? t("device.testing") : label}
    </button>
  );
}
