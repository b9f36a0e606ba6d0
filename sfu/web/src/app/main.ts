/** From the address bar into the call, and out again. */
import { Conference, SfuError, canSeal, checkLink } from "../sdk/index.ts";
import { Call } from "./call.ts";
import { button, icon } from "./dom.ts";
import { copyLink, landing, linkForm, made, message } from "./landing.ts";
import { type Choice, Lobby } from "./lobby.ts";
import { forgetFragment, keepFragment, keptFragment, takeFragment } from "./store.ts";
import { errorWords, words } from "./words.ts";

takeFragment(); // before anything else: the modules above only define

const GO_BACK_S = 10;

let lobby: Lobby | null = null;
let joining: AbortController | null = null;
let call: Call | null = null;
let host = location.host; // of the server that the link leads to
let isHiding = false;
let countdown: ReturnType<typeof setInterval> | undefined;

/** Whatever was there before ends. */
function turnPage(): void {
  clearInterval(countdown);
  lobby?.close();
  lobby = null;
  joining?.abort();
  joining = null;
}

function start(): void {
  turnPage();
  forgetFragment();
  landing({
    onMade: (fragment) => {
      keepFragment(fragment);
      made(fragment, () => void openLobby(fragment));
    },
    onLink: (fragment) => void openLobby(fragment),
    onFailed: (error) => failed(error, null),
  });
}

/** The link is checked on this device first: with one that is cut nothing is asked of anybody. */
async function openLobby(fragment: string): Promise<void> {
  turnPage();
  if (!canSeal()) return failed(new SfuError("no_transform", ""), fragment);
  keepFragment(fragment);
  try {
    host = (await checkLink(fragment)) ?? location.host;
  } catch (reason) {
    return failed(reason, fragment);
  }
  lobby = new Lobby((choice) => void join(fragment, choice), start);
}

async function join(fragment: string, { name, isMuted, devices }: Choice): Promise<void> {
  lobby = null; // its devices go into the call
  const controller = new AbortController();
  joining = controller;
  const stop = button(words.giveUp, () => void openLobby(fragment), "btn big");
  message({ title: words.joining, say: words.joiningSay }, "", stop);
  controller.signal.addEventListener("abort", () => devices.close());
  try {
    const conference = await Conference.join({
      link: fragment,
      name,
      muted: isMuted,
      microphone: devices.microphone,
      camera: devices.camera,
      signal: controller.signal,
      onState: ({ name: state, signaling }) => {
        if (state !== "joining" || signaling.name !== "waiting" || controller.signal.aborted) return;
        const seconds = Math.max(1, Math.ceil(signaling.retryMs / 1000));
        message({ title: words.unreachable(host), say: words.unreachableSay(seconds) }, "unreachable", stop);
      },
    });
    joining = null;
    call = new Call(conference, devices, fragment, (error) => {
      call = null;
      if (error) failed(error, fragment);
      else if (!isHiding) left(fragment); // a reload goes on with the link
    });
  } catch (reason) {
    devices.close();
    if (!controller.signal.aborted) failed(reason, fragment);
  }
}

function left(fragment: string): void {
  turnPage();
  forgetFragment();
  let seconds = GO_BACK_S;
  const back = button(words.goBackIn(seconds), () => void openLobby(fragment), "btn main big");
  message(
    { title: "You left the call", say: "The keys are gone from this page. To come back you need the link." },
    "",
    back,
    button(words.backToStart, start, "btn big"),
  );
  countdown = setInterval(() => {
    if (--seconds > 0) back.textContent = words.goBackIn(seconds);
    else back.remove(), clearInterval(countdown);
  }, 1000);
}

function failed(reason: unknown, fragment: string | null): void {
  turnPage();
  const code = reason instanceof SfuError ? reason.code : "internal";
  const text = errorWords(code, code === "unreachable" ? location.host : host); // the worker comes whence the page does
  const actions: Node[] = [];
  // A reload is another try, and needs the link; where no try helps nothing of it stays behind.
  if (text.action !== "again") forgetFragment();
  if (text.action === "paste") {
    actions.push(linkForm((pasted) => void openLobby(pasted)));
  } else if (text.action === "again" && fragment !== null) {
    actions.push(button(words.tryAgain, () => void openLobby(fragment), "btn main big"));
  } else if (text.action === "copy" && fragment !== null) {
    const copy = button(words.copy, () => void copyLink(fragment, (said) => (copy.lastChild!.textContent = said)), "btn main big", icon("copy"));
    actions.push(copy);
  }
  message(text, code, ...actions, button(words.backToStart, start, "btn big"));
}

// A link put into the address bar of an open page leads to no new load.
addEventListener("hashchange", () => {
  takeFragment();
  const fragment = keptFragment();
  if (call === null && fragment !== null) void openLobby(fragment);
});
// Registered before the conference's own, which leaves.
addEventListener("pagehide", () => (isHiding = true));
// A page that the browser had kept: it left the call when it was hidden.
addEventListener("pageshow", ({ persisted }) => {
  if (persisted) location.reload();
});

document.title = location.host;
const fragment = keptFragment();
if (fragment === null) start();
else void openLobby(fragment);
