// Drives one headless Firefox for firefox.py. Requests come as JSON lines on standard input and are answered, in whatever order they
// are done, on standard output: {id, method, ...} → {id, value} or {id, error}. It ends, and Firefox with it, with its input.
import { createInterface } from "node:readline";
import puppeteer from "puppeteer-core";

const PREFERENCES = {
  "media.navigator.streams.fake": true,
  "media.navigator.permission.disabled": true,
  "media.peerconnection.ice.obfuscate_host_addresses": false,
  "media.autoplay.default": 0,
  // Nothing that Firefox would do on its own account: no update, no start page, no download of codecs.
  "app.update.auto": false,
  "browser.startup.homepage": "about:blank",
  "datareporting.policy.dataSubmissionEnabled": false,
  "media.gmp-manager.updateEnabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
};

const [executablePath] = process.argv.slice(2);
const browser = await puppeteer.launch({
  browser: "firefox",
  executablePath,
  headless: true,
  extraPrefsFirefox: PREFERENCES,
  protocolTimeout: 0, // how long is too long is for the test to say
  timeout: 0,
});
const pages = new Map();

const methods = {
  async open({ url }) {
    const page = await browser.newPage();
    page.setDefaultTimeout(0);
    await page.goto(url);
    pages.set(pages.size + 1, page);
    return pages.size;
  },

  // An expression, or with an argument a function of it.
  async evaluate({ page, expression, argument }) {
    const code = argument === undefined ? expression : `(${expression})(${JSON.stringify(argument)})`;
    return pages.get(page).evaluate(code);
  },

  async close({ page }) {
    await pages.get(page).close();
  },
};

function answer(fields) {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}

answer({ id: 0, value: await browser.version() });
for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, ...fields } = JSON.parse(line);
  methods[method](fields).then(
    (value) => answer({ id, value }),
    (error) => answer({ id, error: String(error) }),
  );
}
await browser.close();
