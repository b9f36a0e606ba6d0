/** Who is here, by what their keys opened. */
import type { Person } from "../../sdk/index.ts";
import { Button } from "../parts/controls.tsx";
import { Icon } from "../parts/icon.tsx";
import { t } from "../words/index.ts";
import type { Trouble } from "../model/trouble.ts";
import { lateness } from "./lateness.ts";
import { type CallModel, nameOf } from "./model.ts";
import { troubleTitle } from "./trouble_words.ts";

export function PeoplePanel({ model }: { model: CallModel }) {
  const { people, speaking, unopened } = model.conference;
  return (
    <>
      <div class="body" role="group" aria-labelledby="panel-title" tabIndex={0}>
        {unopened > 0 && (
          <p class="warning">
            <b>{t("state.bad", { n: unopened })}</b> {t("stage.unopened")}
          </p>
        )}
        <h3>{t("people.in")}</h3>
        <ul class="roster">
          {people.map((person) => (
            <Row key={person.sender} person={person} troubles={model.troublesWith(person)} isSpeaking={speaking.has(person.sender)} isAway={person.away} />
          ))}
        </ul>
      </div>
      <div class="tail">
        <Button className="grow" icon="copy" onPress={() => void model.copyLink()}>
          {t("act.copy")}
        </Button>
        <Button className="grow" onPress={() => model.open("security")}>
          {t("sec.in")}
        </Button>
      </div>
    </>
  );
}

interface RowProps {
  person: Person;
  troubles: readonly Trouble[];
  isSpeaking: boolean;
  isAway: boolean;
}

function Row({ person, troubles, isSpeaking, isAway }: RowProps) {
  const name = nameOf(person);
  const notes = [
    person.isSelf && t("you"),
    person.recording && t("note.record", { name }),
    isAway && t("tile.again"),
    lateness(person) ?? false,
    !person.isSelf && !person.heard && t("people.unheard", { name }),
    ...troubles.map((trouble) => troubleTitle(trouble, name)),
  ].filter((note) => note !== false);
  const classes = ["pers", isSpeaking && "talk", !person.isSelf && !person.heard && "mute", troubles.length > 0 && "bad"].filter(Boolean);
  return (
    <li class={classes.join(" ")} data-sender={person.sender}>
      <div>
        <b>
          <span dir="auto">{name}</span>
        </b>
        {isSpeaking && <span class="vh">{t("tile.talk")}</span>}
        {notes.length > 0 && <small>{notes.join(". ")}</small>}
      </div>
      <span class="r">
        {person.microphone !== "on" && (
          <>
            <Icon name="mic-off" />
            <span class="vh">{t("tile.muted")}</span>
          </>
        )}
      </span>
    </li>
  );
}
