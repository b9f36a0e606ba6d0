import assert from "node:assert/strict";
import { test } from "node:test";
import { Tiles } from "../src/sdk/tiles.ts";

const ANA = 1;
const BEN = 2;
const participantOf = (sender: string): number => ({ ana: ANA, ben: BEN })[sender] ?? 0;

const slot = (index: number, kind: "audio" | "video") => ({ index, kind, receiver: { track: {} as MediaStreamTrack } });

function tiles(): Tiles {
  const made = new Tiles();
  made.reset([slot(0, "video"), slot(1, "audio")]);
  return made;
}

test("what the server says of a slot gives it to nobody", () => {
  const made = tiles();
  made.hinted(0, ANA, participantOf);
  assert.equal(made.list()[0]!.sender, null);
  made.opened(0, "ben", "camera");
  assert.equal(made.list()[0]!.sender, "ben", "the key says so, whatever the server said");
  made.hinted(0, ANA, participantOf);
  assert.equal(made.list()[0]!.sender, "ben", "what is seen is still his picture");
});

test("a slot that the server has emptied shows nobody, until a frame opens or the same person is back", () => {
  const made = tiles();
  made.opened(0, "ana", "camera");
  made.hinted(0, 0, participantOf);
  assert.equal(made.list()[0]!.sender, null);
  made.hinted(0, BEN, participantOf);
  assert.equal(made.list()[0]!.sender, null, "her last picture is not his");
  made.hinted(0, ANA, participantOf);
  assert.equal(made.list()[0]!.sender, "ana");
  made.hinted(0, 0, participantOf);
  made.opened(0, "ben", "camera");
  assert.equal(made.list()[0]!.sender, "ben");
});

test("frames that do not open are told with whom they name, and that it is over", () => {
  const made = tiles();
  made.opened(0, "ana", "camera");
  made.failed(0, "forged", "ana", "camera");
  const [failed] = made.list();
  assert.deepEqual([failed!.sender, failed!.failure], [null, { reason: "forged", from: "ana", source: "camera", said: null, tries: 0 }]);
  made.opened(0, "ana", "camera");
  const [again] = made.list();
  assert.deepEqual([again!.sender, again!.failure], ["ana", null]);
});

test("how often a key was asked for is told until it is there, or the slot is another's", () => {
  const made = tiles();
  const failure = (): unknown => made.list((participant) => (participant === BEN ? "ben" : null))[0]!.failure;
  made.asked(0, 1);
  assert.equal(failure(), null);
  made.hinted(0, BEN, participantOf);
  made.failed(0, "no_key", null);
  made.asked(0, 2);
  assert.deepEqual(failure(), { reason: "no_key", from: null, source: null, said: "ben", tries: 2 });
  made.asked(0, null);
  assert.deepEqual(failure(), { reason: "no_key", from: null, source: null, said: "ben", tries: null });
  made.hinted(0, BEN, participantOf);
  assert.notEqual(failure(), null);
  made.hinted(0, ANA, participantOf);
  assert.equal(failure(), null);
  made.failed(0, "no_key", null);
  made.opened(0, "ana", "camera");
  assert.equal(failure(), null);
});

test("whom the server has long said to be here against the key is told, for as long as it is so", () => {
  const made = tiles();
  const senderOf = (participant: number): string | null => ({ [ANA]: "ana", [BEN]: "ben" })[participant] ?? null;
  const lie = (): unknown => made.list(senderOf)[0]!.mislabelled;
  made.hinted(0, BEN, participantOf);
  made.opened(0, "ana", "camera");
  assert.equal(lie(), null, "it may be the one moment in which the slot changes hands");
  made.mislabelled(0, ANA);
  assert.equal(lie(), null, "told of what the server no longer says");
  made.mislabelled(0, BEN);
  assert.equal(lie(), "ben");
  assert.equal(made.list(senderOf)[0]!.sender, "ana", "whose picture it is the key says");
  made.hinted(0, BEN, participantOf);
  assert.equal(lie(), "ben");
  made.hinted(0, ANA, participantOf);
  made.hinted(0, BEN, participantOf);
  assert.equal(lie(), null, "a new word has a second, as every one");
  made.mislabelled(0, BEN);
  made.failed(0, "forged", "ana");
  assert.equal(lie(), null);
  made.opened(0, "ana", "camera");
  made.mislabelled(0, BEN);
  made.opened(0, "ben", "camera");
  assert.equal(lie(), null, "now it is him");
  made.hinted(0, 7, participantOf);
  made.mislabelled(0, 7);
  assert.equal(lie(), null, "nobody of that number is known");
});

test("slots that are added are empty, and those before stay as they are", () => {
  const made = tiles();
  made.opened(0, "ana", "camera");
  made.add([slot(2, "video"), slot(3, "audio")]);
  made.opened(3, "ben", "microphone");
  assert.deepEqual(made.list().map(({ slot, sender }) => [slot, sender]), [[0, "ana"], [1, null], [2, null], [3, "ben"]]);
});

test("a new connection begins with nothing, and slots that are not there are ignored", () => {
  const made = tiles();
  made.opened(1, "ana", "microphone");
  made.reset([]);
  made.opened(0, "ana", "camera");
  made.failed(7, "no_key", null);
  made.hinted(7, ANA, participantOf);
  assert.deepEqual(made.list(), []);
});
