/** Plays what opens in the audio slots. What does not open never reaches a decoder, so all of them may play. */
import type { Tile } from "../sdk/index.ts";
import { h } from "./dom.ts";
import { preferences } from "./store.ts";

export class Sounds {
  readonly element = h("div", { hidden: true });
  readonly #players = new Map<MediaStreamTrack, HTMLAudioElement>();

  update(tiles: readonly Tile[]): void {
    const tracks = new Set(tiles.filter(({ kind }) => kind === "audio").map(({ track }) => track));
    for (const [track, player] of this.#players) {
      if (tracks.has(track)) continue;
      player.srcObject = null;
      player.remove();
      this.#players.delete(track);
    }
    for (const { track, sender } of tiles) {
      const known = this.#players.get(track);
      if (known) known.dataset["sender"] = sender ?? ""; // for whoever looks for a fault
      if (known || !tracks.has(track)) continue;
      const player = h("audio", { autoplay: true });
      player.srcObject = new MediaStream([track]);
      this.#players.set(track, player);
      this.element.append(player);
      void sendTo(player, preferences().speakers);
    }
  }

  use(speakers: string): void {
    for (const player of this.#players.values()) void sendTo(player, speakers);
  }
}

async function sendTo(player: HTMLAudioElement, speakers: string): Promise<void> {
  if (speakers === "" || !("setSinkId" in player)) return;
  // Gone since: the system's choice is as good as any.
  await player.setSinkId(speakers).catch(() => player.setSinkId("")).catch(() => undefined);
}
