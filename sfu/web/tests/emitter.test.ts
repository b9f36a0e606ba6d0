import assert from "node:assert/strict";
import { test } from "node:test";
import { Emitter } from "../src/sdk/emitter.ts";

test("a handler that throws is reported, and keeps nothing from the others", () => {
  const reported: unknown[] = [];
  const page = globalThis as { reportError?: (error: unknown) => void };
  page.reportError = (error) => reported.push(error);
  try {
    const emitter = new Emitter<{ said: string }>();
    const heard: string[] = [];
    const error = new Error("of an application");
    emitter.on("said", () => {
      throw error;
    });
    const end = emitter.on("said", (text) => heard.push(text));
    emitter.emit("said", "one");
    end();
    emitter.emit("said", "two");
    assert.deepEqual([heard, reported], [["one"], [error, error]]);
  } finally {
    delete page.reportError;
  }
});
