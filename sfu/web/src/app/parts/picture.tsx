/** A picture of one track. Muted, as sound has players of its own. */
import { useEffect, useRef, useState } from "preact/hooks";
import { isTheirs } from "../../sdk/index.ts";

interface PictureProps {
  track: MediaStreamTrack;
  isMirrored?: boolean;
  /** Its own size, once known and whenever it changes. */
  onSize?: (width: number, height: number) => void;
  /** RTP timestamp from which on the picture is whose it should be: what comes before is not shown. */
  from?: number | null;
  /** Whether it is shown. */
  onShown?: (isShown: boolean) => void;
}

export function Picture({ track, isMirrored = false, onSize, from = null, onShown }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  const [shown, setShown] = useState<{ track: MediaStreamTrack; from: number | null } | null>(null);
  const isShown = from === null || (shown?.track === track && shown.from === from);
  useEffect(() => {
    const element = video.current!;
    element.muted = true; // the attribute alone does not hold for elements made by script
    if ((element.srcObject as MediaStream | null)?.getVideoTracks()[0] !== track) element.srcObject = new MediaStream([track]);
    // A page that was in the background may have refused to begin.
    void element.play().catch(() => {});
  }, [track]);
  useEffect(() => {
    if (from === null) return;
    const element = video.current!;
    let handle = 0;
    const look = (_: number, { rtpTimestamp }: VideoFrameCallbackMetadata): void => {
      if (rtpTimestamp !== undefined && isTheirs(rtpTimestamp, from)) setShown({ track, from });
      else handle = element.requestVideoFrameCallback(look);
    };
    handle = element.requestVideoFrameCallback(look);
    return () => element.cancelVideoFrameCallback(handle);
  }, [track, from]);
  useEffect(() => onShown?.(isShown), [isShown]);
  useEffect(() => () => void (video.current && (video.current.srcObject = null)), []);
  return (
    <video
      ref={video}
      class={["pic", isMirrored && "mirrored", !isShown && "waits"].filter(Boolean).join(" ")}
      autoplay
      playsInline
      disablePictureInPicture
      onResize={({ currentTarget: { videoWidth, videoHeight } }) => onSize?.(videoWidth, videoHeight)}
    />
  );
}
