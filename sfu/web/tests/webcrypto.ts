// Node.js 18 has WebCrypto in a module only; browsers and later releases have it as a global.
import { webcrypto } from "node:crypto";

if (!("crypto" in globalThis)) Object.defineProperty(globalThis, "crypto", { value: webcrypto });
