/** A page with one message: what happened, then what to do. */
import type { ComponentChildren } from "preact";
import { Page, Title } from "../parts/page.tsx";
import { t } from "../words/index.ts";

interface MessageProps {
  title: string;
  say: string;
  /** A stable code, for whoever is asked for help. */
  code?: string;
  isAlert?: boolean;
  children?: ComponentChildren;
}

export function Message({ title, say, code, isAlert = false, children }: MessageProps) {
  return (
    <Page>
      <main class="message">
        <div role={isAlert ? "alert" : "status"}>
          <Title key={title}>{title}</Title>
          <p class="say">{say}</p>
        </div>
        <div class="act">{children}</div>
        {code && <p class="code">{t("code", { code })}</p>}
      </main>
    </Page>
  );
}
