/** Two pages with a worker each, and what goes between them. */
import assert from "node:assert/strict";
import { FRAME_COUNTS } from "../src/e2ee/frame_opener.ts";
import type { Stats } from "../src/worker/messages.ts";
import { Clock, FakePage, settle, type FakeTransformer } from "./browser.ts";
import { VECTORS } from "./vectors.ts";

export const LINK = VECTORS.link.accepted[0]?.link.split("#")[1] ?? "";
export const VP8_KEY = Uint8Array.of(0x50, 1, 2, 3);
export const VP8_DELTA = Uint8Array.of(0x51, 4, 5);

export interface Pair {
  clock: Clock;
  ana: FakePage;
  bob: FakePage;
  sender: string;
}

/** Ana, who is participant 1 by the server's word, and Bob, who has not heard of her yet. */
export async function pair(): Promise<Pair> {
  const clock = new Clock();
  const [ana, bob] = [new FakePage(clock), new FakePage(clock)];
  const { senderId: sender, roomId } = await ana.request("open", { fragment: LINK });
  assert.equal(roomId, VECTORS.link.room);
  await bob.request("open", { fragment: LINK });
  return { clock, ana, bob, sender };
}

export async function introduce({ clock, ana, bob }: Pair, participant = 1): Promise<void> {
  const sources = [{ kind: "microphone", muted: false }, { kind: "camera", muted: true }] as const;
  for (const { kind } of sources) await ana.request("addSource", { source: kind });
  const bytes = await ana.request("sealProfile", { name: "Ana", sources, recording: false });
  assert(await bob.request("openProfile", { participant, bytes }));
  clock.advance(50);
}

export function sends(page: FakePage, source: "microphone" | "camera", transform = 1): FakeTransformer {
  return page.transform({ direction: "send", transform, source });
}

/** Another transform of a slot is that of another connection. */
export function shows(page: FakePage, slot: number, kind: "audio" | "video", transform = 100 + slot): FakeTransformer {
  return page.transform({ direction: "receive", transform, slot, kind });
}

/** The sealed frames of these, which went in one after the other. */
export async function sealFrames(page: FakePage, source: "microphone" | "camera", mimeType: string, ...frames: Uint8Array[]) {
  const line = sends(page, source);
  for (const frame of frames) line.put(frame, mimeType);
  await settle(() => line.out.length === frames.length);
  return line.out.map(({ data }) => new Uint8Array(data));
}

/** Until so many frames that came are opened, dropped or held. */
export function received(page: FakePage, count: number): Promise<void> {
  return settle(async () => {
    const stats = await page.request("stats", {});
    return FRAME_COUNTS.reduce((sum, name) => sum + stats[name], stats.opened + stats.held) === count;
  });
}

export async function counts(page: FakePage): Promise<Partial<Stats>> {
  return Object.fromEntries(Object.entries(await page.request("stats", {})).filter(([, count]) => count));
}
