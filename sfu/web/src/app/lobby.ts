/** Before the call: name, devices and a look at oneself. Nothing is sent from here. */
import { DeviceForm } from "./device_form.ts";
import { type DeviceKind, Devices } from "./devices.ts";
import { h, icon, setText, show } from "./dom.ts";
import { mast } from "./landing.ts";
import { prefer, preferences } from "./store.ts";
import { joinWords, words } from "./words.ts";

export interface Choice {
  name: string;
  isMuted: boolean;
  devices: Devices;
}

export class Lobby {
  readonly #devices = new Devices();
  readonly #form = new DeviceForm(this.#devices);
  readonly #video = h("video", { class: "pic", autoplay: true, playsinline: true, muted: true });
  readonly #why = h("div", { class: "why" });
  readonly #mirror = h("div", { class: "mirror" }, this.#video, this.#why);
  readonly #mic = h("button", { class: "ctl", type: "button", on: { click: () => this.#toggleMicrophone() } });
  readonly #cam = h("button", { class: "ctl", type: "button", on: { click: () => void this.#toggleCamera() } });
  readonly #name = h("input", { id: "name", class: "field", autocomplete: "name", maxlength: "64", placeholder: words.guest });
  readonly #join = h("button", { class: "btn main big grow", type: "submit" });
  readonly #onJoin: (choice: Choice) => void;
  #isMuted = true; // joining unmutes nothing
  #isReady = false;

  constructor(onJoin: (choice: Choice) => void, onOther: () => void) {
    this.#onJoin = onJoin;
    this.#video.muted = true;
    this.#name.value = preferences().name;
    const other = h("button", { class: "link", type: "button", text: words.anotherLink, on: { click: onOther } });
    const submit = (event: Event): void => {
      event.preventDefault();
      this.#finish();
    };
    show(
      h(
        "div",
        { class: "page" },
        mast(h("span", { class: "state" }, icon("seal", "seal"), h("span", { text: words.lobbyKey }))),
        h(
          "main",
          { class: "lobby" },
          h(
            "section",
            { class: "preview" },
            this.#mirror,
            h("div", { class: "under" }, this.#mic, this.#cam, h("p", { class: "quiet", text: words.lobbyQuiet })),
          ),
          h(
            "form",
            { class: "form", on: { submit } },
            h("h1", { text: words.lobbyTitle }),
            h("p", { class: "say", text: words.lobbySay }),
            h("label", { for: "name", text: words.yourName }),
            this.#name,
            h("p", { class: "quiet", text: words.noName }),
            this.#form.element,
            h("div", { class: "act" }, this.#join),
            other,
          ),
        ),
      ),
    );
    this.#devices.onChange = () => this.#update();
    this.#update();
    void this.#devices.open().then(() => {
      this.#isReady = true;
      this.#update();
    });
  }

  /** Another page takes its place. */
  close(): void {
    this.#devices.close();
  }

  #finish(): void {
    const name = this.#name.value.trim();
    prefer({ name, cameraOff: this.#devices.camera === null && this.#devices.problems.camera === undefined });
    this.#devices.onChange = () => {};
    this.#onJoin({ name, isMuted: this.#isMuted, devices: this.#devices });
  }

  #toggleMicrophone(): void {
    if (this.#devices.microphone === null) {
      this.#isMuted = false;
      void this.#devices.use("microphone");
    } else {
      this.#isMuted = !this.#isMuted;
      this.#update();
    }
  }

  async #toggleCamera(): Promise<void> {
    if (this.#devices.camera) this.#devices.stop("camera");
    else await this.#devices.use("camera");
  }

  #update(): void {
    const { microphone, camera, problems } = this.#devices;
    const isMuted = this.#isMuted || microphone === null;
    toggle(this.#mic, isMuted ? "mic-off" : "mic", isMuted ? words.unmute : words.mute, isMuted);
    toggle(this.#cam, camera ? "cam" : "cam-off", camera ? words.stopCamera : words.startCamera, camera === null);
    setText(this.#join, joinWords(microphone !== null, isMuted, camera !== null));
    this.#join.disabled = !this.#isReady && problems.microphone === undefined;
    if ((this.#video.srcObject as MediaStream | null)?.getTracks()[0] !== (camera ?? undefined)) {
      this.#video.srcObject = camera ? new MediaStream([camera]) : null;
    }
    this.#video.hidden = camera === null;
    this.#why.hidden = camera !== null;
    this.#explain();
    void this.#form.update();
  }

  #explain(): void {
    const { problems } = this.#devices;
    const kind: DeviceKind | null = problems.camera ? "camera" : problems.microphone ? "microphone" : null;
    const again = h("button", {
      class: "btn",
      type: "button",
      text: words.tryAgain,
      on: { click: () => void this.#devices.open() },
    });
    const problem = kind ? problems[kind] : undefined;
    if (!this.#isReady && problem === undefined) {
      this.#why.replaceChildren();
    } else if (problem === "blocked") {
      this.#why.replaceChildren(h("b", { text: words.blockedTitle }), h("p", { text: words.blockedSay }), again);
    } else if (problem === "busy") {
      const what = kind === "camera" ? "camera" : "microphone";
      this.#why.replaceChildren(h("b", { text: words.busyDevice(what) }), h("p", { text: words.busySay }), again);
    } else {
      const text = problem === "none" ? words.noDevice(kind === "camera" ? "camera" : "microphone") : words.cameraOffHere;
      this.#why.replaceChildren(h("b", { text }));
    }
  }
}

/** A control whose icon and word say what pressing does. */
export function toggle(control: HTMLButtonElement, iconName: string, label: string, isOff: boolean): void {
  control.toggleAttribute("data-off", isOff);
  if (control.dataset["icon"] === iconName && control.textContent === label) return;
  control.dataset["icon"] = iconName;
  control.replaceChildren(icon(iconName), h("span", { text: label }));
}
