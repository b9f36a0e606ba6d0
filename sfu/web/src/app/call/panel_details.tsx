/** How the call is doing, in words first and then in numbers. */
import type { Limit } from "../../sdk/index.ts";
import { type Key, t } from "../words/index.ts";
import { type CallModel } from "./model.ts";

export function DetailsPanel({ model }: { model: CallModel }) {
  const { quality } = model;
  if (quality === null) {
    return (
      <div class="body details" role="group" aria-labelledby="panel-title" tabIndex={0}>
        <p class="verdict">
          {model.isAway ? t("details.away") : ""}
        </p>
      </div>
    );
  }
  return (
    <div class="body details" role="group" aria-labelledby="panel-title" tabIndex={0}>
      <p class="verdict">
        {model.isAway ? t("details.away") : quality.limit && t(VERDICTS[quality.limit] as "details.well")}
      </p>
      <dl class="facts">
        <Fact label={t("details.trip")} value={unit(quality.roundTripMs, "unit.ms")} />
        <Fact label={t("details.loss.up")} value={unit(quality.lossUp, "unit.percent")} />
        <Fact label={t("details.loss.down")} value={unit(quality.lossDown, "unit.percent")} />
        <Fact label={t("details.rate.up")} value={rate(quality.kbpsUp)} />
        <Fact label={t("details.rate.down")} value={rate(quality.kbpsDown)} />
        <Fact label={t("details.way")} value={quality.transport === null ? t("details.untold") : t(quality.transport === "udp" ? "details.udp" : "details.tcp")} />
      </dl>
      <h3>{t("details.sent")}</h3>
      <ul>
        {quality.sent.map((layer) => (
          <li key={`${layer.source} ${layer.rid}`}>{layerText(layer)}</li>
        ))}
      </ul>
      <h3>{t("details.received")}</h3>
      <ul>
        {quality.received.map((picture) => (
          <li key={`${picture.sender} ${picture.source}`}>
            <b dir="auto">{model.nameOf(picture.sender)}</b> {layerText(picture)}
          </li>
        ))}
      </ul>
    </div>
  );
}

const VERDICTS: Readonly<Record<Limit, Key>> = {
  none: "details.well",
  upload: "details.up",
  download: "details.down",
  cpu: "details.cpu",
  delay: "details.far",
  tcp: "details.limitTcp",
};

function Fact({ label, value }: { label: string; value: string }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd class="num">{value}</dd>
    </div>
  );
}

function unit(value: number | null, key: "unit.ms" | "unit.percent"): string {
  return value === null ? t("details.untold") : t(key, { n: key === "unit.ms" ? Math.round(value) : Math.round(value * 10) / 10 });
}

function rate(kbps: number | null): string {
  if (kbps === null) return t("details.untold");
  return kbps < 1000 ? t("unit.kbps", { n: Math.round(kbps) }) : t("unit.mbps", { n: Math.round(kbps / 100) / 10 });
}

function layerText({ width, height, fps, kbps }: { width: number | null; height: number | null; fps: number | null; kbps: number | null }): string {
  if (!fps || !width || !height) return t("details.idle");
  return t("details.layer", { w: String(width), h: String(height), fps: Math.round(fps), rate: rate(kbps) });
}
