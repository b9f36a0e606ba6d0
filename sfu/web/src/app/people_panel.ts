/** Who is here, by what their keys opened, and how many are not. */
import type { Person } from "../sdk/index.ts";
import { h, icon } from "./dom.ts";
import { nameOf } from "./stage.ts";
import { words } from "./words.ts";

export class PeoplePanel {
  readonly #list = h("ul", { class: "roster" });
  readonly #bad = h("p", { class: "warning", hidden: true });
  readonly element = h("div", { class: "body" }, this.#bad, this.#list);
  #shown = "";

  update(people: readonly Person[], speaking: ReadonlySet<string>, unopened: number): void {
    const state = JSON.stringify([people, [...speaking], unopened]);
    if (state === this.#shown) return;
    this.#shown = state;
    this.#bad.hidden = unopened === 0;
    this.#bad.replaceChildren(h("b", { text: words.unopened(unopened) }), h("span", { text: ` ${words.unopenedWhy}` }));
    this.#list.replaceChildren(...people.map((person) => row(person, speaking.has(person.sender))));
  }
}

function row(person: Person, isSpeaking: boolean): HTMLElement {
  const name = nameOf(person);
  const notes = [
    person.isSelf ? words.you : "",
    person.recording ? words.recording(name) : "",
    person.behindSeconds > 0 ? words.behind(person.behindSeconds) : "",
    person.heard ? "" : words.notHeardWhy(name),
  ].filter((note) => note !== "");
  const classes = ["pers", isSpeaking ? "talk" : "", person.heard ? "" : "unheard"].filter((name) => name !== "");
  const isMuted = person.microphone !== "on";
  return h(
    "li",
    { class: classes.join(" "), "data-sender": person.sender },
    h("div", {}, h("b", {}, h("span", { text: name, dir: "auto" })), notes.length ? h("small", { text: notes.join(". ") }) : null),
    h("span", { class: "r" }, isMuted ? icon("mic-off") : null, isMuted ? h("span", { class: "vh", text: words.muted }) : null),
  );
}
