// The bundle: src/app and src/worker become dist/, with SHA-256 of each file in manifest.json. The same sources and lock
// file give the same bytes wherever they lie: nothing of path, time or machine gets in.
//
//   node build.mjs                    dist/
//   node build.mjs --tests FOLDER     each tests/*.test.ts as a program for `node --test`, tests/page and worker.js for browsers
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
// Readable on purpose: whoever wants to know what the page does can compare it with the sources by eye.
const shared = {
  absWorkingDir: root,
  bundle: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  // Files are named by where they are found from here, wherever node_modules really lies.
  preserveSymlinks: true,
  target: "es2022",
  tsconfigRaw: { compilerOptions: { strict: true, useDefineForClassFields: true, verbatimModuleSyntax: true } },
};
const MAIN = "src/app/main.tsx";
// A classic script, which every browser takes as a worker.
const worker = { ...shared, entryPoints: { worker: "src/worker/main.ts" }, format: "iife" };
// What the first page loads is one file, of which later ones take what they need: else what any two of them share would be a file
// more, to be waited for. (As a module that everything reaches, it is shared by all; app.js then does no more than load it.)
const oneFile = {
  name: "one file",
  setup(build) {
    build.onResolve({ filter: /^\./ }, ({ kind, path, resolveDir }) =>
      kind === "dynamic-import" ? { path: join(resolveDir, path), pluginData: "later" } : undefined,
    );
    build.onLoad({ filter: /\.tsx$/ }, async ({ path, pluginData }) =>
      pluginData === "later" ? { contents: `import ${JSON.stringify(join(root, MAIN))};\n${await readFile(path, "utf8")}`, loader: "tsx" } : undefined,
    );
  },
};
// What is not needed at once, as languages are, is loaded when it is: in files named by what is in them.
const page = {
  ...shared,
  entryPoints: { app: MAIN },
  format: "esm",
  plugins: [oneFile],
  splitting: true,
  chunkNames: "[name]-[hash]",
  jsx: "automatic",
  jsxImportSource: "preact",
};
const style = { ...shared, entryPoints: { app: "src/app/styles/index.css" } };
const copied = ["icon.svg"];
const SCRIPT = '<script type="module" src="app.js"></script>';

async function files(folder) {
  const found = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...(await files(path)));
    else found.push(path);
  }
  return found.sort();
}

/** The page, which names what app.js loads, so that it comes together with it and not after. */
async function html(outputs) {
  const app = Object.keys(outputs).find((path) => basename(path) === "app.js");
  const loaded = outputs[app].imports.filter(({ kind }) => kind === "import-statement").map(({ path }) => basename(path));
  const links = loaded.map((name) => `<link rel="modulepreload" href="${name}">\n`).join("");
  const source = await readFile(join(root, "src/app/index.html"), "utf8");
  if (!source.includes(SCRIPT)) throw new Error(`index.html has no ${SCRIPT}`);
  return source.replace(SCRIPT, links + SCRIPT);
}

async function bundle(dist) {
  // Emptied, not merged into: a file that is no longer built must not be served.
  await rm(dist, { recursive: true, force: true });
  await mkdir(dist, { recursive: true });
  await esbuild.build({ ...worker, outdir: dist });
  const { metafile } = await esbuild.build({ ...page, outdir: dist, metafile: true });
  await esbuild.build({ ...style, outdir: dist });
  await writeFile(join(dist, "index.html"), await html(metafile.outputs));
  for (const name of copied) await cp(join(root, "src/app", name), join(dist, name));
  const sha256 = {};
  for (const path of await files(dist)) {
    const name = relative(dist, path).split(sep).join("/");
    sha256[name] = createHash("sha256").update(await readFile(path)).digest("hex");
  }
  // Written last: it is there only when all else is.
  await writeFile(join(dist, "manifest.json"), JSON.stringify({ sha256 }, null, 2) + "\n");
}

async function tests(folder) {
  const entryPoints = (await files(join(root, "tests"))).filter((path) => path.endsWith(".test.ts"));
  await esbuild.build({
    ...shared,
    entryPoints,
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    format: "esm",
    platform: "node",
    sourcemap: "inline",
    // Node.js 18 keeps WebCrypto in a module.
    inject: ["tests/webcrypto.ts"],
  });
  await esbuild.build({ ...worker, outdir: folder });
  await esbuild.build({ ...page, splitting: false, entryPoints: ["tests/page/loopback.ts", "tests/page/sdk.ts"], outdir: folder });
}

const [option, folder] = process.argv.slice(2);
if (option === "--tests" && folder) await tests(resolve(folder));
else if (option === undefined) await bundle(join(root, "dist"));
else throw new Error("usage: node build.mjs [--tests FOLDER]");
