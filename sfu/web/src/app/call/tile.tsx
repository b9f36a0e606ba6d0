/**
 * One tile: hatched while nothing of the person has opened, else their picture or, with the camera off, their name. Name,
 * picture and ring go by the key's owner alone.
 */
import { Component } from "preact";
import type { Person, Tile as Slot } from "../../sdk/index.ts";
import { lateness } from "./lateness.ts";
import type { Box } from "../model/layout.ts";
import type { Trouble } from "../model/trouble.ts";
import { Button, Square } from "../parts/controls.tsx";
import { Icon } from "../parts/icon.tsx";
import { Menu, type MenuItem } from "../parts/menu.tsx";
import { Picture } from "../parts/picture.tsx";
import { reading } from "../parts/roam.ts";
import { t } from "../words/index.ts";
import { type CallModel, type Show, nameOf } from "./model.ts";
import { troubleText, troubleTitle } from "./trouble_words.ts";

export interface TileProps {
  model: CallModel;
  show: Show;
  box: Box;
  slot: Slot | undefined;
  /** What of the person cannot be opened. */
  troubles: readonly Trouble[];
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
}

/** Draws again only if something of it changed: one who begins to speak costs two tiles, not all. */
export class Tile extends Component<TileProps, { isShown: boolean }> {
  /** What the browser presents is theirs by now. */
  override state = { isShown: false };

  override shouldComponentUpdate(next: TileProps, { isShown }: { isShown: boolean }): boolean {
    if (isShown !== this.state.isShown) return true;
    const { show, box, troubles, ...before } = this.props;
    const { show: nextShow, box: nextBox, troubles: nextTroubles, ...after } = next;
    const isSame = (a: object, b: object): boolean => Object.entries(a).every(([name, value]) => b[name as keyof typeof b] === value);
    return !(isSame(before, after) && isSame(box, nextBox) && isSame(show.person, nextShow.person) && JSON.stringify(troubles) === JSON.stringify(nextTroubles));
  }

  override render({ model, show, box, slot, troubles, ownTrack, isLarge, isSpeaking, ...flags }: TileProps, { isShown }: { isShown: boolean }) {
    const { person, source } = show;
    const isOn = person[source] === "on";
    const track = person.isSelf ? ownTrack : isOn ? (slot?.track ?? null) : null;
    // Nothing has opened of somebody who was never heard, nor of a camera that is on and gives no picture.
    const sound = troubles.find(({ part }) => part === "sound") ?? null;
    const trouble = isOn ? (troubles.find(({ part }) => part !== "sound") ?? null) : sound;
    const isSealed = !person.isSelf && (!person.heard || (isOn ? track === null || !isShown : sound !== null));
    const isSoundTold = isSealed && trouble !== null && sound?.reason === trouble.reason;
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
        {isSealed && (isOn || trouble) && <Why model={model} person={person} trouble={trouble} others={troubles} />}
        <Tag person={person} source={source} isSealed={isSealed} hasNoSound={sound !== null && !isSoundTold} flags={flags} />
        {isSpeaking && source === "camera" && <span class="vh">{t("tile.talk")}</span>}
        {!person.isSelf && (
          <div class="acts">
            <Square icon="pin" label={flags.isPinned ? t("tile.unpin") : t("tile.pin")} onPress={() => model.pin(person.sender, !flags.isPinned)} />
            <Square icon="more" label={t("tile.options", { name: nameOf(person) })} onPress={() => model.openMenu(flags.isMenuOpen ? null : show.key)} />
          </div>
        )}
        {flags.isMenuOpen && (
          <Menu
            label={t("tile.options", { name: nameOf(person) })}
            items={itemsOf(model, show, flags, isSoundTold ? null : sound)}
            onClose={() => model.openMenu(null)}
            isUp={flags.isLow}
          />
        )}
      </article>
    );
  }
}

/** Set through CSSOM: the policy of the page allows no style attributes. Boxes count from where lines begin. */
export function position(element: HTMLElement, { x, y, w, h }: Box): void {
  element.style.transform = `translate(${reading() * x}px, ${y}px)`;
  element.style.width = `${w}px`;
  element.style.height = `${h}px`;
}

type Flags = Omit<TileProps, "model" | "show" | "box" | "slot" | "troubles" | "ownTrack" | "isLarge" | "isSpeaking">;

interface TagProps {
  person: Person;
  source: Show["source"];
  isSealed: boolean;
  /** Beside a picture that opens: sound has no tile of its own. */
  hasNoSound: boolean;
  flags: Flags;
}

function Tag({ person, source, isSealed, hasNoSound, flags }: TagProps) {
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
      {hasNoSound && (
        <em class="bad">
          <Icon name="alert" />
          {t("tile.nosound")}
        </em>
      )}
      {person.recording && (
        <em class="rec">
          <Icon name="record" />
          {t("tile.recording")}
        </em>
      )}
    </div>
  );
}

interface WhyProps {
  model: CallModel;
  person: Person;
  /** Null: nothing is wrong, only not there yet. */
  trouble: Trouble | null;
  others: readonly Trouble[];
}

/** What happened, then what to do. */
function Why({ model, person, trouble, others }: WhyProps) {
  const name = nameOf(person);
  return (
    <div class="why">
      {trouble && <b>{troubleTitle(trouble, name, others)}</b>}
      <p>{trouble ? troubleText(trouble, name) : t("tile.opening")}</p>
      {trouble && canAsk(trouble) && <Button onPress={() => model.askAgain(person)}>{t("bad.nokey.again")}</Button>}
      {trouble?.reason === "newer" && <Button onPress={() => location.reload()}>{t("bad.newer.act")}</Button>}
      {trouble?.reason === "wrong_sender" && <Button onPress={() => model.open("security")}>{t("bad.wrong.what")}</Button>}
    </div>
  );
}

/** For a key that has not come, once more. */
function canAsk({ reason, tries }: Trouble): boolean {
  return reason === "no_key" && tries === null;
}

/** `sound`: what is wrong with it, where only the tag says so. */
function itemsOf(model: CallModel, { key, person }: Show, flags: Flags, sound: Trouble | null): readonly MenuItem[] {
  const { sender } = person;
  const again: MenuItem = [t("bad.nokey.again"), () => model.askAgain(person)];
  return [
    [flags.isPinned ? t("tile.unpin") : t("tile.pin"), () => model.pin(sender, !flags.isPinned)],
    [flags.isWhole ? t("tile.crop") : t("tile.whole"), () => model.showWhole(key, !flags.isWhole)],
    [flags.isMutedForMe ? t("tile.unmute") : t("tile.mute"), () => model.muteForMe(sender, !flags.isMutedForMe)],
    ...(sound && canAsk(sound) ? [again] : []),
  ];
}

/** Who speaks is not in it: with each word a name would change, and be read out. It is there to be found. */
function label({ show: { person, source }, troubles, isMutedForMe, isAway }: TileProps, isOn: boolean): string {
  const name = person.isSelf ? t("you") : nameOf(person);
  const bad = troubles.map((trouble) => troubleTitle(trouble, name));
  if (source === "screen") return [t("tile.screen", { name }), ...bad].join(", ");
  const notes = [
    person.microphone !== "on" && t("tile.muted"),
    !isOn && t("tile.off"),
    !person.heard && !person.isSelf && t("tile.unheard"),
    isAway && t("tile.again"),
    isMutedForMe && t("tile.mutedForMe"),
    person.recording && t("tile.recording"),
  ];
  return [name, ...notes.filter((note) => note !== false), ...bad].join(", ");
}

export function initials(name: string): string {
  const parts = name.split(/[\s-]+/u).filter((part) => part !== "");
  return [parts[0], parts.length > 1 ? parts.at(-1) : undefined].map((part) => [...(part ?? "")][0] ?? "").join("").toUpperCase();
}
