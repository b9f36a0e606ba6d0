/** The call: line, stage, bar, and one panel at a time. */
import type { ChatLine, Conference, Notice, Person, SfuError, State } from "../sdk/index.ts";
import { ChatPanel } from "./chat_panel.ts";
import { DeviceForm } from "./device_form.ts";
import type { Devices } from "./devices.ts";
import { button, h, icon, setText, show } from "./dom.ts";
import { copyLink } from "./landing.ts";
import { toggle } from "./lobby.ts";
import { Notices } from "./notices.ts";
import { PeoplePanel } from "./people_panel.ts";
import { Sounds } from "./sounds.ts";
import { Stage, nameOf } from "./stage.ts";
import { prefer } from "./store.ts";
import { words } from "./words.ts";

/** Who is found within it was here before: that is no news. */
const FIRST_LOOK_MS = 3000;

/** A view is said once sizes have come to rest. */
const VIEW_MS = 500;

type PanelName = "people" | "chat" | "devices";

export class Call {
  readonly #conference: Conference;
  readonly #devices: Devices;
  readonly #fragment: string;
  readonly #onEnded: (error: SfuError | null) => void;

  readonly #notices = new Notices();
  readonly #sounds = new Sounds();
  readonly #stage: Stage;
  readonly #people = new PeoplePanel();
  readonly #chat: ChatPanel;
  readonly #form: DeviceForm;
  readonly #heading = h("h1", { class: "vh", tabindex: "-1" });
  readonly #sign = h("span", {});
  readonly #signIcon = h("span", { class: "sign" });
  readonly #recorders = h("span", { class: "text" });
  readonly #recording = h("span", { class: "rec", hidden: true }, icon("record"), this.#recorders);
  readonly #count = h("span", { class: "num" });
  readonly #mic = h("button", { class: "ctl", type: "button", on: { click: () => void this.#toggleMicrophone() } });
  readonly #cam = h("button", { class: "ctl", type: "button", on: { click: () => void this.#toggleCamera() } });
  readonly #unread = h("i", { class: "n", hidden: true });
  readonly #panelButtons: Record<PanelName, HTMLButtonElement>;
  readonly #panelTitle = h("h2", { tabindex: "-1" });
  readonly #panelBody = h("div", { class: "content" });
  readonly #panel: HTMLElement;
  readonly #self = h("video", { class: "pic", autoplay: true, playsinline: true });
  readonly #selfOff = h("span", { class: "off", text: words.notSending });
  readonly #root: HTMLElement;
  readonly #unhook: (() => void)[] = [];
  #open: PanelName | null = null;
  #unreadCount = 0;
  readonly #since = performance.now();
  #known = new Map<string, Person>();
  #isDrawing = false;
  #viewTimer: ReturnType<typeof setTimeout> | undefined;
  #view = "";
  #wasAway = false;

  constructor(conference: Conference, devices: Devices, fragment: string, onEnded: (error: SfuError | null) => void) {
    this.#conference = conference;
    this.#devices = devices;
    this.#fragment = fragment;
    this.#onEnded = onEnded;
    this.#self.muted = true;
    const copy = (className: string): HTMLButtonElement =>
      button(words.copy, () => void copyLink(fragment, (text) => this.#notices.say(text)), className, icon("copy"));
    this.#stage = new Stage(copy("btn big"));
    this.#stage.onHeights = (heights) => this.#look(heights);
    this.#chat = new ChatPanel(
      (text) => conference.send(text),
      (line) => (line.sender === conference.people[0]!.sender ? null : line.name || words.guest),
    );
    this.#form = new DeviceForm(devices, (speakers) => this.#sounds.use(speakers));
    this.#panelButtons = {
      people: this.#panelButton("people", "people", words.people),
      chat: this.#panelButton("chat", "chat", words.chat),
      devices: this.#panelButton("devices", "devices", words.devices),
    };
    this.#panelButtons.chat.append(this.#unread);
    const shut = h("button", { class: "shut", type: "button", "aria-label": words.close, on: { click: () => this.#show(null) } }, icon("x"));
    this.#panel = h("aside", { class: "panel", hidden: true }, this.#panelTitle, shut, this.#panelBody);
    this.#root = h(
      "div",
      { class: "call" },
      this.#heading,
      h(
        "header",
        { class: "line" },
        h("span", { class: "state" }, this.#signIcon, this.#sign),
        this.#notices.element,
        h("div", { class: "meta" }, this.#recording, this.#count, copy("btn small")),
      ),
      this.#stage.element,
      this.#panel,
      h(
        "footer",
        { class: "bar" },
        h("div", { class: "self" }, this.#self, this.#selfOff),
        h("div", { class: "ctls" }, this.#mic, this.#cam),
        h(
          "div",
          { class: "ctls right" },
          this.#panelButtons.people,
          this.#panelButtons.chat,
          this.#panelButtons.devices,
          button(words.leave, () => conference.leave(), "ctl out", icon("leave")),
        ),
      ),
      this.#sounds.element,
    );
    show(this.#root);
    this.#listen();
    this.#onState(conference.state);
    this.#draw();
    this.#heading.focus();
    if (conference.isMuted) this.#notices.say(words.silent);
  }

  // ---- what happens ----

  #listen(): void {
    const redraw = (): void => this.#redraw();
    this.#unhook.push(
      this.#conference.on("people", (people) => {
        this.#announce(people);
        redraw();
      }),
      this.#conference.on("tiles", redraw),
      this.#conference.on("speaking", redraw),
      this.#conference.on("chat", (line) => this.#onChat(line)),
      this.#conference.on("notice", (notice) => this.#onNotice(notice)),
      this.#conference.on("state", (state) => this.#onState(state)),
    );
    this.#devices.onChange = (unplugged) => void this.#onDevices(unplugged);
    const onKey = (event: KeyboardEvent): void => this.#onKey(event);
    addEventListener("keydown", onKey);
    this.#unhook.push(() => removeEventListener("keydown", onKey));
    for (const line of this.#conference.chat) this.#chat.add(line);
  }

  #onState({ name, signaling, media, error }: State): void {
    if (name === "ended") return this.#close(error);
    const isAway = signaling.name !== "open" || media === "disconnected";
    this.#notices.stand(media === "disconnected" ? words.media : isAway && signaling.name === "waiting" ? words.signal : "");
    if (this.#wasAway && !isAway) this.#notices.say(words.again);
    // A connection is made anew in a moment: that is not worth a word.
    this.#wasAway = isAway && (this.#wasAway || signaling.name === "waiting" || media === "disconnected");
    this.#redraw();
  }

  #onNotice(notice: Notice): void {
    if (notice.code === "keys_lost") this.#notices.say(words.restart);
    else if (notice.code === "rejoined") this.#notices.say(words.gone);
    else if (notice.code === "wrong_sender") {
      const { expected } = notice;
      const person = this.#conference.people.find(({ sender }) => sender === expected);
      this.#notices.say(words.wrongSender(person ? nameOf(person) : words.guest));
    }
  }

  #onChat(line: ChatLine): void {
    this.#chat.add(line);
    if (this.#open === "chat") return;
    this.#unreadCount++;
    this.#redraw();
  }

  /** Who came and went, merged. */
  #announce(people: readonly Person[]): void {
    const others = new Map(people.filter(({ isSelf }) => !isSelf).map((person) => [person.sender, person]));
    const came = [...others.values()].filter(({ sender }) => !this.#known.has(sender));
    const gone = [...this.#known.values()].filter(({ sender }) => !others.has(sender));
    if (performance.now() - this.#since < FIRST_LOOK_MS) came.length = 0;
    if (came.length === 1) this.#notices.say(words.joined(nameOf(came[0]!)));
    else if (came.length > 1) this.#notices.say(words.joinedMany(came.length));
    for (const person of gone) this.#notices.say(words.left(nameOf(person)));
    for (const person of others.values()) {
      if (person.recording && !this.#known.get(person.sender)?.recording) this.#notices.say(words.recording(nameOf(person)));
    }
    this.#known = others;
  }

  // ---- what one does ----

  async #toggleMicrophone(): Promise<void> {
    if (!this.#conference.isMuted) return this.#conference.mute();
    if (this.#devices.microphone === null) await this.#devices.use("microphone");
    if (this.#devices.microphone === null) return this.#notices.say(words.noDevice("microphone"));
    await this.#conference.setMicrophone(this.#devices.microphone);
    await this.#conference.unmute();
  }

  async #toggleCamera(): Promise<void> {
    const isOn = this.#devices.camera !== null;
    prefer({ cameraOff: isOn });
    if (isOn) this.#devices.stop("camera");
    else await this.#devices.use("camera");
    if (!isOn && this.#devices.camera === null) this.#notices.say(words.noDevice("camera"));
  }

  async #onDevices(unplugged?: string): Promise<void> {
    if (unplugged !== undefined) this.#notices.say(words.unplugged(unplugged));
    this.#redraw();
    if (this.#open === "devices") void this.#form.update();
    await Promise.all([
      this.#conference.setMicrophone(this.#devices.microphone),
      this.#conference.setCamera(this.#devices.camera),
    ]);
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === "Escape" && this.#open !== null) return this.#show(null);
    const target = event.target as HTMLElement | null;
    if (event.ctrlKey || event.metaKey || event.altKey || target?.closest("input, textarea, select")) return;
    const actions: Record<string, () => void> = {
      m: () => void this.#toggleMicrophone(),
      v: () => void this.#toggleCamera(),
      p: () => this.#show(this.#open === "people" ? null : "people"),
      c: () => this.#show(this.#open === "chat" ? null : "chat"),
    };
    const action = actions[event.key.toLowerCase()];
    if (action === undefined || event.repeat) return;
    event.preventDefault();
    action();
  }

  // ---- panels ----

  #panelButton(name: PanelName, iconName: string, label: string): HTMLButtonElement {
    const control = button(label, () => this.#show(this.#open === name ? null : name), "ctl", icon(iconName));
    control.setAttribute("aria-expanded", "false");
    return control;
  }

  #show(panel: PanelName | null): void {
    const before = this.#open;
    this.#open = panel;
    this.#panel.hidden = panel === null;
    this.#root.classList.toggle("withpanel", panel !== null);
    for (const [name, control] of Object.entries(this.#panelButtons)) {
      control.setAttribute("aria-expanded", String(name === panel));
    }
    if (panel === null) {
      if (before !== null) this.#panelButtons[before].focus();
      return;
    }
    setText(this.#panelTitle, words[panel]);
    const contents = { people: this.#people.element, chat: this.#chat.element, devices: h("div", { class: "body" }, this.#form.element) };
    this.#panelBody.replaceChildren(contents[panel]);
    if (panel === "devices") void this.#form.update();
    if (panel === "chat") {
      this.#unreadCount = 0;
      this.#chat.focus();
    } else {
      this.#panelTitle.focus();
    }
    this.#redraw();
  }

  // ---- drawing ----

  /** At most once a frame. */
  #redraw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    // Hidden pages have no frames, and what they show is still to be right.
    const draw = (): void => {
      if (this.#isDrawing) this.#draw();
    };
    requestAnimationFrame(draw);
    setTimeout(draw, 200);
  }

  #draw(): void {
    this.#isDrawing = false;
    const { people, tiles, speaking, isMuted, unopened, state } = this.#conference;
    this.#sounds.update(tiles);
    this.#stage.update(people, tiles, speaking, unopened);
    this.#people.update(people, speaking, unopened);
    setText(this.#heading, words.callTitle(people.length));
    setText(this.#count, words.peopleCount(people.length));
    const recorders = people.filter(({ recording }) => recording);
    this.#recording.hidden = recorders.length === 0;
    if (recorders.length > 0) setText(this.#recorders, words.recorders(recorders.map(nameOf)));
    this.#drawSign(state, unopened);
    toggle(this.#mic, isMuted ? "mic-off" : "mic", isMuted ? words.unmute : words.mute, isMuted);
    const { camera } = this.#devices;
    toggle(this.#cam, camera ? "cam" : "cam-off", camera ? words.stopCamera : words.startCamera, camera === null);
    this.#unread.hidden = this.#unreadCount === 0;
    setText(this.#unread, String(Math.min(this.#unreadCount, 99)));
    const shown = (this.#self.srcObject as MediaStream | null)?.getTracks()[0] ?? null;
    if (shown !== camera) this.#self.srcObject = camera ? new MediaStream([camera]) : null;
    this.#self.hidden = camera === null;
    this.#selfOff.hidden = camera !== null;
  }

  /** No picture is asked for larger than it is shown, and none that is not. */
  #look(heights: ReadonlyMap<number, number>): void {
    const wishes = [...heights].map(([slot, maxHeight]) => ({ slot, maxHeight })).sort((a, b) => a.slot - b.slot);
    const view = JSON.stringify(wishes);
    if (view === this.#view) return;
    this.#view = view;
    clearTimeout(this.#viewTimer);
    // One that is lost with its connection is said again by the next, and a refused one leaves what was before.
    this.#viewTimer = setTimeout(() => void this.#conference.setView(wishes).catch(() => {}), VIEW_MS);
  }

  #drawSign({ signaling, media }: State, unopened: number): void {
    const isAway = signaling.name !== "open" || media === "disconnected";
    const isBad = unopened > 0;
    const text = isBad
      ? words.unopened(unopened)
      : isAway
        ? words.stateAgain
        : media === "connecting"
          ? words.stateMedia
          : words.stateLink;
    const sign = isBad || isAway ? "alert" : "seal";
    setText(this.#sign, text);
    if (this.#signIcon.dataset["icon"] !== sign) {
      this.#signIcon.dataset["icon"] = sign;
      this.#signIcon.replaceChildren(icon(sign, sign === "seal" ? "seal" : "warn"));
    }
    this.#sign.parentElement!.classList.toggle("warn", isBad);
    this.#root.toggleAttribute("data-stale", media === "disconnected");
  }

  #close(error: SfuError | null): void {
    this.#isDrawing = false;
    for (const unhook of this.#unhook) unhook();
    this.#stage.close();
    clearTimeout(this.#viewTimer);
    this.#notices.close();
    this.#devices.close();
    this.#sounds.update([]);
    this.#onEnded(error);
  }

  /** The link, for going back in. */
  get fragment(): string {
    return this.#fragment;
  }
}
