/** Everything that is not needed often. */
import { useState } from "preact/hooks";
import { DeviceForm } from "../devices/form.tsx";
import { applyLook } from "../look.ts";
import { Button, Segments, Select, Switch } from "../parts/controls.tsx";
import { type Preferences, forgetMe } from "../store.ts";
import { LANGUAGES, type Language, currentLanguage, t, useLanguage } from "../words/index.ts";
import type { CallModel } from "./model.ts";

export function MorePanel({ model }: { model: CallModel }) {
  const { choices } = model;
  const [isLost, setLost] = useState(false); // the language that was chosen did not come
  const words = { on: t("on"), off: t("off") };
  const look = (value: Preferences["look"]): void => {
    model.choose({ look: value });
    applyLook();
  };
  const speak = async (language: Language): Promise<void> => {
    setLost(false);
    await useLanguage(language).catch(() => {
      setLost(true);
      model.say("language", t("later.lost")); // read out; here it stays
    });
    document.documentElement.lang = currentLanguage();
    model.choose({ language: currentLanguage() });
  };
  return (
    <div class="body menu">
      <section>
        <h3>{t("more.view")}</h3>
        <Segments
          label={t("more.view")}
          value={choices.view}
          onChange={(view) => model.choose({ view })}
          options={[
            { value: "everyone", label: t("more.everyone") },
            { value: "large", label: t("more.large") },
          ]}
        />
        <Switch id="keep-seats" label={t("more.keep")} isOn={choices.keepSeats} words={words} onChange={(keepSeats) => model.choose({ keepSeats })} />
        <Switch id="show-self" label={t("more.self")} isOn={choices.self !== "hidden"} words={words} onChange={(isOn) => model.choose({ self: isOn ? "bar" : "hidden" })} />
      </section>
      <section>
        <h3>{t("more.devices")}</h3>
        <DeviceForm devices={model.devices} id="call" />
      </section>
      <section>
        <h3>{t("more.page")}</h3>
        <Switch id="single-keys" label={t("more.keys")} isOn={choices.singleKeys} words={words} onChange={(singleKeys) => model.choose({ singleKeys })} />
        <Select
          id="look"
          label={t("more.look")}
          value={choices.look}
          onChange={look}
          options={[
            { value: "device", label: t("more.look.device") },
            { value: "light", label: t("more.look.light") },
            { value: "dark", label: t("more.look.dark") },
          ]}
        />
        <Select
          id="language"
          label={t("more.language")}
          value={currentLanguage()}
          onChange={(language) => void speak(language)}
          options={Object.entries(LANGUAGES).map(([value, label]) => ({ value: value as Language, label }))}
        />
        {isLost && <p class="quiet">{t("later.lost")}</p>}
      </section>
      <section class="act">
        <Button onPress={() => model.open("people")}>{t("bar.people")}</Button>
        <Button onPress={() => model.open("details")}>{t("more.details")}</Button>
        <Button onPress={() => model.open("shortcuts")}>{t("more.shortcuts")}</Button>
        <Button
          onPress={() => {
            forgetMe();
            model.say("forgot", t("more.forgot"));
          }}
        >
          {t("more.forget")}
        </Button>
      </section>
    </div>
  );
}
