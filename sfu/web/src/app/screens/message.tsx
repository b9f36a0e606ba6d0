/** A page with one message: what happened, then what to do. */
import type { ComponentChildren } from "preact";
import { Page, Title } from "../parts/page.tsx";
import { t } from "../words/index.ts";

interface MessageProps {
  title: string;
  say: string;
  /** A stable code, for whoever is asked for help. */
  code?: string;
  children?: ComponentChildren;
}

/** Read out by taking the focus, once: it may count seconds, of which not each is news. */
export function Message({ title, say, code, children }: MessageProps) {
  return (
    <Page>
      <main class="message">
        <div>
          <Title key={title} describedBy="say">
            {title}
          </Title>
          <p id="say" class="say">
            {say}
          </p>
        </div>
        <div class="act">{children}</div>
        {code && <p class="code">{t("code", { code })}</p>}
      </main>
    </Page>
  );
}
