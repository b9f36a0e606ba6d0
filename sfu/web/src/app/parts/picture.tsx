/** A picture of one track. Muted, as sound has players of its own. */
import { useEffect, useRef } from "preact/hooks";

interface PictureProps {
  track: MediaStreamTrack;
  isMirrored?: boolean;
  /** Its own size, once known and whenever it changes. */
  onSize?: (width: number, height: number) => void;
}

export function Picture({ track, isMirrored = false, onSize }: PictureProps) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    const element = video.current!;
    element.muted = true; // the attribute alone does not hold for elements made by script
    if ((element.srcObject as MediaStream | null)?.getVideoTracks()[0] !== track) element.srcObject = new MediaStream([track]);
    // A page that was in the background may have refused to begin.
    void element.play().catch(() => {});
  }, [track]);
  useEffect(() => () => void (video.current && (video.current.srcObject = null)), []);
  return (
    <video
      ref={video}
      class={isMirrored ? "pic mirrored" : "pic"}
      autoplay
      playsInline
      disablePictureInPicture
      onResize={({ currentTarget: { videoWidth, videoHeight } }) => onSize?.(videoWidth, videoHeight)}
    />
  );
}
