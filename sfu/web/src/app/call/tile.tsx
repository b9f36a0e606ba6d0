/**
 * One tile: hatched while nothing of the person has opened, else their picture or, with the camera off, their name. Name,
 * picture and ring go by the key's owner alone.
 */
import { Component } from "preact";
import { type Person, type Tile as Slot, TRIES_MAX } from "../../sdk/index.ts";
import { lateness } from "./lateness.ts";
import type { Box } from "../model/layout.ts";
import { Button, Square } from "../parts/controls.tsx";
import { Icon } from "../parts/icon.tsx";
import { Menu, type MenuItem } from "../parts/menu.tsx";
import { Picture } from "../parts/picture.tsx";
import { t } from "../words/index.ts";
import { type CallModel, type Show, nameOf } from "./model.ts";

export interface TileProps {
  model: CallModel;
  show: Show;
  box: Box;
  slot: Slot | undefined;
  /** Why frames of theirs do not open, if so. */
  failure: Slot["failure"];
  /** One's own picture, where it sits with the others. */
  ownTrack: MediaStreamTrack | null;
  isLarge: boolean;
  isSpeaking: boolean;
  isPinned: boolean;
  isAway: boolean;
  isWhole: boolean;
  isMutedForMe: boolean;
  isMenuOpen: boolean;
  /** Names are cut to initials where tiles are small. */
  isShort: boolean;
  /** There is no room for a menu below. */
  isLow: boolean;
  tabIndex: 0 | -1;
}

/** Draws again only if something of it changed: one who begins to speak costs two tiles, not all. */
export class Tile extends Component<TileProps, { isShown: boolean }> {
  /** What the browser presents is theirs by now. */
  override state = { isShown: false };

  override shouldComponentUpdate(next: TileProps, { isShown }: { isShown: boolean }): boolean {
    if (isShown !== this.state.isShown) return true;
    const { show, box, ...before } = this.props;
    const { show: nextShow, box: nextBox, ...after } = next;
    const isSame = (a: object, b: object): boolean => Object.entries(a).every(([name, value]) => b[name as keyof typeof b] === value);
    return !(isSame(before, after) && isSame(box, nextBox) && isSame(show.person, nextShow.person));
  }

  override render({ model, show, box, slot, failure, ownTrack, isLarge, isSpeaking, ...flags }: TileProps, { isShown }: { isShown: boolean }) {
    const { person, source } = show;
    const isOn = person[source] === "on";
    const track = person.isSelf ? ownTrack : isOn ? (slot?.track ?? null) : null;
    // Nothing has opened of somebody who was never heard, nor of a camera that is on and gives no picture.
    const isSealed = !person.isSelf && (!person.heard || (isOn && (track === null || !isShown)));
    const classes = [
      "tile",
      isSealed && "sealed",
      isSpeaking && !isSealed && source === "camera" && "talk",
      isLarge && "large",
      source === "screen" && "screen",
      (flags.isWhole || isLarge) && "whole",
    ];
    return (
      <article
        class={classes.filter(Boolean).join(" ")}
        tabIndex={flags.tabIndex}
        aria-label={label(this.props, isOn)}
        data-sender={person.sender}
        data-show={source}
        data-slot={slot?.slot ?? ""}
        ref={(element) => {
          if (element) position(element, box);
        }}
        onDblClick={() => model.showWhole(show.key, !flags.isWhole)}
        onKeyDown={(event) => {
          if (event.key === "Enter" && event.target === event.currentTarget && !person.isSelf) model.pin(person.sender, !flags.isPinned);
        }}
      >
        {track && (
          <Picture
            track={track}
            isMirrored={person.isSelf && model.choices.mirrored}
            from={person.isSelf ? null : (slot?.from ?? null)}
            onShown={(shown) => this.setState({ isShown: shown })}
            onSize={(w, h) => model.onSize(show.key, w, h)}
          />
        )}
        {!track && !isSealed && (
          <div class="plate" aria-hidden="true">
            <b>{flags.isShort ? initials(nameOf(person)) : nameOf(person)}</b>
          </div>
        )}
        {isSealed && isOn && <Why person={person} source={source} failure={failure} onAgain={() => model.askAgain(show)} />}
        <Tag person={person} source={source} isSealed={isSealed} flags={flags} />
        {!person.isSelf && (
          <div class="acts">
            <Square icon="pin" label={flags.isPinned ? t("tile.unpin") : t("tile.pin")} onPress={() => model.pin(person.sender, !flags.isPinned)} />
            <Square icon="more" label={t("tile.options", { name: nameOf(person) })} onPress={() => model.openMenu(flags.isMenuOpen ? null : show.key)} />
          </div>
        )}
        {flags.isMenuOpen && (
          <Menu
            label={t("tile.options", { name: nameOf(person) })}
            items={itemsOf(model, show, flags)}
            onClose={() => model.openMenu(null)}
            isUp={flags.isLow}
          />
        )}
      </article>
    );
  }
}

/** Set through CSSOM: the policy of the page allows no style attributes. */
export function position(element: HTMLElement, { x, y, w, h }: Box): void {
  element.style.transform = `translate(${x}px, ${y}px)`;
  element.style.width = `${w}px`;
  element.style.height = `${h}px`;
}

type Flags = Omit<TileProps, "model" | "show" | "box" | "slot" | "failure" | "ownTrack" | "isLarge" | "isSpeaking">;

function Tag({ person, source, isSealed, flags }: { person: Person; source: Show["source"]; isSealed: boolean; flags: Flags }) {
  const name = nameOf(person);
  const notes = [
    person.heard || person.isSelf ? "" : t("tile.unheard"),
    flags.isAway ? t("tile.again") : "",
    lateness(person) ?? "",
  ].filter((note) => note !== "");
  return (
    <div class={isSealed ? "tag faint" : "tag"}>
      {flags.isPinned && <Icon name="pin" />}
      {source === "camera" && person.microphone !== "on" && <Icon name="mic-off" />}
      {flags.isMutedForMe && <Icon name="sound-off" />}
      <span dir="auto">{source === "screen" ? t("tile.screen", { name }) : person.isSelf ? t("you") : name}</span>
      {notes.map((note) => (
        <em key={note}>{note}</em>
      ))}
      {person.recording && (
        <em class="rec">
          <Icon name="record" />
          {t("tile.recording")}
        </em>
      )}
    </div>
  );
}

/** What happened, then what to do. */
function Why({ person, source, failure, onAgain }: { person: Person; source: Show["source"]; failure: Slot["failure"]; onAgain: () => void }) {
  const name = nameOf(person);
  if (failure === null || failure.reason === "no_key_frame") {
    return (
      <div class="why">
        <p>{t("tile.opening")}</p>
      </div>
    );
  }
  return (
    <div class="why">
      <b>{source === "screen" ? t("bad.screen", { name }) : t("bad.video", { name })}</b>
      <p>{whyText(failure, name)}</p>
      {failure.reason === "no_key" && failure.tries >= TRIES_MAX && <Button onPress={onAgain}>{t("bad.nokey.again")}</Button>}
    </div>
  );
}

function whyText({ reason, tries }: NonNullable<Slot["failure"]>, name: string): string {
  if (reason !== "no_key") return t("bad.changed");
  return tries < TRIES_MAX ? t("bad.nokey", { i: Math.max(1, tries) }) : t("bad.nokey.still", { name });
}

function itemsOf(model: CallModel, { key, person: { sender } }: Show, flags: Flags): readonly MenuItem[] {
  return [
    [flags.isPinned ? t("tile.unpin") : t("tile.pin"), () => model.pin(sender, !flags.isPinned)],
    [flags.isWhole ? t("tile.crop") : t("tile.whole"), () => model.showWhole(key, !flags.isWhole)],
    [flags.isMutedForMe ? t("tile.unmute") : t("tile.mute"), () => model.muteForMe(sender, !flags.isMutedForMe)],
  ];
}

function label({ show: { person, source }, isSpeaking, isMutedForMe, isAway }: TileProps, isOn: boolean): string {
  const name = person.isSelf ? t("you") : nameOf(person);
  if (source === "screen") return t("tile.screen", { name });
  const notes = [
    person.microphone !== "on" && t("tile.muted"),
    !isOn && t("tile.off"),
    !person.heard && !person.isSelf && t("tile.unheard"),
    isSpeaking && t("tile.talk"),
    isAway && t("tile.again"),
    isMutedForMe && t("tile.mutedForMe"),
    person.recording && t("tile.recording"),
  ];
  return [name, ...notes.filter((note) => note !== false)].join(", ");
}

export function initials(name: string): string {
  const parts = name.split(/[\s-]+/u).filter((part) => part !== "");
  return [parts[0], parts.length > 1 ? parts.at(-1) : undefined].map((part) => [...(part ?? "")][0] ?? "").join("").toUpperCase();
}
