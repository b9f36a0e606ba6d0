/**
 * The grid: one tile for each of the others, in the seat they got when first seen. Hatching means that nothing of the person
 * has opened; names, pictures and the speaking ring go by the key's owner alone.
 */
import type { Person, Tile } from "../sdk/index.ts";
import { h, icon, setText } from "./dom.ts";
import { pageSize, place } from "./layout.ts";
import { words } from "./words.ts";

export function nameOf(person: Pick<Person, "name">): string {
  return person.name || words.guest;
}

function initials(name: string): string {
  const parts = name.split(/\s+/u).filter((part) => part !== "");
  const letters = [parts[0], parts.length > 1 ? parts.at(-1) : undefined].map((part) => [...(part ?? "")][0] ?? "");
  return letters.join("").toUpperCase();
}

type Show = "camera" | "screen";

interface Seat {
  key: string;
  person: Person;
  show: Show;
}

class TileView {
  readonly element = h("article", { class: "tile", tabindex: "0" });
  readonly #video = h("video", { class: "pic", autoplay: true, playsinline: true });
  readonly #plate = h("div", { class: "plate", "aria-hidden": "true" });
  readonly #why = h("div", { class: "why" });
  readonly #tag = h("div", { class: "tag" });
  #shown = "";

  constructor(seat: Seat) {
    this.#video.muted = true; // sound comes by its own slots
    this.element.dataset["sender"] = seat.person.sender;
    this.element.dataset["show"] = seat.show;
    this.element.append(this.#video, this.#plate, this.#why, this.#tag);
  }

  update({ person, show }: Seat, tiles: readonly Tile[], isSpeaking: boolean): void {
    const name = nameOf(person);
    const isOn = person[show] === "on";
    const open = tiles.find(({ kind, sender, source }) => kind === "video" && sender === person.sender && source === show);
    this.element.dataset["slot"] = String(open?.slot ?? "");
    const failure = tiles.find((tile) => tile.kind === "video" && tile.failure?.from === person.sender)?.failure ?? null;
    const isOpen = isOn && open !== undefined;
    const track = isOpen ? open.track : null;
    const current = (this.#video.srcObject as MediaStream | null)?.getVideoTracks()[0] ?? null;
    if (track !== current) this.#video.srcObject = track ? new MediaStream([track]) : null;
    const isSealed = !person.heard || (isOn && !isOpen);
    this.#video.hidden = !isOpen;
    this.element.classList.toggle("sealed", isSealed);
    this.element.classList.toggle("talk", isSpeaking && !isSealed);
    this.element.classList.toggle("screen", show === "screen");
    const state = JSON.stringify([name, isOn, isOpen, isSealed, failure, person.microphone, person.heard, person.behindSeconds, isSpeaking, person.recording]);
    if (state === this.#shown) return;
    this.#shown = state;
    this.#plate.hidden = isOn || isSealed;
    setText(this.#plate, initials(name));
    this.#why.hidden = !isSealed || !isOn;
    this.#explain(name, failure);
    this.#label(person, name, isSealed);
    this.element.setAttribute("aria-label", tileLabel(person, name, isOn, isSpeaking));
  }

  #explain(name: string, failure: Tile["failure"]): void {
    if (failure === null) return this.#why.replaceChildren(h("p", { text: words.opening }));
    const why = failure.reason === "no_key" ? words.noKeyWhy : words.changed;
    this.#why.replaceChildren(h("b", { text: words.noKey(name) }), h("p", { text: why }));
  }

  #label(person: Person, name: string, isSealed: boolean): void {
    const notes = [
      person.heard ? "" : words.notHeard,
      person.behindSeconds > 0 ? words.behind(person.behindSeconds) : "",
    ].filter((note) => note !== "");
    this.#tag.classList.toggle("faint", isSealed);
    this.#tag.replaceChildren(
      ...(person.microphone === "on" ? [] : [icon("mic-off")]),
      h("span", { text: name }),
      ...notes.map((note) => h("em", { text: note })),
      ...(person.recording ? [icon("record"), h("em", { text: words.recordingShort })] : []),
    );
  }
}

function tileLabel(person: Person, name: string, isOn: boolean, isSpeaking: boolean): string {
  const notes = [
    person.microphone === "on" ? "" : words.muted,
    isOn ? "" : words.cameraOff,
    person.heard ? "" : words.notHeard,
    isSpeaking ? words.talking : "",
    person.recording ? words.recordingShort : "",
  ];
  return [name, ...notes.filter((note) => note !== "")].join(", ");
}

export class Stage {
  readonly #grid = h("div", { class: "grid", role: "group", "aria-label": words.people });
  readonly #aloneTitle = h("h2", {});
  readonly #aloneSay = h("p", { class: "say" });
  readonly #alone = h("div", { class: "alone" }, this.#aloneTitle, this.#aloneSay);
  readonly #before = h("button", { class: "sq", type: "button", "aria-label": words.previous, on: { click: () => this.#turn(-1) } }, icon("left"));
  readonly #after = h("button", { class: "sq", type: "button", "aria-label": words.next, on: { click: () => this.#turn(1) } }, icon("right"));
  readonly #at = h("span", { class: "num" });
  readonly #pager = h("div", { class: "pager" }, this.#before, this.#at, this.#after);
  readonly element = h("main", { class: "stage" }, this.#grid, this.#alone, this.#pager);
  readonly #views = new Map<string, TileView>(); // in order of seats
  readonly #resize = new ResizeObserver(() => {
    this.#place();
    this.#tellHeights();
  });
  /** How high each tile's picture is on this screen, in its own pixels, by slot; 0 on another page. */
  onHeights: (heights: ReadonlyMap<number, number>) => void = () => {};
  #page = 0;
  #placed = "";

  /** `invite`: what can be pressed where nobody is to be seen. */
  constructor(invite: Node) {
    this.#alone.append(invite);
    this.#resize.observe(this.#grid);
  }

  close(): void {
    this.#resize.disconnect();
  }

  /** `unopened`: how many are here whom this link does not open. */
  update(people: readonly Person[], tiles: readonly Tile[], speaking: ReadonlySet<string>, unopened: number): void {
    const others = people.filter(({ isSelf }) => !isSelf);
    const seats = new Map<string, Seat>();
    for (const person of others) {
      seats.set(person.sender, { key: person.sender, person, show: "camera" });
      if (person.screen === "on") {
        const key = `${person.sender}/screen`;
        seats.set(key, { key, person, show: "screen" });
      }
    }
    for (const [key, view] of this.#views) {
      if (seats.has(key)) continue;
      view.element.remove();
      this.#views.delete(key);
    }
    for (const [key, seat] of seats) {
      let view = this.#views.get(key);
      if (view === undefined) this.#views.set(key, (view = new TileView(seat)));
      view.update(seat, tiles, speaking.has(seat.person.sender) && seat.show === "camera");
    }
    this.#alone.hidden = this.#views.size > 0;
    this.#alone.classList.toggle("bad", unopened > 0);
    setText(this.#aloneTitle, unopened > 0 ? words.unopened(unopened) : words.alone);
    setText(this.#aloneSay, unopened > 0 ? words.unopenedWhy : words.madeSay);
    this.#grid.classList.toggle("solo", this.#views.size === 1);
    this.#place();
    this.#tellHeights();
  }

  #turn(by: number): void {
    this.#page += by;
    this.#place();
    this.#tellHeights();
  }

  #tellHeights(): void {
    const heights = new Map<number, number>();
    for (const { element } of this.#views.values()) {
      const slot = element.dataset["slot"];
      if (slot) heights.set(Number(slot), Math.round(element.hidden ? 0 : element.clientHeight * devicePixelRatio));
    }
    this.onHeights(heights);
  }

  /** Sizes by hand: a change of seats is a cut, and no picture is ever mounted anew. */
  #place(): void {
    const { clientWidth: width, clientHeight: height } = this.#grid;
    const views = [...this.#views.values()];
    const size = Math.max(1, pageSize(width, height));
    const pages = Math.max(1, Math.ceil(views.length / size));
    this.#page = Math.min(Math.max(0, this.#page), pages - 1);
    const shown = views.slice(this.#page * size, (this.#page + 1) * size);
    const placed = JSON.stringify([width, height, pages, this.#page, [...this.#views.keys()]]);
    if (placed === this.#placed) return;
    this.#placed = placed;
    this.#pager.hidden = pages === 1;
    this.#before.disabled = this.#page === 0;
    this.#after.disabled = this.#page === pages - 1;
    setText(this.#at, words.page(this.#page + 1, pages));
    const boxes = place(shown.length, width, height);
    for (const view of views) {
      const box = boxes[shown.indexOf(view)];
      view.element.hidden = box === undefined;
      if (view.element.parentNode !== this.#grid) this.#grid.append(view.element);
      if (box === undefined) continue;
      view.element.style.transform = `translate(${box.x}px, ${box.y}px)`;
      view.element.style.width = `${box.w}px`;
      view.element.style.height = `${box.h}px`;
    }
  }
}
