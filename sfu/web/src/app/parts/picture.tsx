/** A picture of one track. Muted, as sound has players of its own. */
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { isTheirs } from "../../sdk/outside.ts";

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

/** Of frames of one person: more than they are ever presented out of order. 30 s at 90 kHz. */
const BEHIND = 30 * 90_000;

export function Picture({ track, isMirrored = false, onSize, from = null, onShown }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  const [shown, setShown] = useState<{ track: MediaStreamTrack; from: number | null } | null>(null);
  const isShown = from === null || (shown?.track === track && shown.from === from);
  useLayoutEffect(() => {
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
    let begin = from;
    // Each frame is looked at: what a server has had held back may come late. A call may outlast half a round of timestamps, so
    // that the point they are compared with follows.
    const look = (_: number, { rtpTimestamp }: VideoFrameCallbackMetadata): void => {
      const isFit = rtpTimestamp !== undefined && isTheirs(rtpTimestamp, begin);
      setShown((before) => (isFit ? (before?.track === track && before.from === from ? before : { track, from }) : null));
      if (isFit && isTheirs(rtpTimestamp - BEHIND, begin)) begin = (rtpTimestamp - BEHIND) >>> 0;
      handle = element.requestVideoFrameCallback(look);
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
