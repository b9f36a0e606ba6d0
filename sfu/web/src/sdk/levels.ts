/**
 * Who speaks, measured on what was opened and decoded here: the level in packets' headers is the server's to change.
 * Labelled by the key's owner, as everything is.
 */

export interface Sound {
  readonly sender: string;
  readonly receiver: RTCRtpReceiver;
}

const PERIOD_MS = 100;
const THRESHOLD = 0.01; // of full scale, root mean square: −40 dB
const ON_MS = 150; // a cough is not speech
const HOLD_MS = 800; // nor is a breath an end of it

/** When somebody who is loud counts as speaking, and for how long. Time is an argument, in milliseconds. */
export class Speech {
  readonly #heard = new Map<string, { loudSince: number | null; lastLoud: number; isSpeaking: boolean }>();

  /** Whether a sender was loud in the period that ends now. */
  hear(sender: string, isLoud: boolean, now: number): void {
    const heard = this.#heard.get(sender) ?? { loudSince: null, lastLoud: -Infinity, isSpeaking: false };
    if (isLoud) {
      heard.loudSince ??= now - PERIOD_MS;
      heard.lastLoud = now;
      heard.isSpeaking ||= now - heard.loudSince >= ON_MS;
    } else {
      heard.loudSince = null;
    }
    this.#heard.set(sender, heard);
  }

  speaking(now: number): Set<string> {
    for (const [sender, { lastLoud }] of this.#heard) if (now - lastLoud >= HOLD_MS) this.#heard.delete(sender);
    return new Set([...this.#heard].filter(([, { isSpeaking }]) => isSpeaking).map(([sender]) => sender));
  }

  clear(): void {
    this.#heard.clear();
  }
}

export class Levels {
  readonly #before = new Map<RTCRtpReceiver, { energy: number; duration: number }>();
  readonly #speech = new Speech();
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
    this.#before.clear();
    this.#speech.clear();
    this.#show(new Set());
  }

  async #measure(): Promise<void> {
    const timer = this.#timer;
    const sounds = this.#sounds();
    const levels = await Promise.all(sounds.map(({ receiver }) => this.#level(receiver).catch(() => null)));
    if (this.#timer !== timer) return; // stopped meanwhile
    const now = performance.now();
    const loud = new Map<string, boolean>(); // of a sender with several sounds, if any is
    for (const [at, { sender }] of sounds.entries()) {
      const level = levels[at];
      if (level != null) loud.set(sender, loud.get(sender) === true || level >= THRESHOLD);
    }
    for (const [sender, isLoud] of loud) this.#speech.hear(sender, isLoud, now);
    this.#show(this.#speech.speaking(now));
    this.#timer = setTimeout(() => void this.#measure(), PERIOD_MS);
  }

  #show(speaking: ReadonlySet<string>): void {
    if (speaking.size === this.#speaking.size && [...speaking].every((sender) => this.#speaking.has(sender))) return;
    this.#speaking = speaking;
    this.#tell(speaking);
  }

  /** Since the last time, of full scale; null where nothing was decoded since. */
  async #level(receiver: RTCRtpReceiver): Promise<number | null> {
    for (const report of (await receiver.getStats()).values()) {
      if (report.type !== "inbound-rtp") continue;
      const { totalAudioEnergy: energy = 0, totalSamplesDuration: duration = 0 } = report as RTCInboundRtpStreamStats;
      const before = this.#before.get(receiver);
      this.#before.set(receiver, { energy, duration });
      if (before === undefined || duration <= before.duration) return null;
      return Math.sqrt(Math.max(0, energy - before.energy) / (duration - before.duration));
    }
    return null;
  }
}
