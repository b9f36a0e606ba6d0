import assert from "node:assert/strict";
import { test } from "node:test";
import { peekRoom } from "../src/sdk/peek.ts";
import { Network, type Wire } from "./network.ts";

function start(token?: string): { network: Network; count: Promise<number | null> } {
  const network = new Network();
  return { network, count: peekRoom("wss://here/ws", "room", token, network) };
}

function greet({ wire }: Network): Wire {
  wire.client.onOpen();
  wire.welcome();
  return wire;
}

test("it asks once, and closes without a word more", async () => {
  const { network, count } = start("ticket");
  const wire = greet(network);
  const [peek, ...more] = wire.take();
  assert.deepEqual([peek?.type, peek?.["room"], peek?.["token"], more], ["peek", "room", "ticket", []]);
  wire.tell({ type: "peeked", id: peek!.id, count: 3 });
  assert.equal(await count, 3);
  assert.equal(wire.closed, 1000);
  assert.deepEqual(wire.take(), []);
  network.pass(60_000);
  assert.equal(network.wires.length, 1);
});

test("a refusal, or an answer to something else, is no count", async () => {
  for (const answer of [{ type: "error", code: "unauthorised", message: "" }, { type: "ok" }]) {
    const { network, count } = start();
    const wire = greet(network);
    wire.tell({ ...answer, id: wire.take()[0]!.id });
    assert.equal(await count, null);
    assert.equal(wire.closed, 1000);
  }
});

test("a server that cannot be reached is tried once", async () => {
  const { network, count } = start();
  network.cut();
  assert.equal(await count, null);
  network.pass(60_000);
  assert.equal(network.wires.length, 1);
});

test("who never answers is not waited for", async () => {
  for (const silent of [() => {}, greet]) {
    const { network, count } = start();
    silent(network);
    network.pass(5_000);
    assert.equal(await count, null);
    assert.equal(network.wire.closed, 1000);
  }
});

test("a server that ends the session gives no count", async () => {
  const { network, count } = start();
  greet(network).event(1, { type: "closing", code: "shutting_down" });
  assert.equal(await count, null);
});
