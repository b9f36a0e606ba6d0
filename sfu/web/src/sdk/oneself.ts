/**
 * What one sends and how one is called. Tracks stay their owner's: nothing here stops one. That something is muted takes
 * hold here at once, and then in the connection.
 */
import type { OwnProfile, SourceKind } from "../worker/messages.ts";
import type { Connection } from "./connection.ts";
import type { Person } from "./presence.ts";
import type { JoinOptions } from "./types.ts";

export class Oneself {
  /** Sender id, of this worker's keys. */
  sender = "";
  readonly #tracks: Record<SourceKind, MediaStreamTrack | null>;
  readonly #changed: () => void;
  #name: string;
  #isMuted: boolean;
  #hasShared = false; // a screen, at any time
  #connection: Pick<Connection, "setTrack"> | null = null;

  /** `changed`: when others are to be told. */
  constructor({ name = "", muted = true, microphone = null, camera = null }: JoinOptions, changed: () => void) {
    this.#name = name;
    this.#isMuted = muted;
    this.#tracks = { microphone, camera, screen: null, screen_audio: null };
    this.#changed = changed;
  }

  /** No sound leaves: by choice, or for want of a microphone. */
  get isMuted(): boolean {
    return this.#isMuted || this.#tracks.microphone === null;
  }

  /** As others see one. */
  get person(): Person {
    const { camera, screen } = this.#tracks;
    return {
      sender: this.sender,
      name: this.#name,
      isSelf: true,
      microphone: this.isMuted ? "muted" : "on",
      camera: camera === null ? "muted" : "on",
      screen: screen !== null ? "on" : this.#hasShared ? "muted" : null,
      recording: false,
      away: false,
      heard: true,
      behindSeconds: 0,
      clockSeconds: 0,
    };
  }

  /** What others are told. Of a screen nothing is said before there has been one. */
  get profile(): OwnProfile {
    const { camera, screen, screen_audio: sound } = this.#tracks;
    const sources: { kind: SourceKind; muted: boolean }[] = [
      { kind: "microphone", muted: this.isMuted },
      { kind: "camera", muted: camera === null },
    ];
    if (this.#hasShared) {
      sources.push({ kind: "screen", muted: screen === null }, { kind: "screen_audio", muted: sound === null });
    }
    return { name: this.#name, sources, recording: false };
  }

  setName(name: string): void {
    this.#name = name;
    this.#changed();
  }

  async setMicrophone(track: MediaStreamTrack | null): Promise<void> {
    this.#tracks.microphone = track;
    await this.#applyMicrophone();
  }

  /** As `Conference.mute` and `unmute`. */
  async setMuted(isMuted: boolean): Promise<void> {
    this.#isMuted = isMuted;
    await this.#applyMicrophone();
  }

  async #applyMicrophone(): Promise<void> {
    const { microphone } = this.#tracks;
    // `enabled` holds at once; taking the track away then stops even the silence.
    if (microphone) microphone.enabled = !this.#isMuted;
    this.#changed();
    await this.#connection?.setTrack("microphone", this.#sent("microphone"));
  }

  async setCamera(track: MediaStreamTrack | null): Promise<void> {
    this.#tracks.camera = track;
    this.#changed();
    await this.#connection?.setTrack("camera", track);
  }

  async setScreen(track: MediaStreamTrack | null, audio: MediaStreamTrack | null): Promise<void> {
    Object.assign(this.#tracks, { screen: track, screen_audio: track && audio });
    this.#hasShared ||= track !== null;
    this.#changed();
    const shared = ["screen", "screen_audio"] as const;
    await Promise.all(shared.map((source) => this.#connection?.setTrack(source, this.#tracks[source])));
  }

  /** From now on over this connection, or none. Fails as soon as a track cannot be sent on it. */
  async sendOver(connection: Pick<Connection, "setTrack"> | null): Promise<void> {
    this.#connection = connection;
    if (connection === null) return;
    const { microphone } = this.#tracks;
    if (microphone) microphone.enabled = !this.#isMuted;
    const sources = Object.keys(this.#tracks) as SourceKind[];
    await Promise.all(sources.map((source) => connection.setTrack(source, this.#sent(source))));
  }

  #sent(source: SourceKind): MediaStreamTrack | null {
    return source === "microphone" && this.#isMuted ? null : this.#tracks[source];
  }
}
