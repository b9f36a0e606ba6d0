/** Which page is to be seen, and what leads from one to the next. */
import { Component } from "preact";
import type { Conference } from "../sdk/index.ts";
import { type Destination, SfuError, canSeal, checkLink, fragmentOf, joinLink, makeFragment, peek } from "../sdk/outside.ts";
import type { Devices } from "./devices/devices.ts";
import { Later } from "./parts/later.ts";
import { Apart } from "./screens/apart.tsx";
import { Ended, Joining, Left, wayFrom } from "./screens/ended.tsx";
import { Landing } from "./screens/landing.tsx";
import { type Choice, Lobby } from "./screens/lobby.tsx";
import { forgetFragment, keepFragment, keptFragment, takeFragment } from "./store.ts";

type Screen =
  | { name: "blank" }
  | { name: "landing" }
  | { name: "made"; fragment: string }
  /** `fragment` of the link without key; null: to be asked for too. */
  | { name: "apart"; fragment: string | null }
  | { name: "lobby"; fragment: string; inside: number | null }
  /** `retryMs`: the server does not answer, and is tried again then. */
  | { name: "joining"; fragment: string; choice: Choice; retryMs: number | null }
  | { name: "call"; fragment: string; conference: Conference; devices: Devices }
  | { name: "left"; fragment: string }
  | { name: "ended"; code: string; fragment: string | null };

const made = new Later(() => import("./screens/made.tsx"));
const call = new Later(() => import("./call/call.tsx"));

export class App extends Component<{ fragment: string | null }, { screen: Screen }> {
  override state: { screen: Screen } = { screen: { name: "blank" } };
  #host = location.host; // of the server that the link leads to
  #joining: AbortController | null = null;
  #isHiding = false;

  override componentDidMount(): void {
    // A link put into the address bar of an open page leads to no new load.
    addEventListener("hashchange", () => {
      takeFragment();
      const fragment = keptFragment();
      if (this.state.screen.name !== "call" && fragment !== null) void this.#open(fragment);
    });
    // Registered before the conference's own, which leaves.
    addEventListener("pagehide", () => (this.#isHiding = true));
    const { fragment } = this.props;
    if (fragment === null) this.#start();
    else void this.#open(fragment);
  }

  override render() {
    const { screen } = this.state;
    switch (screen.name) {
      case "blank":
        return null;
      case "landing":
        return <Landing onMake={this.#make} onLink={(text) => void this.#open(fragmentOf(text))} onApart={() => this.#show({ name: "apart", fragment: null })} />;
      case "made": {
        const { Made } = made.part!;
        return <Made fragment={screen.fragment} onGo={() => void this.#open(screen.fragment)} />;
      }
      case "apart":
        return <Apart fragment={screen.fragment} onOpen={this.#unite} onStart={this.#start} />;
      case "lobby":
        return <Lobby inside={screen.inside} onJoin={(choice) => void this.#join(screen.fragment, choice)} onOther={this.#start} />;
      case "joining":
        return <Joining host={this.#host} retryMs={screen.retryMs} onNow={() => this.#again(screen)} onStop={() => void this.#open(screen.fragment)} />;
      case "call": {
        const { CallPage } = call.part!;
        return <CallPage conference={screen.conference} devices={screen.devices} fragment={screen.fragment} onEnded={(error) => this.#onEnded(screen.fragment, error)} />;
      }
      case "left":
        return <Left onBack={() => void this.#open(screen.fragment)} onStart={this.#start} />;
      case "ended":
        return (
          <Ended
            code={screen.code}
            host={this.#host}
            fragment={screen.fragment}
            onLink={(text) => void this.#open(fragmentOf(text))}
            onAgain={() => void this.#open(screen.fragment!)}
            onStart={this.#start}
          />
        );
    }
  }

  /** Whatever was under way ends. */
  #show(screen: Screen): void {
    if (screen.name !== "joining" && screen.name !== "call") this.#joining?.abort();
    this.setState({ screen });
  }

  readonly #start = (): void => {
    forgetFragment();
    this.#show({ name: "landing" });
    made.prepare();
  };

  readonly #make = async (): Promise<void> => {
    try {
      const [fragment] = await Promise.all([makeFragment(), needed(made)]);
      keepFragment(fragment);
      this.#show({ name: "made", fragment });
    } catch (reason) {
      this.#fail(reason, null);
    }
  };

  /** The link is checked on this device first: with one that is cut nothing is asked of anybody. */
  async #open(fragment: string): Promise<void> {
    if (!canSeal()) return this.#fail(new SfuError("no_transform", ""), fragment);
    keepFragment(fragment);
    let room: Destination;
    try {
      room = await checkLink(fragment);
    } catch (reason) {
      if (reason instanceof SfuError && reason.code === "link_apart") return this.#show({ name: "apart", fragment });
      return this.#fail(reason, fragment);
    }
    this.#host = room.server ?? location.host;
    this.#show({ name: "lobby", fragment, inside: null });
    call.prepare();
    const inside = await peek({ room });
    const { screen } = this.state;
    if (screen.name === "lobby" && screen.fragment === fragment) this.setState({ screen: { ...screen, inside } });
  }

  readonly #unite = async (link: string, key: string): Promise<boolean> => {
    try {
      const fragment = await joinLink(link, key);
      await this.#open(fragment);
      return true;
    } catch (reason) {
      if (reason instanceof SfuError && reason.code === "key_wrong") return false;
      this.#fail(reason, link);
      return true;
    }
  };

  async #join(fragment: string, choice: Choice): Promise<void> {
    const { name, isMuted, devices } = choice;
    const controller = new AbortController();
    this.#joining?.abort();
    this.#joining = controller;
    this.#show({ name: "joining", fragment, choice, retryMs: null });
    try {
      const { Conference } = await needed(call);
      if (controller.signal.aborted) throw new SfuError("left", "given up");
      const conference = await Conference.join({
        link: fragment,
        name,
        muted: isMuted,
        microphone: devices.microphone,
        camera: devices.camera,
        signal: controller.signal,
        onState: ({ name: state, signaling }) => {
          if (state !== "joining" || controller.signal.aborted || signaling.name !== "waiting") return;
          this.#show({ name: "joining", fragment, choice, retryMs: signaling.retryMs });
        },
      });
      this.#joining = null;
      this.#show({ name: "call", fragment, conference, devices });
    } catch (reason) {
      if (this.#joining !== controller) return; // another try has taken its place, with the devices
      this.#joining = null;
      devices.close();
      if (!controller.signal.aborted) this.#fail(reason, fragment);
    }
  }

  /** Not waiting for the next try. */
  #again({ fragment, choice }: { fragment: string; choice: Choice }): void {
    void this.#join(fragment, choice);
  }

  #onEnded(fragment: string, error: SfuError | null): void {
    if (error) return this.#fail(error, fragment);
    if (this.#isHiding) return; // a reload goes on with the link
    forgetFragment();
    this.#show({ name: "left", fragment });
  }

  #fail(reason: unknown, fragment: string | null): void {
    const code = reason instanceof SfuError ? reason.code : "internal";
    if (code === "unreachable") this.#host = location.host; // the worker comes whence the page does
    // A reload is another try, and needs the link; where no try helps nothing of it stays behind.
    if (wayFrom(code) !== "again") forgetFragment();
    this.#show({ name: "ended", code, fragment });
  }
}

/** Where it does not come the server is not there to go on with either. */
function needed<T>(part: Later<T>): Promise<T> {
  return part.ask().catch(() => {
    throw new SfuError("unreachable", "a part of the page does not come");
  });
}
