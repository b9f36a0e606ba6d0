/** Reads the server's list of who is here, page by page. */
import { SfuError } from "./errors.ts";
import type { Signaling } from "./signaling.ts";
import type { RosterPage } from "./wire.ts";

const PARTICIPANTS_MAX = 65_536; // more than any server takes; who says more does not mean it

/** All participants, and whether each is away. With each page the server delivers the profiles of those on it. */
export async function readRoster(first: RosterPage, signaling: Pick<Signaling, "request">): Promise<Map<number, boolean>> {
  const present = new Map<number, boolean>();
  for (let page = first; ; ) {
    for (const { participant, away = false } of page.participants) present.set(participant, away);
    if (page.next === 0) return present;
    const reply = await signaling.request({ type: "roster", begin: page.next });
    if (present.size > PARTICIPANTS_MAX) throw new SfuError("bad_answer", "the list of who is here has no end");
    const getsOn = reply.type === "roster" && (reply.roster.next === 0 || reply.roster.next > page.next);
    if (!getsOn) throw new SfuError("bad_answer", "the list of who is here has no end");
    page = reply.roster;
  }
}
