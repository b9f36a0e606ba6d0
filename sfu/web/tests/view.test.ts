import assert from "node:assert/strict";
import { test } from "node:test";
import { Parts } from "../src/sdk/parts.ts";
import { Presence } from "../src/sdk/presence.ts";
import { View } from "../src/sdk/view.ts";
import type { Joined, ViewSlot } from "../src/sdk/wire.ts";
import type { Person } from "../src/worker/messages.ts";

/** A server that takes views, or refuses them. */
function world() {
  const said: ViewSlot[][] = [];
  const parts = new Parts();
  const presence = new Presence();
  const server = { said, refuses: false };
  const request = async ({ slots }: { slots: ViewSlot[] }): Promise<void> => {
    said.push(slots);
    if (server.refuses) throw new Error("refused");
  };
  Object.assign(parts, { client: {}, signaling: { request }, joined: {} as Joined });
  const is = (participant: number): void => {
    const sources = [{ kind: "camera", muted: false }, { kind: "screen", muted: false }] as const;
    const ana: Person = { sender: "ana", participant, name: "", sources, recording: false, heard: true };
    presence.roster([ana]);
  };
  return { view: new View(parts, presence), server, is };
}

test("people are named by the server's numbers, and a picture by its place among theirs", async () => {
  const { view, server, is } = world();
  is(7);
  await view.set([{ slot: 0, sender: "ana" }, { slot: 2, sender: "ana", source: "screen", maxHeight: 720, priority: 9 }, { slot: 4, sender: "ben" }, { slot: 6 }]);
  assert.deepEqual(server.said, [
    [
      { slot: 0, participant: 7 },
      { slot: 2, participant: 7, nth: 1, max_height: 720, priority: 9 },
      { slot: 4, participant: "auto" },
      { slot: 6, participant: "auto" },
    ],
  ]);
});

test("what one sees is said anew where it has become another in the server's terms, and only then", async () => {
  const { view, server, is } = world();
  view.renew();
  view.sendAgain();
  assert.deepEqual(server.said, [], "nothing was wished for yet");
  is(7);
  await view.set([{ slot: 0, sender: "ana" }]);
  view.renew();
  assert.equal(server.said.length, 1);
  is(8);
  view.renew();
  assert.deepEqual(server.said.at(-1), [{ slot: 0, participant: 8 }]);
});

test("what the server refused was not said", async () => {
  const { view, server, is } = world();
  is(7);
  server.refuses = true;
  await assert.rejects(view.set([{ slot: 0, sender: "ana" }]));
  server.refuses = false;
  view.renew();
  assert.equal(server.said.length, 2);
  await Promise.resolve();
  view.renew();
  assert.equal(server.said.length, 2);
});
