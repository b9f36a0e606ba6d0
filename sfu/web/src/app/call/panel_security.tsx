/** Who can open the call, what the server sees and what nobody can prevent. */
import { Segments } from "../parts/controls.tsx";
import { t } from "../words/index.ts";

export function SecurityPanel() {
  return (
    <div class="body sec">
      <p class="verdict">{t("sec.link")}</p>
      <section>
        <h3>{t("sec.blind")}</h3>
        <p>{t("sec.blind.text")}</p>
        <h3>{t("sec.sees")}</h3>
        <p>{t("sec.sees.text")}</p>
        <h3>{t("sec.nobody")}</h3>
        <p>{t("sec.nobody.text")}</p>
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
