/** What is written. Plain text; http and https links alone can be pressed, and nothing is fetched for them. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { clockTime, t } from "../words/index.ts";
import { type Entry, TEXT_MAX } from "./chat_model.ts";
import type { CallModel } from "./model.ts";

const LINK = /\bhttps?:\/\/[^\s<>"]+[^\s<>".,;:!?)\]]/gu;
// They would make a line read as another one.
const DIRECTION = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/gu;
const NEAR_END = 40; // pixels from the end within which one reads along

export function ChatPanel({ model }: { model: CallModel }) {
  const { chat } = model;
  const body = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    chat.seen();
    const element = body.current!;
    if (isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [chat.entries]);
  const onScroll = (): void => {
    const { scrollHeight, scrollTop, clientHeight } = body.current!;
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < NEAR_END;
  };
  return (
    <>
      <div ref={body} class="body log" role="log" aria-label={t("chat.log")} tabIndex={0} onScroll={onScroll}>
        <p class="since">{t("chat.since")}</p>
        {chat.entries.map((entry) => (
          <Line key={entry.key} entry={entry} onAgain={() => void chat.again(entry.key)} />
        ))}
      </div>
      <Compose onSend={(text) => void ((isAtEnd.current = true), chat.send(text))} />
    </>
  );
}

function Line({ entry, onAgain }: { entry: Entry; onAgain: () => void }) {
  const { sender, name, at, text, missing, state, sentTo, why } = entry;
  return (
    <>
      {missing > 0 && <p class="since">{t("chat.missing", { n: missing, name })}</p>}
      <div class={sender === null ? "msg mine" : "msg"}>
        <b dir="auto">{name}</b>
        <time dateTime={new Date(at).toISOString()}>{clockTime(at)}</time>
        <p dir="auto">{withLinks(text)}</p>
        {sender === null && (
          <span class={state === "failed" ? "sent bad" : "sent"}>
            {state === "sending" && t("chat.sending")}
            {state === "there" && t("chat.sent", { n: sentTo })}
            {state === "failed" && (
              <>
                {[t("chat.notSent"), why].filter(Boolean).join(". ")}{" "}
                <button type="button" class="btn small" onClick={onAgain}>
                  {t("act.again")}
                </button>
              </>
            )}
          </span>
        )}
      </div>
    </>
  );
}

function Compose({ onSend }: { onSend: (text: string) => void }) {
  const field = useRef<HTMLTextAreaElement>(null);
  const [isLong, setLong] = useState(false);
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = field.current!.value.trim();
    const tooLong = [...text].length > TEXT_MAX;
    setLong(tooLong);
    if (text === "" || tooLong) return field.current!.focus();
    field.current!.value = "";
    onSend(text);
  };
  return (
    <>
      {isLong && (
        <p id="too-long" class="err">
          {t("chat.long")}
        </p>
      )}
      <form class="tail" onSubmit={submit}>
        <textarea
          ref={field}
          class="field grow"
          rows={1}
          placeholder={t("chat.box")}
          aria-label={t("chat.box")}
          dir="auto"
          aria-invalid={isLong}
          aria-describedby={isLong ? "too-long" : undefined}
          onKeyDown={(event) => event.key === "Enter" && !event.shiftKey && !event.isComposing && submit(event)}
        />
        <button type="submit" class="btn main">
          {t("chat.send")}
        </button>
      </form>
    </>
  );
}

function withLinks(text: string): ComponentChildren[] {
  const seen = text.replace(DIRECTION, (mark) => `[U+${mark.codePointAt(0)!.toString(16).toUpperCase()}]`);
  const parts: ComponentChildren[] = [];
  let end = 0;
  for (const { 0: link, index } of seen.matchAll(LINK)) {
    parts.push(
      seen.slice(end, index),
      <a href={link} target="_blank" rel="noopener noreferrer">
        {link}
      </a>,
    );
    end = index + link.length;
  }
  return [...parts, seen.slice(end)];
}
