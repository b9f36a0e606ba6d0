/** Microphone, camera and speakers of this machine. Tracks live here: the SDK sends them and stops none. */
import { prefer, preferences } from "./store.ts";

export type DeviceKind = "microphone" | "camera";
export type DeviceProblem = "blocked" | "none" | "busy";

export interface DeviceList {
  microphones: MediaDeviceInfo[];
  cameras: MediaDeviceInfo[];
  speakers: MediaDeviceInfo[];
}

const KINDS: Record<DeviceKind, "audio" | "video"> = { microphone: "audio", camera: "video" };

export class Devices {
  microphone: MediaStreamTrack | null = null;
  camera: MediaStreamTrack | null = null;
  readonly problems: Partial<Record<DeviceKind, DeviceProblem>> = {};
  /** A track came, went or was unplugged (then with its label). */
  onChange: (unplugged?: string) => void = () => {};
  #isClosed = false;
  readonly #onList = (): void => this.onChange();

  constructor() {
    navigator.mediaDevices?.addEventListener("devicechange", this.#onList);
  }

  /** Asks for what was used last. A refusal is a problem to show, not an error. */
  async open(): Promise<void> {
    const wanted: DeviceKind[] = preferences().cameraOff ? ["microphone"] : ["microphone", "camera"];
    if (await this.#get(wanted)) return;
    // One of them may be there.
    if (wanted.length > 1 && this.problems.microphone !== "blocked") {
      for (const kind of wanted) await this.#get([kind]);
    }
  }

  /** Another device, or the same again; the track before is stopped. */
  async use(kind: DeviceKind, deviceId?: string): Promise<void> {
    if (deviceId !== undefined) prefer({ [kind]: deviceId });
    // Two tracks of one camera at a time fail in some browsers.
    this.stop(kind);
    await this.#get([kind]);
  }

  /** The light goes off. */
  stop(kind: DeviceKind): void {
    const track = this[kind];
    if (track === null) return;
    track.onended = null;
    track.stop();
    this[kind] = null;
    this.onChange();
  }

  async list(): Promise<DeviceList> {
    const found = (await navigator.mediaDevices?.enumerateDevices()) ?? [];
    const of = (kind: MediaDeviceKind): MediaDeviceInfo[] =>
      found.filter((device) => device.kind === kind && device.deviceId !== "" && device.label !== "");
    return { microphones: of("audioinput"), cameras: of("videoinput"), speakers: of("audiooutput") };
  }

  close(): void {
    this.#isClosed = true;
    this.onChange = () => {};
    navigator.mediaDevices?.removeEventListener("devicechange", this.#onList);
    this.stop("microphone");
    this.stop("camera");
  }

  async #get(kinds: DeviceKind[]): Promise<boolean> {
    const { microphone, camera } = preferences();
    const constraints: MediaStreamConstraints = {};
    if (kinds.includes("microphone")) {
      constraints.audio = {
        ...(microphone && { deviceId: { ideal: microphone } }),
        echoCancellation: true,
        noiseSuppression: true,
        autoGainControl: true,
      };
    }
    if (kinds.includes("camera")) {
      constraints.video = {
        ...(camera && { deviceId: { ideal: camera } }),
        width: { ideal: 1280 },
        height: { ideal: 720 },
        frameRate: { ideal: 30, max: 30 },
      };
    }
    try {
      if (!navigator.mediaDevices) throw new DOMException("not a secure page", "NotFoundError");
      const stream = await navigator.mediaDevices.getUserMedia(constraints);
      for (const kind of kinds) this.#take(kind, stream.getTracks().find((track) => track.kind === KINDS[kind]) ?? null);
      return true;
    } catch (reason) {
      for (const kind of kinds) this.problems[kind] = problemOf(reason);
      return false;
    } finally {
      if (!this.#isClosed) this.onChange();
    }
  }

  #take(kind: DeviceKind, track: MediaStreamTrack | null): void {
    delete this.problems[kind];
    if (this.#isClosed) return track?.stop();
    this[kind]?.stop();
    this[kind] = track;
    if (track) {
      track.onended = () => {
        if (this[kind] !== track) return;
        this[kind] = null;
        this.onChange(track.label);
      };
    }
  }
}

function problemOf(reason: unknown): DeviceProblem {
  const name = reason instanceof DOMException ? reason.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "blocked";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "none";
}
