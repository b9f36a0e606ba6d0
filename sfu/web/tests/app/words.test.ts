// Words: their arguments and plural forms, and languages that say the same.
import assert from "node:assert/strict";
import test from "node:test";
import { de } from "../../src/app/words/de.ts";
import { en } from "../../src/app/words/en.ts";
import { es } from "../../src/app/words/es.ts";
import { lateness } from "../../src/app/call/lateness.ts";
import { type Catalogue, type Text, duration, languageFor, t, useLanguage } from "../../src/app/words/index.ts";

test("arguments go in, numbers as the language writes them", async () => {
  assert.equal(t("note.join", { name: "Ana" }), "Ana joined by the link");
  assert.equal(t("lobby.inside", { n: 0 }), "The server says no one is inside yet.");
  assert.equal(t("line.people", { n: 1 }), "1 person");
  assert.equal(t("line.people", { n: 1234 }), "1,234 people");
  await useLanguage("de");
  assert.equal(t("line.people", { n: 1234 }), "1.234 Personen");
  await useLanguage("en");
});

test("the first language that is wanted and there", () => {
  assert.equal(languageFor(["fr-FR", "de-AT", "en"]), "de");
  assert.equal(languageFor(["es"]), "es");
  assert.equal(languageFor(["fr"]), "en");
  assert.equal(languageFor([]), "en");
});

const forms = (text: Text): string[] => (typeof text === "string" ? [text] : Object.values(text));
const names = (text: Text): Set<string> => new Set(forms(text).flatMap((form) => [...form.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)));

for (const [language, catalogue] of Object.entries({ de, es } as Record<string, Catalogue>)) {
  test(`${language} takes the same arguments and has its plural forms`, () => {
    const categories = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
    for (const [key, text] of Object.entries(catalogue) as [keyof typeof en, Text][]) {
      assert.deepEqual(names(text), names(en[key]), key);
      assert.ok(forms(text).every((form) => form.trim() !== ""), key);
      if (typeof en[key] === "string") continue;
      // "many" in Spanish is for millions: people in a call are less.
      for (const category of categories) if (category !== "many") assert.ok(typeof text !== "string" && category in text, `${key} ${category}`);
    }
  });

  test(`${language} is translated`, () => {
    const alike = Object.entries(catalogue).filter(([key, text]) => JSON.stringify(text) === JSON.stringify(en[key as keyof typeof en]));
    // Names and units are the same everywhere.
    assert.ok(alike.length < Object.keys(en).length / 10, alike.map(([key]) => key).join(" "));
  });
}

test("how far behind somebody is, in the unit that tells", () => {
  const told = (behindSeconds: number, clockSeconds = 0) => lateness({ behindSeconds, clockSeconds });
  assert.equal(told(0), null);
  assert.equal(told(14), "14s behind");
  assert.equal(told(86_400, 86_400), "24 hr behind, or a clock is wrong");
  assert.equal(told(0, -90), "a clock is wrong");
  assert.deepEqual([119, 120, 7_199, 7_200, 172_800].map(duration), ["119s", "2 min", "119 min", "2 hr", "2 days"]);
});
