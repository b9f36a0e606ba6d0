/** The words, in the language of the device or the one that was chosen. */
import { Later } from "../parts/later.ts";
import { en } from "./en.ts";

export type Key = keyof typeof en;
export type Text = string | ({ readonly other: string } & { readonly [Form in "zero" | "one" | "two" | "few" | "many"]?: string });
/** A language is complete or does not compile. */
export type Catalogue = Readonly<Record<Key, Text>>;

// The arguments that a text takes are read off its English form, so that none is forgotten.
type InText<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | InText<Rest> : never;
type Names<T> = T extends string ? InText<T> : T extends object ? "n" | InText<Extract<T[keyof T], string>> : never;
type Values<N extends string> = { readonly [Name in N]: Name extends "n" ? number : string | number };
export type Arguments<K extends Key> = [Names<(typeof en)[K]>] extends [never] ? [] : [Values<Names<(typeof en)[K]>>];

/** Languages by their own names. */
export const LANGUAGES = { en: "English", de: "Deutsch", es: "Español" } as const;
export type Language = keyof typeof LANGUAGES;

let catalogue: Catalogue = en;
let language: Language = "en";
let plural = new Intl.PluralRules("en");
let decimal = new Intl.NumberFormat("en");

// English is always there, for when another language does not come.
const german = new Later(() => import("./de.ts"));
const spanish = new Later(() => import("./es.ts"));
const LOAD: Record<Language, () => Promise<Catalogue>> = {
  en: async () => en,
  de: async () => (await german.ask()).de,
  es: async () => (await spanish.ask()).es,
};

/** The first of `wanted` (BCP 47 tags, most wanted first) that there is. */
export function languageFor(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const base = tag.toLowerCase().split("-")[0]!;
    if (base in LANGUAGES) return base as Language;
  }
  return "en";
}

/** Rejects where its words do not come: then the language stays as it was. */
export async function useLanguage(wanted: Language): Promise<void> {
  const loaded = await LOAD[wanted]();
  catalogue = loaded;
  language = wanted;
  plural = new Intl.PluralRules(wanted);
  decimal = new Intl.NumberFormat(wanted);
}

export function currentLanguage(): Language {
  return language;
}

export function t<K extends Key>(key: K, ...[values]: Arguments<K>): string {
  const text: Text = catalogue[key];
  const given = (values ?? {}) as Record<string, string | number>;
  return (typeof text === "string" ? text : formOf(text, Number(given["n"]))).replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = given[name] ?? "";
    return typeof value === "number" ? decimal.format(value) : value;
  });
}

/** For words that are chosen by a code, where there may be none. */
export function has(key: string): key is Key {
  return Object.hasOwn(en, key);
}

function formOf(text: Exclude<Text, string>, n: number): string {
  return (n === 0 ? text.zero : undefined) ?? text[plural.select(n)] ?? text.other;
}

/** "14 s", "5 min", "3 hr": of the largest unit that gives two or more. */
export function duration(seconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => seconds >= 2 * size) ?? UNITS.at(-1)!;
  return new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: unit === "second" ? "narrow" : "short" }).format(Math.floor(seconds / size));
}

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** Hours and minutes as this language writes them. */
export function clockTime(ms: number): string {
  return new Date(ms).toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit" });
}
