import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { SfuError } from "../src/sdk/errors.ts";
import { Media } from "../src/sdk/media.ts";
import { Oneself } from "../src/sdk/oneself.ts";
import { Parts } from "../src/sdk/parts.ts";
import type { Slots } from "../src/sdk/slots.ts";
import { SETTINGS } from "./network.ts";

/** As much of a browser's as a connection touches before its first answer, which never comes. */
class FakePeerConnection {
  static made: FakePeerConnection[] = [];
  static isFull = false;
  connectionState = "new";
  iceConnectionState = "new";
  onconnectionstatechange: (() => void) | null = null;
  isClosed = false;

  constructor() {
    FakePeerConnection.made.push(this);
  }

  addTransceiver(): object {
    if (FakePeerConnection.isFull) throw new DOMException("no more of them", "OperationError");
    const sender = { track: null, replaceTrack: async () => {} };
    return { sender, receiver: { track: {} }, mid: null, direction: "sendonly", setCodecPreferences: () => {} };
  }

  createOffer(): Promise<never> {
    return new Promise(() => {});
  }

  close(): void {
    this.isClosed = true;
  }

  /** DTLS has failed under a path that works: only another connection helps. */
  fail(): void {
    this.connectionState = "failed";
    this.iceConnectionState = "connected";
    this.onconnectionstatechange?.();
  }
}

const codecs = ["audio/opus", "video/VP8", "audio/rtx", "video/rtx"].map((mimeType) => ({ mimeType }));
const browser = globalThis as Record<string, unknown>;
browser["RTCPeerConnection"] = FakePeerConnection;
browser["RTCRtpReceiver"] = { getCapabilities: () => ({ codecs }) };
after(() => {
  delete browser["RTCPeerConnection"];
  delete browser["RTCRtpReceiver"];
});

function media(onFailed: (error: SfuError) => void) {
  const parts = new Parts();
  const client = { sendTransform: () => ({ transform: {}, ready: Promise.resolve() }), receiveTransform: () => ({ transform: {}, number: 1 }) };
  const joined = { settings: { ...SETTINGS, codecs: ["opus", "VP8"] } };
  Object.assign(parts, { client, signaling: { iceServers: [] }, joined });
  const slots = { add: () => {}, clear: () => {}, tiles: [] } as unknown as Slots;
  const oneself = new Oneself({ link: "" }, () => {});
  const states: string[] = [];
  const handlers = { onState: (state: string) => states.push(state), onAnswer: () => {}, onFailed };
  return { made: new Media(parts, oneself, slots, handlers), states };
}

test("a connection that fails is made anew, and one that cannot be made ends it with an error", async () => {
  let tell: (error: SfuError) => void = () => {};
  const failed = new Promise<SfuError>((resolve) => (tell = resolve));
  const { made, states } = media((error) => tell(error));
  made.open();
  assert.equal(FakePeerConnection.made.length, 1);
  FakePeerConnection.isFull = true;
  FakePeerConnection.made[0]!.fail();
  assert.deepEqual(states, ["connecting", "disconnected"]);
  const error = await failed;
  assert.match(error.message, /no more of them/);
  assert.deepEqual(
    FakePeerConnection.made.map(({ isClosed }) => isClosed),
    [true, true],
    "what could not be finished is not kept",
  );
  made.close();
});
