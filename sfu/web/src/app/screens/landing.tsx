/** The first page: make a room, or open a link that was given. */
import { useState } from "preact/hooks";
import { Button } from "../parts/controls.tsx";
import { LinkForm, Page, Specimen } from "../parts/page.tsx";
import { Sees } from "../parts/sees.tsx";
import { t } from "../words/index.ts";

/** It opens nothing: shown to explain what a link is made of. */
const EXAMPLE = "AAEAk3vT9xWm0cJ7uQf2LhR8sYdB1nEo6ZpA4tKiVgMw5bX2rN7yHq0LdPz8UeCfJ3aStGw1D";

interface LandingProps {
  onMake: () => Promise<void>;
  onLink: (text: string) => void;
  onApart: () => void;
}

export function Landing({ onMake, onLink, onApart }: LandingProps) {
  const [isMaking, setMaking] = useState(false);
  const make = (): void => {
    setMaking(true);
    void onMake().finally(() => setMaking(false));
  };
  return (
    <Page foot={<Foot />}>
      <main class="landing">
        <section class="lead">
          <h1>{t("land.title")}</h1>
          <p class="say">{t("land.say")}</p>
          <div class="act">
            <Button className="main big" disabled={isMaking} onPress={make}>
              {t("land.make")}
            </Button>
          </div>
          <div>
            <LinkForm label={t("land.open")} onLink={onLink} />
            <button type="button" class="aside" onClick={onApart}>
              {t("land.apart")}
            </button>
          </div>
        </section>
        <figure class="anatomy" aria-label={t("land.anatomy")}>
          <Specimen fragment={EXAMPLE} />
          <dl>
            <div>
              <dt>{t("land.before")}</dt>
              <dd>{t("land.before.text")}</dd>
            </div>
            <div>
              <dt>
                <mark>{t("land.after")}</mark>
              </dt>
              <dd>{t("land.after.text")}</dd>
            </div>
          </dl>
        </figure>
      </main>
    </Page>
  );
}

/** What the server can see is said on the first page, not only in the call. */
function Foot() {
  return (
    <footer class="foot">
      <span>{t("land.foot")}</span>
      <details class="sees">
        <summary>{t("land.sees")}</summary>
        <div>
          <Sees heading="h2" />
        </div>
      </details>
    </footer>
  );
}
