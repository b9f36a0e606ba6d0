/** Where there is no call, by the error's code: each has its words and what can be done (UI.md's table of states). */
import { useEffect, useState } from "preact/hooks";
import { FRAGMENT_LENGTH } from "../../sdk/outside.ts";
import { Button } from "../parts/controls.tsx";
import { LinkForm, copy } from "../parts/page.tsx";
import { wholeLink } from "../store.ts";
import { has, t } from "../words/index.ts";
import { Message } from "./message.tsx";

/** Another link is needed, the same may do later, or this browser is the matter. */
type Way = "paste" | "again" | "copy" | "none";

export function wayFrom(code: string): Way {
  return WAYS[code] ?? "again";
}

const WAYS: Readonly<Record<string, Way>> = {
  link_cut: "paste",
  link_version: "paste",
  link_suite: "paste",
  link_flags: "paste",
  no_transform: "copy",
  no_codec: "copy",
  unauthorised: "none",
  forbidden: "none",
};

interface EndedProps {
  code: string;
  host: string;
  fragment: string | null;
  onLink: (text: string) => void;
  onAgain: () => void;
  onStart: () => void;
}

export function Ended({ code, host, fragment, onLink, onAgain, onStart }: EndedProps) {
  const [said, setSaid] = useState("");
  const key = has(`end.${code}`) ? code : "internal";
  const way = wayFrom(code);
  const link = wholeLink(fragment ?? "");
  return (
    <Message title={titleOf(key, host)} say={sayOf(key, host, fragment)} code={code}>
      {way === "paste" && <LinkForm label={t("end.link_cut.paste")} isMain onLink={onLink} />}
      {way === "again" && fragment !== null && (
        <Button className="main big" onPress={onAgain}>
          {t("act.again")}
        </Button>
      )}
      {way === "copy" && fragment !== null && (
        <Button className="main big" icon="copy" onPress={() => void copy(link).then((done) => setSaid(done ? t("copied") : t("copied.not")))}>
          {t("end.no_transform.copy")}
        </Button>
      )}
      <Button className="big" onPress={onStart}>
        {t("act.start")}
      </Button>
      <p class="quiet" role="status">
        {said}
      </p>
      {said === t("copied.not") && <output class="specimen">{link}</output>}
    </Message>
  );
}

// Every text takes the host, whether it names it or not.
function titleOf(key: string, host: string): string {
  return t(`end.${key}` as "end.unreachable", { host });
}

function sayOf(key: string, host: string, fragment: string | null): string {
  if (key === "unreachable") return t("end.unreachable.lost");
  if (key !== "link_cut") return t(`end.${key}.say` as "end.too_many_rooms.say", { host });
  const length = (fragment ?? "").split("@")[0]!.length;
  return length < FRAGMENT_LENGTH ? t("end.link_cut.say", { a: length, b: FRAGMENT_LENGTH }) : t("end.link_cut.mistyped");
}

const GO_BACK_S = 10;

/** Left by choice: back in with one press, for as long as a slip may take to be noticed. */
export function Left({ onBack, onStart }: { onBack: () => void; onStart: () => void }) {
  const [seconds, setSeconds] = useState(GO_BACK_S);
  useEffect(() => {
    const timer = setInterval(() => setSeconds((left) => left - 1), 1000);
    return () => clearInterval(timer);
  }, []);
  return (
    <Message title={t("end.left")} say={t("end.left.say")}>
      {seconds > 0 && (
        <Button className="main big" onPress={onBack}>
          {t("end.left.back", { s: seconds })}
        </Button>
      )}
      <Button className="big" onPress={onStart}>
        {t("act.start")}
      </Button>
    </Message>
  );
}

/** While there is no connection yet. */
export function Joining({ host, retryMs, onNow, onStop }: { host: string; retryMs: number | null; onNow: () => void; onStop: () => void }) {
  if (retryMs === null) {
    return (
      <Message title={t("joining.title")} say={t("joining.say")}>
        <Button className="big" onPress={onStop}>
          {t("joining.stop")}
        </Button>
      </Message>
    );
  }
  return <Unreachable host={host} retryMs={retryMs} onNow={onNow} onStop={onStop} />;
}

function Unreachable({ host, retryMs, onNow, onStop }: { host: string; retryMs: number; onNow: () => void; onStop: () => void }) {
  const whole = Math.max(1, Math.ceil(retryMs / 1000));
  const [seconds, setSeconds] = useState(whole);
  useEffect(() => {
    setSeconds(whole);
    const timer = setInterval(() => setSeconds((left) => Math.max(1, left - 1)), 1000);
    return () => clearInterval(timer);
  }, [retryMs]);
  return (
    <Message title={t("end.unreachable", { host })} say={t("end.unreachable.say", { n: seconds })} code="unreachable">
      <Button className="main big" onPress={onNow}>
        {t("end.unreachable.now")}
      </Button>
      <Button className="big" onPress={onStop}>
        {t("joining.stop")}
      </Button>
    </Message>
  );
}
