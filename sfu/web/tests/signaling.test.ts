import assert from "node:assert/strict";
import { test } from "node:test";
import type { SfuError } from "../src/sdk/errors.ts";
import { Signaling, type SignalingState } from "../src/sdk/signaling.ts";
import { KIND_CHAT, type ServerEvent, encodeFrame } from "../src/sdk/wire.ts";
import { Network, ROSTER, SETTINGS, type Wire } from "./network.ts";

class World extends Network {
  states: SignalingState[] = [];
  events: ServerEvent[] = [];
  frames: [number, number, number[]][] = [];
  lost = 0;
  ended: SfuError | null = null;
  readonly signaling = new Signaling(
    "wss://here/ws",
    {
      onState: (state) => this.states.push(state),
      onEvent: (event) => this.events.push(event),
      onFrame: (kind, participant, payload) => this.frames.push([kind, participant, [...payload]]),
      onLost: () => this.lost++,
      onEnded: (error) => (this.ended = error),
    },
    this,
  );

  /** A session that is in a room. */
  async enter(): Promise<Wire> {
    this.signaling.start();
    const joining = this.signaling.join("room");
    this.wire.client.onOpen();
    this.wire.welcome();
    const [join] = this.wire.take();
    assert.equal(join?.type, "join");
    this.wire.tell({ type: "joined", id: join!.id, participant: 7, roster: ROSTER, settings: SETTINGS });
    assert.equal((await joining).participant, 7);
    return this.wire;
  }

  /** A new connection after a cut. */
  comeBack(): Wire {
    const before = this.wires.length;
    this.pass(9000);
    assert.equal(this.wires.length, before + 1, "it connects again");
    this.wire.client.onOpen();
    return this.wire;
  }
}

test("it greets, joins, and asks in order of ids", async () => {
  const world = new World();
  const wire = await world.enter();
  const view = world.signaling.request({ type: "view", slots: [] });
  const roster = world.signaling.request({ type: "roster" });
  const [first, second] = wire.take();
  assert.deepEqual([first?.type, second?.type], ["view", "roster"]);
  assert(second!.id > first!.id);
  wire.tell({ type: "roster", id: second!.id, roster: ROSTER });
  wire.tell({ type: "ok", id: first!.id });
  assert.equal((await view).type, "ok");
  assert.equal((await roster).type, "roster");
  assert.deepEqual(world.states.at(-1), { name: "open" });
});

test("an error is told with its code", async () => {
  const world = new World();
  const wire = await world.enter();
  const offer = world.signaling.request({ type: "offer", sdp: "", heights: {} });
  wire.tell({ type: "error", id: wire.take()[0]!.id, code: "bad_offer", message: "line 1" });
  await assert.rejects(offer, { code: "bad_offer" });
});

test("after a cut it resumes with the last seq and repeats what was not answered", async () => {
  const world = new World();
  const wire = await world.enter();
  wire.event(1);
  const view = world.signaling.request({ type: "view", slots: [] });
  const chat = world.signaling.relay(KIND_CHAT, 0, new Uint8Array([1, 2]));
  const [asked] = wire.take();
  const frame = wire.frames[0]!;
  world.cut();
  const late = world.signaling.request({ type: "roster" }); // asked between connections
  const again = world.comeBack();
  assert.deepEqual(again.said[0]!["resume"], { session: "token", seq: 1 });
  assert.equal(again.said.length, 1, "nothing before the welcome");
  again.welcome(true);
  assert.deepEqual(again.said[0], asked, "the same request with the same id");
  assert.deepEqual(again.frames[0], frame);
  assert.equal(again.said[1]!.type, "roster");
  for (const { id, type } of again.take()) again.tell({ type: type === "roster" ? "roster" : "ok", id, roster: ROSTER });
  again.tell({ type: "ok", id: frame.id });
  await Promise.all([view, chat, late]);
  assert.equal(world.lost, 0);
});

test("an event that was here before is not told twice, whether text or frame", async () => {
  const world = new World();
  const wire = await world.enter();
  wire.event(1);
  wire.client.onBinary(encodeFrame({ kind: KIND_CHAT, id: 2, participant: 3, payload: new Uint8Array([9]) }).buffer);
  world.cut();
  const again = world.comeBack();
  again.welcome(true);
  again.event(1);
  again.client.onBinary(encodeFrame({ kind: KIND_CHAT, id: 2, participant: 3, payload: new Uint8Array([9]) }).buffer);
  again.event(3);
  assert.deepEqual(world.events.map(({ seq }) => seq), [1, 3]);
  assert.deepEqual(world.frames, [[KIND_CHAT, 3, [9]]]);
});

test("an event of an unknown type counts and is not told", async () => {
  const world = new World();
  const wire = await world.enter();
  wire.event(1, { type: "weather", rain: true });
  wire.event(2);
  assert.deepEqual(world.events.map(({ seq }) => seq), [2]);
});

test("upon a gap it asks again from the last that it had", async () => {
  const world = new World();
  const wire = await world.enter();
  wire.event(1);
  wire.event(3);
  assert.equal(wire.closed, 4000, "not a code by which the server lets the participant go");
  const again = world.comeBack();
  assert.deepEqual(again.said[0]!["resume"], { session: "token", seq: 1 });
  assert.deepEqual(world.events.map(({ seq }) => seq), [1]);
});

test("when there is nothing to resume it says so, and joins anew on the same connection", async () => {
  const world = new World();
  const wire = await world.enter();
  const view = world.signaling.request({ type: "view", slots: [] });
  view.catch(() => {});
  wire.take();
  world.cut();
  const again = world.comeBack();
  const hello = again.take()[0]!;
  again.tell({ type: "error", id: hello.id, code: "resume_expired", message: "" });
  assert.equal(again.said[0]!["resume"], undefined);
  again.welcome(false, "other");
  await assert.rejects(view, { code: "resume_expired" });
  assert.equal(world.lost, 1);
  const joining = world.signaling.join("room");
  const [join] = again.take();
  again.tell({ type: "joined", id: join!.id, participant: 8, roster: ROSTER, settings: SETTINGS });
  assert.equal((await joining).participant, 8);
  again.event(1);
  assert.equal(world.events.length, 1, "seq begins anew with the session");
});

test("a join whose answer was swallowed is asked again with its id", async () => {
  const world = new World();
  world.signaling.start();
  const joining = world.signaling.join("room");
  world.wire.client.onOpen();
  world.wire.welcome();
  const [join] = world.wire.take();
  world.cut();
  const again = world.comeBack();
  assert(again.said[0]!["resume"], "the server may have let it in");
  again.welcome(true);
  assert.deepEqual(again.take()[0], join);
  again.tell({ type: "joined", id: join!.id, participant: 7, roster: ROSTER, settings: SETTINGS });
  assert.equal((await joining).participant, 7);
});

test("a join survives a session that was never in", async () => {
  const world = new World();
  world.signaling.start();
  const joining = world.signaling.join("room");
  world.wire.client.onOpen();
  world.wire.welcome();
  world.cut();
  const again = world.comeBack();
  again.tell({ type: "error", id: again.take()[0]!.id, code: "resume_expired", message: "" });
  again.welcome(false);
  const [join] = again.take();
  again.tell({ type: "joined", id: join!.id, participant: 7, roster: ROSTER, settings: SETTINGS });
  assert.equal((await joining).participant, 7);
  assert.equal(world.lost, 0);
});

test("a room may move as often as it likes in a long call, but not in circles on the way in", async () => {
  const world = new World();
  const move = async (times: number): Promise<Wire> => {
    for (let time = 0; time < times; time++) {
      world.wire.tell({ type: "moved", id: world.wire.take()[0]!.id, url: `wss://there${time}/ws` });
      world.comeBack();
      world.wire.welcome();
    }
    return world.wire;
  };
  world.signaling.start();
  for (const first of [true, false]) {
    const joining = world.signaling.join("room");
    if (first) {
      world.wire.client.onOpen();
      world.wire.welcome();
    }
    const wire = await move(4);
    wire.tell({ type: "joined", id: wire.take()[0]!.id, participant: 7, roster: ROSTER, settings: SETTINGS });
    await joining;
  }
});

test("it follows a room that has moved, but not from an encrypted connection to a plain one", async () => {
  for (const [url, isFollowed] of [["wss://there/ws", true], ["ws://there/ws", false], ["file:///there", false]] as const) {
    const world = new World();
    world.signaling.start();
    const joining = world.signaling.join("room");
    joining.catch(() => {});
    world.wire.client.onOpen();
    world.wire.welcome();
    world.wire.tell({ type: "moved", id: world.wire.take()[0]!.id, url });
    if (isFollowed) {
      const there = world.comeBack();
      assert.equal(there.url, url);
      assert.equal(there.said[0]!["resume"], undefined, "the token is not for that server");
      there.welcome();
      const [join] = there.take();
      there.tell({ type: "joined", id: join!.id, participant: 1, roster: ROSTER, settings: SETTINGS });
      assert.equal((await joining).participant, 1);
    } else {
      await assert.rejects(joining, { code: "bad_answer" });
    }
  }
});

test("it does not go round in circles", async () => {
  const world = new World();
  world.signaling.start();
  const joining = world.signaling.join("room");
  joining.catch(() => {});
  world.wire.client.onOpen();
  while (world.wires.length < 20) {
    const wire = world.wire;
    wire.welcome();
    wire.tell({ type: "moved", id: wire.take()[0]!.id, url: "wss://here/ws" });
    if (wire.closed === null) break;
    world.comeBack();
  }
  await assert.rejects(joining, { code: "bad_answer" });
});

test("it waits longer and longer, and tells for how long", () => {
  const world = new World();
  world.signaling.start();
  const waits: number[] = [];
  for (let tries = 0; tries < 8; tries++) {
    world.cut();
    const state = world.states.at(-1)!;
    assert.equal(state.name, "waiting");
    if (state.name === "waiting") waits.push(state.retryMs), assert.equal(state.reached, false);
    world.pass(waits.at(-1)!);
  }
  assert.deepEqual(waits, [100, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
  assert.equal(world.wires.length, 9);
});

test("a connection that never opens is given up", () => {
  const world = new World();
  world.signaling.start();
  world.pass(15_000);
  assert.equal(world.wires[0]!.closed, 4000);
  assert.equal(world.wires.length, 2);
});

test("waking tries at once, and replaces a connection that may lead nowhere", async () => {
  const world = new World();
  const wire = await world.enter();
  world.signaling.wake();
  assert.equal(wire.closed, 4000);
  const again = world.comeBack();
  again.welcome(true);
  world.cut();
  const before = world.wires.length;
  world.signaling.wake();
  assert.equal(world.wires.length, before + 1, "without waiting");
});

test("an answer that does not come means another connection", async () => {
  const world = new World();
  const wire = await world.enter();
  const view = world.signaling.request({ type: "view", slots: [] });
  const [asked] = wire.take();
  world.pass(21_000);
  assert.equal(wire.closed, 4000);
  world.wire.client.onOpen();
  world.wire.welcome(true);
  assert.deepEqual(world.wire.take()[0], asked);
  world.wire.tell({ type: "ok", id: asked!.id });
  assert.equal((await view).type, "ok");
});

test("it keeps to the server's rate, in order", async () => {
  const world = new World();
  const wire = await world.enter();
  const asked = Array.from({ length: 30 }, () => world.signaling.request({ type: "roster" }));
  const ids: number[] = [];
  for (let seconds = 0; seconds < 10; seconds++) {
    const said = wire.take();
    assert(said.length <= (seconds === 0 ? 20 : 10), `${said.length} in second ${seconds}`);
    for (const { id } of said) ids.push(id), wire.tell({ type: "roster", id, roster: ROSTER });
    world.pass(1000);
  }
  await Promise.all(asked);
  assert.equal(ids.length, 30);
  assert.deepEqual(ids, [...ids].sort((a, b) => a - b));
});

test("what the server had no time for is asked again, later, with the same id", async () => {
  const world = new World();
  const wire = await world.enter();
  const view = world.signaling.request({ type: "view", slots: [] });
  const [first] = wire.take();
  wire.tell({ type: "error", id: first!.id, code: "rate_limited", message: "" });
  assert.deepEqual(wire.take(), []);
  world.pass(1000);
  assert.deepEqual(wire.take(), [first]);
  wire.tell({ type: "ok", id: first!.id });
  await view;
});

test("an offer is asked again until the server, which takes one in two seconds, takes it", async () => {
  const world = new World();
  const wire = await world.enter();
  const offer = world.signaling.request({ type: "offer", sdp: "", heights: {} });
  let asked = 0;
  for (let ms = 0; ms < 2000; ms += 10) {
    for (const { id } of wire.take()) asked++, wire.tell({ type: "error", id, code: "rate_limited", message: "" });
    world.pass(10);
  }
  assert(asked > 1 && asked < 8, `asked ${asked} times`);
  world.pass(2000);
  const [again] = wire.take();
  assert.equal(again?.type, "offer");
  wire.tell({ type: "answer", id: again!.id, sdp: "", transport: 1 });
  assert.equal((await offer).type, "answer");
});

test("what is refused for the rate for the eighth time has failed", async () => {
  const world = new World();
  const wire = await world.enter();
  const refused = assert.rejects(world.signaling.request({ type: "view", slots: [] }), { code: "rate_limited", message: /refused 8 times/ });
  let asked = 0;
  for (let ms = 0; ms < 20_000; ms += 100) {
    for (const { id } of wire.take()) asked++, wire.tell({ type: "error", id, code: "rate_limited", message: "" });
    world.pass(100);
  }
  await refused;
  assert.equal(asked, 8);
});

test("leaving is said at once and nothing follows", async () => {
  const world = new World();
  const wire = await world.enter();
  const view = world.signaling.request({ type: "view", slots: [] });
  view.catch(() => {});
  wire.take();
  world.signaling.leave();
  assert.deepEqual(wire.take().map(({ type }) => type), ["leave"]);
  assert.equal(wire.closed, 1000);
  await assert.rejects(view, { code: "left" });
  await assert.rejects(world.signaling.request({ type: "roster" }), { code: "left" });
  world.pass(100_000);
  assert.equal(world.wires.length, 1);
  assert.equal(world.ended, null, "it was asked for");
});

test("who leaves between two connections comes back to say it", async () => {
  const world = new World();
  await world.enter();
  world.cut();
  world.signaling.leave();
  const again = world.wire;
  again.client.onOpen();
  again.welcome(true);
  assert.deepEqual(again.take().map(({ type }) => type), ["leave"]);
  assert.equal(again.closed, 1000);
});

test("the server's end is an end", async () => {
  const world = new World();
  const wire = await world.enter();
  wire.event(1, { type: "closing", code: "put_out" });
  assert.equal(world.ended?.code, "put_out");
  world.pass(100_000);
  assert.equal(world.wires.length, 1);
});

test("a server that is started again is come back to, and joined anew", async () => {
  const world = new World();
  const wire = await world.enter();
  wire.event(1, { type: "closing", code: "shutting_down" });
  assert.equal(world.ended, null);
  const again = world.comeBack();
  assert.equal(again.said[0]!["resume"], undefined);
  again.welcome(false, "other");
  assert.equal(world.lost, 1);
});

test("a session that was taken over is not fought for", async () => {
  const world = new World();
  await world.enter();
  world.wire.client.onClose(4002);
  assert.equal(world.ended?.code, "taken_over");
  world.pass(100_000);
  assert.equal(world.wires.length, 1);
});

test("garbage from the server changes nothing", async () => {
  const world = new World();
  const wire = await world.enter();
  for (const text of ["", "{", "null", "[]", '{"v":1,"type":"ok","id":1}', '{"v":0,"type":"slots","seq":1,"slots":7}'])
    wire.client.onText(text);
  for (const size of [0, 9]) wire.client.onBinary(new ArrayBuffer(size));
  wire.tell({ type: "toString", id: 1 });
  wire.tell({ type: "welcome", id: 99 });
  assert.deepEqual(world.events, []);
  wire.event(1);
  assert.equal(world.events.length, 1);
});
