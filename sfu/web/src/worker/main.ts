// The one worker of a page: it owns all keys, counters and windows, and seals and opens every frame and message.
import type { Request, TransformOptions } from "./messages.ts";
import type { Transformer } from "./transformer.ts";
import { CryptoWorker } from "./worker.ts";

const TICK_MS = 250;

// The types say so only of every worker in general.
declare const self: DedicatedWorkerGlobalScope;

const post = (message: unknown): void => self.postMessage(message);
const worker = new CryptoWorker(post, {
  emit: post,
  clock: () => Date.now(),
  after: (ms, task) => void setTimeout(task, ms),
});

self.onmessage = ({ data }: MessageEvent<Request>) => void worker.onRequest(data);
self.onrtctransform = ({ transformer }: RTCTransformEvent) => {
  // Ends with an error where the line is torn down; then nothing passes any more.
  worker.onTransform(transformer as Transformer, transformer.options as TransformOptions).catch(() => undefined);
};
setInterval(() => worker.tick(), TICK_MS);
