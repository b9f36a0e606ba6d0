/** What the browser tells a page of itself: that it goes away, and that the network may be another. */

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
  network?.addEventListener("change", onKind);
  return () => {
    removeEventListener("pagehide", onHide);
    removeEventListener("online", onNetwork);
    network?.removeEventListener("change", onKind);
  };
}
