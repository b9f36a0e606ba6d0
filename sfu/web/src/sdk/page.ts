/** What the browser tells a page of itself: that it goes away, that the network may be another, and that it has drawn. */

const LOOK_MS = 2_000;
const SLEPT_MS = 10_000; // hidden pages have their timers a second late

export interface PageHandlers {
  onHide(): void;
  onNetwork(): void;
}

/** Gives what ends it. */
export function watchPage({ onHide, onNetwork }: PageHandlers): () => void {
  // Desktop browsers tell of every change of speed; only another kind of network is another network.
  const network = (navigator as { connection?: EventTarget & { type?: string } }).connection;
  let type = network?.type;
  const onKind = (): void => {
    if (network?.type === type) return;
    type = network?.type;
    onNetwork();
  };
  // Not `beforeunload`, which phones do not send. Whoever comes back to a page that was kept finds it left.
  addEventListener("pagehide", onHide);
  addEventListener("online", onNetwork);
  // A machine that slept tells nobody: its timers are late, and what it was connected to may have given it up.
  let lookedAt = Date.now();
  const looking = setInterval(() => {
    const now = Date.now();
    if (now - lookedAt >= SLEPT_MS) onNetwork();
    lookedAt = now;
  }, LOOK_MS);
  network?.addEventListener("change", onKind);
  return () => {
    clearInterval(looking);
    removeEventListener("pagehide", onHide);
    removeEventListener("online", onNetwork);
    network?.removeEventListener("change", onKind);
  };
}

/**
 * Settles when what is drawn by the next animation frame is on the screen. A browser draws pictures by itself, however busy the page
 * is, on what it drew of the page last. The first frame draws; the second may begin before that is shown; the third does not, as
 * one alone may be on its way. A hidden page draws nothing, and this waits.
 */
export async function drawn(): Promise<void> {
  for (let frame = 0; frame < 3; frame++) await new Promise(requestAnimationFrame);
}
