/** From the address bar into the call, and out again. */
import { render } from "preact";
import { App } from "./app.tsx";
import { applyLook } from "./look.ts";
import { keptFragment, preferences, takeFragment } from "./store.ts";
import { currentLanguage, languageFor, useLanguage } from "./words/index.ts";

takeFragment(); // before anything else: the modules above only define
applyLook();

async function start(): Promise<void> {
  const wanted = preferences().language || languageFor(navigator.languages);
  await useLanguage(wanted).catch(() => {}); // its words did not load: English is there
  document.documentElement.lang = currentLanguage();
  document.title = location.host;
  render(<App fragment={keptFragment()} />, document.getElementById("app")!);
}

// A page that the browser had kept: it left the call when it was hidden.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});
void start();
