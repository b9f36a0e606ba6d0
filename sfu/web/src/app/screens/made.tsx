/** A new room: its link, and the ways to hand it over. */
import { useEffect, useState } from "preact/hooks";
import { splitLink } from "../../sdk/outside.ts";
import { Button } from "../parts/controls.tsx";
import { Page, Specimen, Title, copy } from "../parts/page.tsx";
import { Code } from "../parts/qr.tsx";
import { wholeLink } from "../store.ts";
import { t } from "../words/index.ts";

type Apart = Awaited<ReturnType<typeof splitLink>>;

export function Made({ fragment, onGo }: { fragment: string; onGo: () => void }) {
  const [said, setSaid] = useState("");
  const [apart, setApart] = useState<Apart | null>(null);
  const tell = async (text: string, words: string): Promise<void> => setSaid((await copy(text)) ? words : t("copied.not"));
  useEffect(() => setSaid(""), [fragment]);
  return (
    <Page>
      <main class="made two">
        <div class="col">
          <Title>{t("made.title")}</Title>
          <p class="say">{t("made.say")}</p>
          <Specimen fragment={fragment} className="specimen wide" />
          <div class="act">
            <Button className="main big" onPress={onGo}>
              {t("made.go")}
            </Button>
            <Button className="big" icon="copy" onPress={() => void tell(wholeLink(fragment), t("copied"))}>
              {t("act.copy")}
            </Button>
          </div>
          <p class="quiet" role="status">
            {said}
          </p>
          <section class="ways">
            <h2>{t("made.ways")}</h2>
            <Way title={t("made.split")} text={t("made.split.text")}>
              <Button onPress={() => void splitLink(fragment).then(setApart)} disabled={apart !== null}>
                {t("made.split.act")}
              </Button>
            </Way>
            {apart && <Parts apart={apart} onCopy={tell} />}
            <Way title={t("made.words")} text={t("made.words.text")}>
              <span class="quiet">{t("made.later")}</span>
            </Way>
            <Way title={t("made.ask")} text={t("made.ask.text")}>
              <span class="quiet">{t("made.later")}</span>
            </Way>
          </section>
        </div>
        <figure class="scan">
          <Code text={wholeLink(fragment)} label={t("made.scan.label")} />
          <figcaption class="quiet">{t("made.scan")}</figcaption>
        </figure>
      </main>
    </Page>
  );
}

function Way({ title, text, children }: { title: string; text: string; children: preact.ComponentChildren }) {
  return (
    <div class="way">
      <div>
        <b>{title}</b>
        <p>{text}</p>
      </div>
      {children}
    </div>
  );
}

/** Two things to send by two ways. The key is marigold; the link alone is not. */
function Parts({ apart, onCopy }: { apart: Apart; onCopy: (text: string, words: string) => Promise<void> }) {
  const link = wholeLink(apart.link);
  return (
    <div class="parts">
      <div class="specimen wide" dir="ltr">
        <span class="u">{link}</span>
      </div>
      <Button icon="copy" onPress={() => void onCopy(link, t("copied.apart"))}>
        {t("made.split.link")}
      </Button>
      <div class="specimen wide" dir="ltr">
        <span class="k">{apart.key}</span>
      </div>
      <Button icon="copy" onPress={() => void onCopy(apart.key, t("copied.key"))}>
        {t("act.copyKey")}
      </Button>
    </div>
  );
}
