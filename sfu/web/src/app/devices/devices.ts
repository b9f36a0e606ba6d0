/** Microphone, camera and speakers of this machine. Tracks live here: the SDK sends them and stops none. */
import { Changes } from "../parts/changes.ts";
import { prefer, preferences } from "../store.ts";

export type DeviceKind = "microphone" | "camera";
/** Of getUserMedia's refusals what a person can do something about. */
export type DeviceProblem = "blocked" | "none" | "busy";

export interface Device {
  readonly id: string;
  readonly label: string;
}

export interface DeviceLists {
  readonly microphone: readonly Device[];
  readonly camera: readonly Device[];
  readonly speakers: readonly Device[];
}

/** A device in use has gone; `other` has taken its place, where there was one. */
export interface Unplugged {
  readonly kind: DeviceKind;
  readonly label: string;
  readonly other: string | null;
}

const MEDIA: Record<DeviceKind, "audio" | "video"> = { microphone: "audio", camera: "video" };
const LISTED: Record<keyof DeviceLists, MediaDeviceKind> = { microphone: "audioinput", camera: "videoinput", speakers: "audiooutput" };

export class Devices extends Changes {
  microphone: MediaStreamTrack | null = null;
  camera: MediaStreamTrack | null = null;
  readonly problems: Partial<Record<DeviceKind, DeviceProblem>> = {};
  lists: DeviceLists = { microphone: [], camera: [], speakers: [] };
  /** The first asking is over, whatever came of it. */
  isReady = false;
  onUnplugged: (event: Unplugged) => void = () => {};
  #isClosed = false;
  readonly #onList = (): void => void this.#onDeviceChange();

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", this.#onList);
  }

  /** Asks for what was used last. A refusal is a problem to show, not an error. */
  async open(): Promise<void> {
    const wanted: DeviceKind[] = preferences().cameraOff ? ["microphone"] : ["microphone", "camera"];
    if (!(await this.#get(wanted)) && wanted.length > 1 && this.problems.microphone !== "blocked") {
      for (const kind of wanted) await this.#get([kind]); // one of them may be there
    }
    this.isReady = true;
    await this.#list();
    this.tell();
  }

  /** Another device, or the same again; the track before is stopped. */
  async use(kind: DeviceKind, id?: string): Promise<void> {
    if (id !== undefined) prefer({ [kind]: id });
    // Two tracks of one camera at a time fail in some browsers.
    this.#drop(kind);
    await this.#get([kind]);
    await this.#list(); // labels come with the permission
    this.tell();
  }

  /** The light goes off. */
  stop(kind: DeviceKind): void {
    this.#drop(kind);
    this.tell();
  }

  chooseSpeakers(id: string): void {
    prefer({ speakers: id });
    this.tell();
  }

  close(): void {
    this.#isClosed = true;
    this.onUnplugged = () => {};
    navigator.mediaDevices?.removeEventListener("devicechange", this.#onList);
    this.#drop("microphone");
    this.#drop("camera");
  }

  /** Which of a kind is in use, or would be. */
  chosen(kind: keyof DeviceLists): string {
    const id = kind === "speakers" ? preferences().speakers : (this[kind]?.getSettings().deviceId ?? preferences()[kind]);
    return this.lists[kind].some((device) => device.id === id) ? id : (this.lists[kind][0]?.id ?? "");
  }

  // ---- inner workings ----

  #labelOf(kind: DeviceKind): string | null {
    return this[kind]?.label ?? null;
  }

  #drop(kind: DeviceKind): void {
    const track = this[kind];
    if (track === null) return;
    track.onended = null;
    track.stop();
    this[kind] = null;
  }

  async #get(kinds: readonly DeviceKind[], isAny = false): Promise<boolean> {
    try {
      if (!navigator.mediaDevices) throw new DOMException("not a secure page", "NotFoundError");
      const stream = await navigator.mediaDevices.getUserMedia(constraints(kinds, isAny));
      for (const kind of kinds) this.#take(kind, stream.getTracks().find((track) => track.kind === MEDIA[kind]) ?? null);
      return true;
    } catch (reason) {
      for (const kind of kinds) this.problems[kind] = problemOf(reason);
      return false;
    }
  }

  #take(kind: DeviceKind, track: MediaStreamTrack | null): void {
    delete this.problems[kind];
    if (this.#isClosed) return track?.stop();
    this.#drop(kind);
    this[kind] = track;
    if (track) track.onended = () => void this.#onEnded(kind, track);
  }

  /** Taken away by the machine: another one goes on in its place. */
  async #onEnded(kind: DeviceKind, track: MediaStreamTrack): Promise<void> {
    if (this[kind] !== track) return;
    this[kind] = null;
    await this.#get([kind], true);
    await this.#list();
    this.tell();
    this.onUnplugged({ kind, label: track.label, other: this.#labelOf(kind) });
  }

  /** Something was plugged in or out: what was missing may be there now. */
  async #onDeviceChange(): Promise<void> {
    await this.#list();
    for (const kind of ["microphone", "camera"] as const) {
      const isMissing = this.problems[kind] === "none" && this.lists[kind].length > 0;
      if (isMissing) delete this.problems[kind]; // it is offered, and not turned on by itself
    }
    this.tell();
  }

  async #list(): Promise<void> {
    const found = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const of = (kind: keyof DeviceLists): Device[] =>
      found
        .filter((device) => device.kind === LISTED[kind] && device.deviceId !== "" && device.label !== "")
        .map(({ deviceId, label }) => ({ id: deviceId, label }));
    this.lists = { microphone: of("microphone"), camera: of("camera"), speakers: of("speakers") };
  }
}

function constraints(kinds: readonly DeviceKind[], isAny: boolean): MediaStreamConstraints {
  const { microphone, camera } = preferences();
  const wanted = (id: string): { deviceId?: ConstrainDOMString } => (id === "" || isAny ? {} : { deviceId: { ideal: id } });
  return {
    ...(kinds.includes("microphone") && {
      audio: { ...wanted(microphone), echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    }),
    ...(kinds.includes("camera") && {
      video: { ...wanted(camera), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
    }),
  };
}

function problemOf(reason: unknown): DeviceProblem {
  const name = reason instanceof DOMException ? reason.name : "";
  if (name === "NotAllowedError" || name === "SecurityError") return "blocked";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "none";
}

/** Plays a track's element on the speakers that were chosen. */
export async function playOn(player: HTMLAudioElement, speakers: string): Promise<void> {
  if (speakers === "" || !("setSinkId" in player)) return;
  // Gone since: the system's choice is as good as any.
  await player.setSinkId(speakers).catch(() => player.setSinkId("")).catch(() => undefined);
}
