/** Plays what opens in the audio slots. What does not open never reaches a decoder, so all of them may play. */
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { Tile } from "../../sdk/index.ts";
import { playOn } from "../devices/devices.ts";
import type { CallModel } from "./model.ts";

export function Sounds({ model }: { model: CallModel }) {
  const tiles = model.conference.tiles.filter(({ kind }) => kind === "audio");
  const speakers = model.devices.chosen("speakers");
  return (
    <div hidden>
      {tiles.map((tile) => (
        <Sound key={tile.track.id} tile={tile} speakers={speakers} isMuted={tile.sender !== null && model.mutedForMe.has(tile.sender)} />
      ))}
    </div>
  );
}

function Sound({ tile: { track, sender }, speakers, isMuted }: { tile: Tile; speakers: string; isMuted: boolean }) {
  const player = useRef<HTMLAudioElement>(null);
  useLayoutEffect(() => {
    player.current!.srcObject = new MediaStream([track]);
    return () => void (player.current && (player.current.srcObject = null));
  }, [track]);
  useEffect(() => void playOn(player.current!, speakers), [speakers]);
  // Whose it is, for whoever looks for a fault.
  return <audio ref={player} autoplay muted={isMuted} data-sender={sender ?? ""} />;
}
