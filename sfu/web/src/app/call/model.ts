/**
 * One call as it is shown: who sits where, what the line says, which panel is open. It hears the conference and the devices,
 * and the views draw what stands here. What one does goes through here too.
 */
import type { Conference, Notice, Person, Quality, SfuError, State, Tile } from "../../sdk/index.ts";
import { type DeviceKind, type Devices, type Unplugged } from "../devices/devices.ts";
import { problemWords } from "../devices/problem.ts";
import { Line } from "../model/line.ts";
import { type Leaving, Seats } from "../model/seats.ts";
import { Slow } from "../model/slow.ts";
import { Speech } from "../model/speech.ts";
import { type Trouble, slotsWithoutKey, troublesOf } from "../model/trouble.ts";
import { Changes } from "../parts/changes.ts";
import { copy } from "../parts/page.tsx";
import { type Preferences, prefer, preferences, wholeLink } from "../store.ts";
import { t } from "../words/index.ts";
import { ChatModel } from "./chat_model.ts";
import { troubleTitle } from "./trouble_words.ts";
import { keyOf } from "./viewer.ts";

/** Who is found within it was here before: that is no news. */
const FIRST_LOOK_MS = 3_000;
/** Nobody changes seats while the pointer has been over the stage so lately. */
const POINTER_MS = 2_000;
const TICK_MS = 250;
const QUALITY_MS = 2_000;
const SILENT_EVERY_MS = 30_000; // "You are muted" is not said again sooner
const SILENT_TICKS = 5; // of speech in a row before it is said

export type PanelName = "people" | "chat" | "security" | "more" | "details" | "shortcuts";

/** What a tile shows: somebody's camera, or their screen. */
export interface Show {
  readonly key: string;
  readonly person: Person;
  readonly source: "camera" | "screen";
}

export class CallModel extends Changes {
  readonly conference: Conference;
  readonly devices: Devices;
  readonly chat: ChatModel;
  readonly line: Line;
  readonly startedAt = Date.now();
  panel: PanelName | null = null;
  choices: Preferences = preferences();
  /** Senders not to be heard here, by one's own choice. */
  readonly mutedForMe = new Set<string>();
  /** Tiles whose whole picture is shown, by key. */
  readonly uncropped = new Set<string>();
  /** Whose picture is higher than wide, by key. */
  readonly upright = new Set<string>();
  isStripHidden = false;
  /** Whose tile menu is open, by key. */
  menu: string | null = null;
  page = 0;
  readonly seats: Seats;
  readonly speech: Speech;
  readonly #fragment: string;
  readonly #onEnded: (error: SfuError | null) => void;
  readonly #began = performance.now();
  readonly #unhook: (() => void)[] = [];
  #known = new Map<string, Person>();
  #told = new Set<string>(); // troubles, by their titles
  /** The last thing that the server labelled as `said`, and the key as `who`. */
  wrongLabel: { said: string; who: string } | null = null;
  readonly #gone = new Set<string>(); // of whom the server has said that they went
  #pointerAt = -Infinity;
  /** How the call has been doing of late; null without a connection. */
  quality: Quality | null = null;
  readonly #slow = new Slow();
  #measuredAt = -Infinity;
  #silentAt = -Infinity;
  #speechTicks = 0;
  #lostAt: number | null = null;
  #wasAway = false;
  #pageSize = Infinity;
  /** Shares in the order in which they began, by sender. */
  #shares: string[] = [];
  #isWithoutShare = false;
  #screen: MediaStream | null = null; // one's own
  #microphoneWish: { isMuted: boolean } | null = null; // the last

  constructor(conference: Conference, devices: Devices, fragment: string, onEnded: (error: SfuError | null) => void) {
    super();
    this.conference = conference;
    this.devices = devices;
    this.#fragment = fragment;
    this.#onEnded = onEnded;
    this.seats = new Seats(this.#began);
    this.speech = new Speech(this.#began);
    this.line = new Line((names) => (names.length === 1 ? t("note.join", { name: names[0]! }) : t("note.joined", { n: names.length })));
    this.chat = new ChatModel(conference, () => this.tell());
    this.#unhook.push(
      conference.on("people", (people) => this.#onPeople(people)),
      conference.on("tiles", () => this.#onTiles()),
      conference.on("speaking", (speaking) => this.#onSpeaking(speaking)),
      conference.on("chat", (line) => this.chat.add(line, this.panel === "chat")),
      conference.on("notice", (notice) => this.#onNotice(notice)),
      conference.on("state", (state) => this.#onState(state)),
      devices.subscribe(() => void this.#onDevices()),
    );
    devices.onUnplugged = (event) => this.#onUnplugged(event);
    devices.mayStartCamera = false;
    const tick = setInterval(() => this.#tick(), TICK_MS);
    this.#unhook.push(() => clearInterval(tick));
    this.#onPeople(conference.people);
    this.#onState(conference.state);
    if (conference.isMuted) this.say("silent", t("note.silent"));
  }

  close(): void {
    for (const unhook of this.#unhook) unhook();
    for (const track of this.#screen?.getTracks() ?? []) track.stop();
    this.devices.close();
  }

  // ---- what is there ----

  get self(): Person {
    return this.conference.people[0]!;
  }

  get others(): readonly Person[] {
    return this.conference.people.slice(1);
  }

  nameOf(sender: string): string {
    return nameOf(this.conference.people.find((person) => person.sender === sender) ?? this.#known.get(sender));
  }

  /** The large picture, if any, then everybody else in order of seats. Oneself is among them only where one has moved there. */
  get shows(): { large: Show | null; rest: readonly Show[] } {
    const people = new Map([...this.#known, ...this.others.map((person) => [person.sender, person] as const)]);
    const { screenShown } = this;
    const all = this.seats.order.flatMap((sender): Show[] => {
      const person = people.get(sender);
      return person === undefined ? [] : [{ key: sender, person, source: "camera" }];
    });
    const screens = this.#shares.flatMap((sender): Show[] => {
      const person = people.get(sender);
      return person === undefined ? [] : [{ key: keyOf(sender, "screen"), person, source: "screen" }];
    });
    const ownTile: Show[] = this.choices.self === "grid" ? [{ key: this.self.sender, person: this.self, source: "camera" }] : [];
    const pinned = all.find(({ person }) => this.seats.isPinned(person.sender)) ?? null;
    const shared = screens.find(({ person }) => person.sender === screenShown) ?? null;
    const speaker = this.choices.view === "large" ? this.speech.large(this.seats.order, performance.now()) : null;
    const large = pinned ?? shared ?? all.find(({ person }) => person.sender === speaker) ?? null;
    const sharer = large?.source === "screen" ? large.person.sender : null;
    const first = all.filter(({ person }) => person.sender === sharer); // beside a screen its owner comes first
    const others = all.filter(({ person }) => person.sender !== sharer);
    return { large, rest: [...first, ...others, ...ownTile, ...screens].filter((show) => show.key !== large?.key) };
  }

  /** Whose screen has the stage. */
  get screenShown(): string | null {
    return this.#isWithoutShare ? null : (this.#shares.at(-1) ?? null);
  }

  /** What cannot be opened of a tile. Sound has none of its own, and is told on that of the camera. */
  troublesOf({ person, source }: Show): readonly Trouble[] {
    return this.troublesWith(person).filter(({ part }) => (part === "screen") === (source === "screen"));
  }

  /** Others of whom something is not shown or heard. */
  get troubled(): readonly Person[] {
    return this.others.filter((person) => this.troublesWith(person).length > 0);
  }

  /** While signalling is away the server's labels are old, and no lie. */
  troublesWith(person: Person): readonly Trouble[] {
    return this.isAway ? [] : troublesOf(person, this.conference.tiles);
  }

  /** Neither signalling nor media is lost. */
  get isAway(): boolean {
    const { signaling, media } = this.conference.state;
    return signaling.name !== "open" || media === "disconnected";
  }

  get isConnectionLost(): boolean {
    return this.#lostAt !== null;
  }

  // ---- what one does ----

  say(key: string, text: string): void {
    this.line.say({ key, text }, performance.now());
    this.tell();
  }

  readonly toggleMicrophone = (): Promise<void> => this.setMuted(!this.conference.isMuted);

  /** What was asked last holds: a key that was let go before the microphone was there leaves nothing on. */
  async setMuted(isMuted: boolean): Promise<void> {
    const { conference, devices } = this;
    const wish = (this.#microphoneWish = { isMuted });
    if (isMuted) return this.#set(conference.mute());
    if (devices.microphone === null) await devices.use("microphone");
    if (wish !== this.#microphoneWish) return;
    if (devices.microphone === null) return this.#sayProblem("microphone");
    this.line.drop("silent", performance.now());
    return this.#set(conference.unmute());
  }

  readonly toggleCamera = async (): Promise<void> => {
    const isOn = this.devices.camera !== null;
    prefer({ cameraOff: isOn });
    if (isOn) return this.devices.stop("camera");
    await this.devices.use("camera");
    if (this.devices.camera === null) this.#sayProblem("camera");
  };

  readonly copyLink = async (): Promise<void> => {
    const done = await copy(wholeLink(this.#fragment));
    this.say("copied", done ? t("copied") : t("copied.not"));
  };

  readonly leave = (): void => this.conference.leave();

  open(panel: PanelName | null): void {
    this.panel = panel;
    if (panel === "chat") this.chat.seen();
    this.tell();
  }

  toggle(panel: PanelName): void {
    this.open(this.panel === panel ? null : panel);
  }

  choose(change: Partial<Preferences>): void {
    prefer(change);
    this.choices = preferences();
    this.tell();
  }

  pin(sender: string, isPinned: boolean): void {
    if (isPinned) this.seats.pin(sender);
    else this.seats.unpin(sender);
    this.page = 0;
    this.tell();
  }

  muteForMe(sender: string, isMuted: boolean): void {
    if (isMuted) this.mutedForMe.add(sender);
    else this.mutedForMe.delete(sender);
    this.tell();
  }

  askAgain(person: Person): void {
    for (const slot of slotsWithoutKey(person, this.conference.tiles)) this.conference.askAgain(slot);
  }

  showWhole(key: string, isWhole: boolean): void {
    if (isWhole) this.uncropped.add(key);
    else this.uncropped.delete(key);
    this.tell();
  }

  showScreens(isShown: boolean): void {
    this.#isWithoutShare = !isShown;
    this.line.drop("share", performance.now());
    this.tell();
  }

  hideStrip(isHidden: boolean): void {
    this.isStripHidden = isHidden;
    this.tell();
  }

  openMenu(key: string | null): void {
    this.menu = key;
    this.tell();
  }

  turnTo(page: number): void {
    this.seats.settle();
    this.page = page;
    this.tell();
  }

  /** As many seats as the first page shows now. */
  onPageSize(size: number): void {
    this.#pageSize = size;
  }

  readonly onPointer = (): void => void (this.#pointerAt = performance.now());

  /** The microphone hears speech, or not; ten times a second. */
  readonly onSpeech = (isSpeech: boolean): void => {
    this.#speechTicks = isSpeech && this.conference.isMuted ? this.#speechTicks + 1 : 0;
    const now = performance.now();
    if (this.#speechTicks < SILENT_TICKS || now - this.#silentAt < SILENT_EVERY_MS) return;
    this.#silentAt = now;
    this.say("silent", t("note.silent"));
  };

  /** The size of a picture that is shown, by which a lone upright one is given room. */
  onSize(key: string, width: number, height: number): void {
    const isUpright = height > width;
    if (isUpright === this.upright.has(key)) return;
    if (isUpright) this.upright.add(key);
    else this.upright.delete(key);
    this.tell();
  }

  get canShare(): boolean {
    return navigator.mediaDevices?.getDisplayMedia !== undefined;
  }

  readonly toggleShare = async (): Promise<void> => {
    if (this.#screen !== null) return this.#stopShare();
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 30, max: 30 } }, audio: true });
    } catch (reason) {
      // Turned down by the person: that is no news to them.
      if (!(reason instanceof DOMException && reason.name === "NotAllowedError")) this.say("device", t("note.notshared"));
      return;
    }
    const [picture, sound] = [stream.getVideoTracks()[0]!, stream.getAudioTracks()[0] ?? null];
    picture.contentHint = "detail"; // text stays sharp
    picture.onended = () => void this.#stopShare(); // stopped in the browser's own bar
    this.#screen = stream;
    await this.#set(this.conference.setScreen(picture, sound));
    this.line.say({ key: "sharing", text: t("note.sharing"), actions: [{ label: t("note.sharing.stop"), run: () => void this.#stopShare() }] }, performance.now());
    this.tell();
  };

  async #stopShare(): Promise<void> {
    for (const track of this.#screen?.getTracks() ?? []) track.stop();
    this.#screen = null;
    this.line.drop("sharing", performance.now());
    await this.#set(this.conference.setScreen(null));
  }

  // ---- what happens ----

  #onPeople(people: readonly Person[]): void {
    const now = performance.now();
    const others = people.filter(({ isSelf }) => !isSelf);
    const there = new Map(others.map((person) => [person.sender, person]));
    const isNews = now - this.#began >= FIRST_LOOK_MS;
    for (const person of others) {
      const before = this.#known.get(person.sender);
      if (isNews && before === undefined) this.line.joined(nameOf(person), now);
      if (person.recording && !before?.recording) this.say(`record ${person.sender}`, t("note.record", { name: nameOf(person) }));
    }
    const sitters = others.map((person) => ({ sender: person.sender, hasCamera: person.camera === "on" }));
    for (const sender of there.keys()) if (!this.#known.has(sender)) this.#gone.delete(sender); // back again
    // Nobody has said that they went: it is the list that was lost, as when the server starts anew.
    this.seats.update(sitters, (sender): Leaving => (this.#gone.has(sender) ? "left" : "lost"), this.speech, now);
    // Those whose seat is kept are still known by name.
    this.#known = new Map([...[...this.#known].filter(([sender]) => this.seats.isAway(sender)), ...there]);
    this.#onShares(others);
    this.#sayTroubles();
    this.tell();
  }

  #onShares(others: readonly Person[]): void {
    const sharing = others.filter(({ screen }) => screen === "on");
    const began = sharing.filter(({ sender }) => !this.#shares.includes(sender));
    this.#shares = [...this.#shares.filter((sender) => sharing.some((person) => person.sender === sender)), ...began.map(({ sender }) => sender)];
    if (this.#shares.length === 0) this.line.drop("share", performance.now());
    const newest = began.at(-1);
    if (newest === undefined) return;
    const isPinned = this.seats.order.some((sender) => this.seats.isPinned(sender));
    const text = t("note.share", { name: nameOf(newest) });
    if (!isPinned) {
      this.#isWithoutShare = false;
      this.say("share", text);
      return;
    }
    const show = (): void => {
      for (const sender of this.seats.order) this.seats.unpin(sender);
      this.showScreens(true);
    };
    this.line.say({ key: "share", text, actions: [{ label: t("note.share.show"), run: show }] }, performance.now());
  }

  #onSpeaking(speaking: ReadonlySet<string>): void {
    this.speech.update(speaking, performance.now());
    this.tell();
  }

  #onState({ name, signaling, media, error }: State): void {
    if (name === "ended") {
      this.close();
      this.#onEnded(error);
      return;
    }
    const isLost = media === "disconnected";
    this.#lostAt = isLost ? (this.#lostAt ?? performance.now()) : null;
    const isAway = isLost || signaling.name === "waiting";
    const isBack = signaling.name === "open" && media === "connected";
    if (this.#wasAway && isBack) this.say("back", t("note.back"));
    if (isAway) for (const key of ["back", "gone"]) this.line.drop(key, performance.now()); // it is true no more
    // A connection is made anew in a moment: that is not worth a word.
    this.#wasAway = isAway || (this.#wasAway && !isBack);
    this.#standing();
    this.tell();
  }

  /** What holds until it is over. */
  #standing(): void {
    const now = performance.now();
    if (this.#lostAt !== null) {
      this.line.stand({ key: "media", text: t("note.media", { s: Math.round((now - this.#lostAt) / 1000) }) });
    } else if (this.conference.state.signaling.name === "waiting") {
      this.line.stand({ key: "signal", text: t("note.signal") });
    } else {
      this.line.stand(null);
    }
  }

  #onNotice(notice: Notice): void {
    if (notice.code === "gone") {
      this.#gone.add(notice.sender);
      this.say(`left ${notice.sender}`, t("note.left", { name: nameOf(notice) }));
    } else if (notice.code === "keys_lost") this.say("restart", t("note.restart"));
    else if (notice.code === "rejoined") {
      this.#wasAway = false; // this says it
      this.say("gone", t("note.gone"));
    } else if (notice.code === "wrong_sender" && !this.isAway) this.#onWrongSender(notice.sender, notice.expected);
  }

  #onWrongSender(sender: string, expected: string | null): void {
    const who = this.nameOf(sender);
    if (expected === null) return this.say("wrong", t("bad.wrong.other", { name: who }));
    const said = this.nameOf(expected);
    this.wrongLabel = { said, who };
    const explain = (): void => {
      this.line.drop("wrong", performance.now());
      this.open("security");
    };
    this.line.say({ key: "wrong", text: t("bad.wrong", { name: said }), actions: [{ label: t("bad.wrong.what"), run: explain }] }, performance.now());
    this.tell();
  }

  #onTiles(): void {
    this.#sayTroubles();
    if (!this.conference.tiles.some(({ mislabelled }) => mislabelled !== null)) this.line.drop("wrong", performance.now());
    this.tell();
  }

  /** Each once, when it begins. */
  #sayTroubles(): void {
    const now = performance.now();
    const titles = this.others.flatMap((person) => this.troublesWith(person).map((trouble) => troubleTitle(trouble, nameOf(person))));
    for (const title of titles) if (!this.#told.has(title)) this.line.say({ key: title, text: title }, now);
    for (const title of this.#told) if (!titles.includes(title)) this.line.drop(title, now);
    this.#told = new Set(titles);
  }

  async #onDevices(): Promise<void> {
    this.tell();
    const { conference, devices } = this;
    const { microphone, camera, problems } = devices;
    const changes = [conference.setMicrophone(microphone), conference.setCamera(camera)];
    // One that was lost may come back by itself, and then says nothing that its owner doesn't know of.
    if (microphone === null && problems.microphone) changes.push(conference.mute());
    await Promise.all(changes).catch(() => {});
    this.tell();
  }

  #onUnplugged({ kind, label, other }: Unplugged): void {
    if (this.devices.problems[kind]?.reason === "blocked") this.#sayProblem(kind); // it is the browser that took it away
    else this.say("unplugged", other === null ? t("note.unplugged", { device: label }) : t("note.unplugged.other", { device: label, other }));
  }

  #sayProblem(kind: DeviceKind): void {
    const words = problemWords(this.devices, kind);
    if (words) this.say("device", `${words[0]}. ${words[1]}`);
  }

  async #set(change: Promise<void>): Promise<void> {
    this.tell(); // a button answers at once
    await change.catch(() => {}); // the conference tells where it ends
    this.tell();
  }

  /** What time brings. */
  #tick(): void {
    const now = performance.now();
    const before = [this.line.current, this.seats.order.join(), this.choices.view === "large" && this.shows.large?.key];
    if (this.#lostAt !== null) this.#standing();
    if (now - this.#measuredAt >= QUALITY_MS) void this.#measure(now);
    this.line.poll(now);
    this.seats.expire(now);
    const mayMove = !this.choices.keepSeats && this.page === 0 && this.menu === null && now - this.#pointerAt >= POINTER_MS;
    if (mayMove && !document.activeElement?.closest(".tile")) this.seats.swap(this.#pageSize, this.speech, now);
    const after = [this.line.current, this.seats.order.join(), this.choices.view === "large" && this.shows.large?.key];
    if (after.some((value, at) => value !== before[at])) this.tell();
  }

  async #measure(now: number): Promise<void> {
    this.#measuredAt = now;
    this.quality = await this.conference.quality().catch(() => null);
    if (this.quality === null) this.#slow.forget();
    else if (this.#slow.hear(this.quality.limit, performance.now())) this.say("slow", t("note.slow"));
    if (this.panel === "details") this.tell();
  }
}

export function nameOf(person: Pick<Person, "name"> | undefined): string {
  return person?.name || t("guest");
}

/** Where this opens. */
export function tileOf({ person, source: shown }: Show, tiles: readonly Tile[]): Tile | undefined {
  return tiles.find(({ kind, sender, source }) => kind === "video" && sender === person.sender && source === shown);
}
