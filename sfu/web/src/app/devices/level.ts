/**
 * How loud the microphone is, ten times a second. It listens to a copy of the track, which goes on where the track itself is
 * silenced: so the page can tell somebody that they speak while muted. Nothing of it leaves.
 */
import { useEffect, useState } from "preact/hooks";

const PERIOD_MS = 100;
const FLOOR_DB = -60;
/** As loud as speech, and not the room: root mean square in dB of full scale. */
const SPEECH_DB = -40;
const TOUCHES = ["pointerdown", "keydown"] as const;

export class Level {
  readonly #context: AudioContext;
  readonly #copy: MediaStreamTrack;
  readonly #timer: ReturnType<typeof setInterval>;

  /** `tell`: 0 for silence to 1 for full scale. */
  constructor(track: MediaStreamTrack, tell: (level: number, isSpeech: boolean) => void) {
    this.#copy = track.clone();
    this.#copy.enabled = true;
    this.#context = new AudioContext();
    const analyser = this.#context.createAnalyser();
    analyser.fftSize = 2048; // 43 ms at 48 kHz
    this.#context.createMediaStreamSource(new MediaStream([this.#copy])).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    this.#timer = setInterval(() => {
      analyser.getFloatTimeDomainData(samples);
      const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
      const db = power === 0 ? FLOOR_DB : Math.max(FLOOR_DB, 10 * Math.log10(power));
      tell(1 - db / FLOOR_DB, db >= SPEECH_DB);
    }, PERIOD_MS);
    this.#resume();
    for (const event of TOUCHES) addEventListener(event, this.#resume);
  }

  /** A page that was not touched yet has no sound, and so measures none. */
  readonly #resume = (): void => {
    if (this.#context.state === "suspended") void this.#context.resume().catch(() => {});
  };

  close(): void {
    for (const event of TOUCHES) removeEventListener(event, this.#resume);
    clearInterval(this.#timer);
    this.#copy.stop();
    void this.#context.close().catch(() => {});
  }
}

/** In steps of `1 / steps`, so that a view draws only when a bar changes. */
export function useLevel(track: MediaStreamTrack | null, steps: number, onSpeech?: (isSpeech: boolean) => void): number {
  const [lit, setLit] = useState(0);
  useEffect(() => {
    if (track === null) return setLit(0);
    const level = new Level(track, (value, isSpeech) => {
      setLit(Math.round(value * steps));
      onSpeech?.(isSpeech);
    });
    return () => level.close();
  }, [track, steps]);
  return lit;
}
