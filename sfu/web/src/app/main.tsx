/** From the address bar into the call, and out again. */
import { render } from "preact";
import { App } from "./app.tsx";
import { applyLook } from "./look.ts";
import { keptFragment, preferences, takeFragment } from "./store.ts";
import { currentLanguage, languageFor, useLanguage } from "./words/index.ts";

takeFragment(); // before anything else: the modules above only define
applyLook();

/** Nobody waits longer for words of their language: there are English ones until they come. */
const WORDS_MS = 2_000;

async function start(): Promise<void> {
  const root = document.getElementById("app")!;
  const draw = (): void => {
    document.documentElement.lang = currentLanguage();
    render(<App fragment={keptFragment()} />, root);
  };
  const words = useLanguage(preferences().language || languageFor(navigator.languages)).catch(() => {}); // English stays
  await Promise.race([words, new Promise((resolve) => setTimeout(resolve, WORDS_MS))]);
  root.replaceChildren(); // it says that the page did not load
  document.title = location.host;
  draw();
  await words;
  if (document.documentElement.lang !== currentLanguage()) draw();
}

// A page that the browser had kept: it left the call when it was hidden.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});
void start();
