/** Starts the worker that has all keys. The page never has one. */
import { WorkerClient } from "../worker/client.ts";
import { type Room, SOURCE_KINDS } from "../worker/messages.ts";
import { SfuError, asError } from "./errors.ts";
import { fragmentOf } from "./link.ts";

const START_MS = 20_000;

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): unknown };
}

/** Beside the script that this is bundled into, and nowhere else. */
const WORKER_URL = new URL("worker.js", import.meta.url).href;

let policy: { createScriptURL(url: string): unknown } | undefined;

/** The one URL that the page's policy lets become a script (the server's header says `trusted-types sfu`). */
function workerUrl(): string {
  const trustedTypes = (globalThis as { trustedTypes?: TrustedTypes }).trustedTypes;
  policy ??= trustedTypes?.createPolicy("sfu", {
    createScriptURL(url) {
      if (url !== WORKER_URL) throw new TypeError("no script but the worker");
      return url;
    },
  });
  // A TrustedScriptURL where there is such a thing; TypeScript knows the string only.
  return (policy?.createScriptURL(WORKER_URL) ?? WORKER_URL) as string;
}

/** Whether this browser can seal frames in a worker. Without that there is no way in. */
export function canSeal(): boolean {
  return typeof RTCRtpScriptTransform === "function" && "transform" in RTCRtpSender.prototype;
}

export function startWorker(): WorkerClient {
  return new WorkerClient(new Worker(workerUrl(), { name: "sfu" }));
}

/** A worker that has opened the link. Fails with the link's codes, `unreachable`, or `worker_failed`. */
export async function openLink(fragment: string): Promise<{ client: WorkerClient; room: Room }> {
  if (!canSeal()) throw new SfuError("no_transform", "this browser cannot encrypt frames in a worker");
  const client = startWorker();
  try {
    const room = await inTime(client.request("open", { fragment }));
    for (const source of SOURCE_KINDS) await inTime(client.request("addSource", { source }));
    return { client, room };
  } catch (reason) {
    client.close();
    throw asError(reason);
  }
}

/** The fragment of a new room's link. */
export function makeFragment(): Promise<string> {
  return withWorker((client) => client.request("make", {}));
}

/** A whole link in two parts to be sent in two ways: the fragment of a link without key, and the key. Fails with the link's codes. */
export function splitLink(link: string): Promise<{ link: string; key: string }> {
  return withWorker((client) => client.request("split", { fragment: fragmentOf(link) }));
}

/** The fragment of the whole link. Fails with the link's codes, and `key_wrong` where the key is not this link's. */
export function joinLink(link: string, key: string): Promise<string> {
  return withWorker((client) => client.request("join", { fragment: fragmentOf(link), key }));
}

/** For what a worker does that lives no longer than this. */
async function withWorker<T>(ask: (client: WorkerClient) => Promise<T>): Promise<T> {
  const client = startWorker();
  try {
    return await inTime(ask(client));
  } catch (reason) {
    throw asError(reason);
  } finally {
    client.close();
  }
}

function inTime<T>(work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new SfuError("worker_failed", "the worker does not answer")), START_MS);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Where a link leads: a room as the server knows it, and the server, where the link names one. */
export type Destination = Pick<Room, "roomId" | "server">;

/**
 * Without going there: nothing is sent. Fails with the link's codes where it is not whole or not for us; with `link_apart` where
 * its key is to be had before anything else.
 */
export function checkLink(link: string): Promise<Destination> {
  return withWorker((client) => client.request("open", { fragment: fragmentOf(link) }));
}
