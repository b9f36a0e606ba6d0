/**
 * Who speaks, measured on what was opened and decoded here: the level in packets' headers is the server's to change.
 * Labelled by the key's owner, as everything is.
 */

export interface Sound {
  readonly sender: string;
  readonly receiver: RTCRtpReceiver;
}

const PERIOD_MS = 200;
const THRESHOLD = 0.01; // of full scale, root mean square: −40 dB
const HOLD_MS = 800;

export class Levels {
  readonly #heard = new Map<RTCRtpReceiver, { energy: number; duration: number }>();
  readonly #last = new Map<string, number>(); // by sender: when they were last loud
  #speaking: ReadonlySet<string> = new Set();
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #sounds: () => readonly Sound[];
  readonly #tell: (speaking: ReadonlySet<string>) => void;

  /** `sounds`: the slots to listen to, asked each time. */
  constructor(sounds: () => readonly Sound[], tell: (speaking: ReadonlySet<string>) => void) {
    this.#sounds = sounds;
    this.#tell = tell;
  }

  get speaking(): ReadonlySet<string> {
    return this.#speaking;
  }

  start(): void {
    this.#timer ??= setTimeout(() => void this.#measure(), PERIOD_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#heard.clear();
    this.#last.clear();
    this.#speaking = new Set();
  }

  async #measure(): Promise<void> {
    const sounds = this.#sounds();
    await Promise.all(sounds.map((sound) => this.#listen(sound).catch(() => undefined)));
    if (this.#timer === undefined) return;
    const now = performance.now();
    for (const [sender, at] of this.#last) if (now - at > HOLD_MS) this.#last.delete(sender);
    const speaking = new Set(this.#last.keys());
    if (speaking.size !== this.#speaking.size || [...speaking].some((sender) => !this.#speaking.has(sender))) {
      this.#speaking = speaking;
      this.#tell(speaking);
    }
    this.#timer = setTimeout(() => void this.#measure(), PERIOD_MS);
  }

  async #listen({ sender, receiver }: Sound): Promise<void> {
    for (const report of (await receiver.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      const { totalAudioEnergy: energy = 0, totalSamplesDuration: duration = 0 } = report as RTCInboundRtpStreamStats;
      const before = this.#heard.get(receiver);
      this.#heard.set(receiver, { energy, duration });
      if (before === undefined || duration <= before.duration) continue;
      const level = Math.sqrt(Math.max(0, energy - before.energy) / (duration - before.duration));
      if (level >= THRESHOLD) this.#last.set(sender, performance.now());
    }
  }
}
