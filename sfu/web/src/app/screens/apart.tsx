/** A link that came without its key, or the two of them to be put together. Checked on this device. */
import { useRef, useState } from "preact/hooks";
import { fragmentOf } from "../../sdk/outside.ts";
import { Page, Title } from "../parts/page.tsx";
import { wholeLink } from "../store.ts";
import { t } from "../words/index.ts";

interface ApartProps {
  /** Of the link without key, where it is known already. */
  fragment: string | null;
  /** Puts them together; false where they don't fit. */
  onOpen: (fragment: string, key: string) => Promise<boolean>;
  onStart: () => void;
}

export function Apart({ fragment, onOpen, onStart }: ApartProps) {
  const link = useRef<HTMLInputElement>(null);
  const key = useRef<HTMLInputElement>(null);
  const [isWrong, setWrong] = useState(false);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    const known = fragment ?? fragmentOf(link.current!.value);
    const given = key.current!.value.trim();
    if (known === "") return link.current?.focus();
    if (given === "") return key.current?.focus();
    setWrong(!(await onOpen(known, given)));
  };
  return (
    <Page>
      <main class="made narrow">
        <Title>{t("apart.title")}</Title>
        <p class="say">{t("apart.say")}</p>
        {fragment !== null && (
          <div class="specimen wide" dir="ltr">
            <span class="u">{wholeLink("").slice(0, -1)}#…</span>
            <span class="gap">{t("apart.gap")}</span>
          </div>
        )}
        <form class="opener" onSubmit={(event) => void submit(event)}>
          {fragment === null && (
            <>
              <label for="link">{t("apart.link")}</label>
              <input ref={link} id="link" class="field" placeholder={t("land.paste")} autocomplete="off" spellcheck={false} dir="ltr" />
            </>
          )}
          <label for="key">{t("apart.label")}</label>
          <div class="row">
            <input
              ref={key}
              id="key"
              class="field"
              autocomplete="off"
              spellcheck={false}
              dir="ltr"
              aria-invalid={isWrong}
              aria-describedby={isWrong ? "key-wrong" : undefined}
            />
            <button class="btn main big" type="submit">
              {t("act.open")}
            </button>
          </div>
          {isWrong && (
            <p id="key-wrong" class="err" role="alert">
              <b>{t("end.key_wrong")}</b> {t("end.key_wrong.say")}
            </p>
          )}
        </form>
        <div class="act">
          <button type="button" class="btn" onClick={onStart}>
            {t("act.start")}
          </button>
        </div>
      </main>
    </Page>
  );
}
