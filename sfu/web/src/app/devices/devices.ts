/** Microphone, camera and speakers of this machine. Tracks live here: the SDK sends them and stops none. */
import { Changes } from "../parts/changes.ts";
import { prefer, preferences } from "../store.ts";

export type DeviceKind = "microphone" | "camera";

/** Why there is no track of a kind, or not of the device that was asked for. */
export interface DeviceProblem {
  /** Of getUserMedia's refusals what a person can do something about. */
  readonly reason: "blocked" | "none" | "busy";
  /** Label of the device that was asked for; empty where it is not known. */
  readonly device: string;
}

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

const KINDS: readonly DeviceKind[] = ["microphone", "camera"];
const MEDIA: Record<DeviceKind, "audio" | "video"> = { microphone: "audio", camera: "video" };
const LISTED: Record<keyof DeviceLists, MediaDeviceKind> = { microphone: "audioinput", camera: "videoinput", speakers: "audiooutput" };

export class Devices extends Changes {
  microphone: MediaStreamTrack | null = null;
  camera: MediaStreamTrack | null = null;
  readonly problems: Partial<Record<DeviceKind, DeviceProblem>> = {};
  lists: DeviceLists = { microphone: [], camera: [], speakers: [] };
  /** The first asking is over, whatever came of it. */
  isReady = false;
  /** Whether a camera that was asked for in vain starts as soon as it can: before the call, where nobody else sees it. */
  mayStartCamera = true;
  onUnplugged: (event: Unplugged) => void = () => {};
  #isClosed = false;
  #present: ReadonlySet<DeviceKind> = new Set();
  #listed: Promise<void> = Promise.resolve();
  readonly #onList = (): void => {
    // One after the other: a cable that is unplugged makes several events.
    this.#listed = this.#listed.then(() => this.#onDeviceChange());
  };

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener("devicechange", this.#onList);
  }

  /** Asks for what was used last. A refusal is a problem to show, not an error. */
  async open(): Promise<void> {
    await this.#getAll(preferences().cameraOff ? ["microphone"] : KINDS);
    this.isReady = true;
    await this.#list();
    this.tell();
  }

  /** What was asked for in vain, once more. */
  async retry(): Promise<void> {
    await this.#getAll(KINDS.filter((kind) => this[kind] === null && this.problems[kind]));
    await this.#list();
    this.tell();
  }

  /** Turns it on; the track before is stopped. */
  async use(kind: DeviceKind): Promise<void> {
    // Two tracks of one camera at a time fail in some browsers.
    this.#drop(kind);
    await this.#get([kind]);
    await this.#list(); // labels come with the permission
    this.tell();
  }

  /**
   * Another device: at once where one is in use, or the next time it is turned on. Where it fails the one before goes on, and
   * the problem is there to be read.
   */
  async choose(kind: DeviceKind, id: string): Promise<void> {
    const before = this[kind]?.getSettings().deviceId;
    prefer({ [kind]: id });
    if (this[kind] === null && !this.problems[kind]) return this.tell(); // it is off by choice
    this.#drop(kind);
    await this.#get([kind]);
    const problem = this.problems[kind];
    if (problem && before !== undefined) {
      prefer({ [kind]: before });
      if (await this.#get([kind])) this.problems[kind] = problem;
    }
    await this.#list();
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

  /** Of several what is to be had. */
  async #getAll(kinds: readonly DeviceKind[]): Promise<void> {
    if (kinds.length === 0 || (await this.#get(kinds)) || kinds.length === 1) return;
    const isRefused = this.problems.microphone?.reason === "blocked"; // one word for both
    const alone = isRefused ? await openAlone() : kinds;
    for (const kind of alone) await this.#get([kind]);
  }

  async #get(kinds: readonly DeviceKind[], isAny = false): Promise<boolean> {
    try {
      if (!navigator.mediaDevices) throw new DOMException("not a secure page", "NotFoundError");
      const stream = await navigator.mediaDevices.getUserMedia(constraints(kinds, isAny));
      for (const kind of kinds) this.#take(kind, stream.getTracks().find((track) => track.kind === MEDIA[kind]) ?? null);
      return true;
    } catch (reason) {
      const isGone = nameOf(reason) === "OverconstrainedError" && !isAny;
      if (isGone && kinds.length === 1) return this.#get(kinds, true); // what was chosen once is not here now
      for (const kind of kinds) this.problems[kind] = { reason: problemOf(reason), device: this.#askedFor(kind) };
      return false;
    }
  }

  /** By label: the one that was chosen, or the only one that there is. */
  #askedFor(kind: DeviceKind): string {
    const list = this.lists[kind];
    const id = preferences()[kind];
    return (list.find((device) => device.id === id) ?? (list.length === 1 ? list[0] : undefined))?.label ?? "";
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

  /** Something was plugged in or out: what was missing or busy may be there now. */
  async #onDeviceChange(): Promise<void> {
    if (this.#isClosed) return;
    await this.#list();
    const missing = KINDS.filter((kind) => this[kind] === null && this.#mayBeThere(kind));
    for (const kind of missing) {
      // A camera is offered in the call, and not turned on by itself.
      if (kind === "camera" && !this.mayStartCamera) delete this.problems.camera;
    }
    const wanted = missing.filter((kind) => this.problems[kind]);
    await this.#getAll(wanted);
    if (wanted.length > 0) await this.#list();
    this.tell();
  }

  #mayBeThere(kind: DeviceKind): boolean {
    const reason = this.problems[kind]?.reason;
    return reason === "busy" || (reason === "none" && this.#present.has(kind));
  }

  async #list(): Promise<void> {
    const found = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const of = (kind: keyof DeviceLists): Device[] =>
      found
        .filter((device) => device.kind === LISTED[kind] && device.deviceId !== "" && device.label !== "")
        .map(({ deviceId, label }) => ({ id: deviceId, label }));
    this.lists = { microphone: of("microphone"), camera: of("camera"), speakers: of("speakers") };
    // Without a permission they have no label, but are there.
    this.#present = new Set(KINDS.filter((kind) => found.some((device) => device.kind === LISTED[kind])));
  }
}

/**
 * Of two that were refused together, which of them may be had alone: who has just turned down the question for both is not
 * asked for each, but one may be blocked and the other not.
 */
async function openAlone(): Promise<readonly DeviceKind[]> {
  const stateOf = async (name: DeviceKind): Promise<PermissionState> => (await navigator.permissions.query({ name })).state;
  const states = await Promise.all(KINDS.map((kind) => stateOf(kind).catch(() => null))); // not every browser tells
  const isDenied = states.includes("denied");
  return KINDS.filter((_, at) => states[at] === "granted" || (isDenied && states[at] === "prompt"));
}

function constraints(kinds: readonly DeviceKind[], isAny: boolean): MediaStreamConstraints {
  const { microphone, camera } = preferences();
  // What is chosen is chosen: as an ideal it would lose to another device that fits the ideal size better.
  const wanted = (id: string): { deviceId?: ConstrainDOMString } => (id === "" || isAny ? {} : { deviceId: { exact: id } });
  return {
    ...(kinds.includes("microphone") && {
      audio: { ...wanted(microphone), echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    }),
    ...(kinds.includes("camera") && {
      video: { ...wanted(camera), width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } },
    }),
  };
}

function problemOf(reason: unknown): DeviceProblem["reason"] {
  const name = nameOf(reason);
  if (name === "NotAllowedError" || name === "SecurityError") return "blocked";
  return name === "NotReadableError" || name === "AbortError" ? "busy" : "none";
}

function nameOf(reason: unknown): string {
  return (reason as { name?: string } | null)?.name ?? "";
}

/** Plays a track's element on the speakers that were chosen. */
export async function playOn(player: HTMLAudioElement, speakers: string): Promise<void> {
  if (speakers === "" || !("setSinkId" in player)) return;
  // Gone since: the system's choice is as good as any.
  await player.setSinkId(speakers).catch(() => player.setSinkId("")).catch(() => undefined);
}
