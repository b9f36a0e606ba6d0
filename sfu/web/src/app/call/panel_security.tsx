/** Who can open the call, what the server sees and what nobody can prevent. */
import { Segments } from "../parts/controls.tsx";
import { Sees } from "../parts/sees.tsx";
import { t } from "../words/index.ts";
import type { CallModel } from "./model.ts";

export function SecurityPanel({ model: { wrongLabel } }: { model: CallModel }) {
  return (
    <div class="body sec">
      {wrongLabel && (
        <section class="lie">
          <h3>{t("sec.wrong")}</h3>
          <p>{t("sec.wrong.text", { name: wrongLabel.said, who: wrongLabel.who })}</p>
        </section>
      )}
      <p class="verdict">{t("sec.link")}</p>
      <section>
        <Sees heading="h3" />
      </section>
      <section>
        <h3>{t("sec.in")}</h3>
        <Segments
          label={t("sec.in")}
          value="link"
          onChange={() => {}}
          options={[
            { value: "link", label: t("sec.in.link") },
            { value: "ask", label: t("sec.in.ask"), disabled: true },
            { value: "closed", label: t("sec.in.closed"), disabled: true },
          ]}
        />
        <p class="quiet">{t("sec.in.later")}</p>
      </section>
    </div>
  );
}
