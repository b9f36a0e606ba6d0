/** What the server can and cannot see, said on the first page and in the call alike. */
import { t } from "../words/index.ts";

export function Sees({ heading: Heading }: { heading: "h2" | "h3" }) {
  return (
    <>
      <Heading>{t("sec.blind")}</Heading>
      <p>{t("sec.blind.text")}</p>
      <Heading>{t("sec.sees")}</Heading>
      <p>{t("sec.sees.text")}</p>
      <Heading>{t("sec.nobody")}</Heading>
      <p>{t("sec.nobody.text")}</p>
    </>
  );
}
