/** The choice of microphone, camera and speakers, in the lobby and in the call. */
import type { DeviceKind, Devices } from "./devices.ts";
import { h } from "./dom.ts";
import { prefer, preferences } from "./store.ts";
import { words } from "./words.ts";

export class DeviceForm {
  readonly element = h("div", { class: "devices" });
  readonly #devices: Devices;
  readonly #onSpeakers: (deviceId: string) => void;

  constructor(devices: Devices, onSpeakers: (deviceId: string) => void = () => {}) {
    this.#devices = devices;
    this.#onSpeakers = onSpeakers;
  }

  async update(): Promise<void> {
    const { microphones, cameras, speakers } = await this.#devices.list();
    const rows = [
      ...this.#row("microphone", words.microphone, microphones),
      ...this.#row("camera", words.camera, cameras),
      ...("setSinkId" in HTMLMediaElement.prototype ? this.#speakers(speakers) : []),
    ];
    const focused = document.activeElement?.id;
    this.element.replaceChildren(...rows);
    if (focused) this.element.querySelector<HTMLElement>(`#${CSS.escape(focused)}`)?.focus();
  }

  #row(kind: DeviceKind, label: string, devices: MediaDeviceInfo[]): Node[] {
    if (devices.length === 0) return [];
    const current = this.#devices[kind]?.getSettings().deviceId ?? preferences()[kind];
    return select(`device-${kind}`, label, devices, current, (id) => {
      prefer({ [kind]: id });
      // A camera that is off stays off.
      if (this.#devices[kind]) void this.#devices.use(kind, id);
    });
  }

  #speakers(devices: MediaDeviceInfo[]): Node[] {
    if (devices.length === 0) return [];
    return select("device-speakers", words.speakers, devices, preferences().speakers, (id) => {
      prefer({ speakers: id });
      this.#onSpeakers(id);
    });
  }
}

function select(
  id: string,
  label: string,
  devices: MediaDeviceInfo[],
  current: string,
  onPick: (deviceId: string) => void,
): Node[] {
  const options = devices.map(({ deviceId, label: name }) =>
    h("option", { value: deviceId, text: name, selected: deviceId === current }),
  );
  const field = h("select", { id, class: "field", on: { change: () => onPick(field.value) } }, ...options);
  return [h("label", { for: id, text: label }), field];
}
