// Sentences in the language of the visitor. Everything a person reads comes through here.
import { useEffect, useState } from 'preact/hooks';
import { CATALOGUES, LANGUAGES, type Catalogue, type MessageKey } from '../generated/messages';
import type { Reason } from '../generated/types';
import { fill, named, pluralKey, resolveLanguage, type Params } from './sentence';

export { LANGUAGES };
export type { MessageKey };

const CHOICE = 'edgewatt.language';
let current = 'en';
let catalogue: Catalogue = {};
let whole = false; // whether the texts of the pages are wanted too
const watchers = new Set<() => void>();
const available = LANGUAGES.map((one) => one.tag);

export const language = (): string => current;

export function t(key: MessageKey, params?: Params): string {
  return fill(catalogue[pluralKey(catalogue, key, params, current)] ?? key, params);
}

// For keys put together from data, as the name of a quantity: null when no catalogue has it.
export function lookUp(key: string): string | null {
  return catalogue[key] ?? null;
}

// A reason in the visitor's language; a sentence nobody has translated yet is shown as the gateway wrote it.
export function reasonText(reason: Reason): string {
  const sentence = catalogue[pluralKey(catalogue, `reason.${reason.code}`, reason.params, current)];
  return sentence === undefined ? reason.text : fill(sentence, named(catalogue, reason.params));
}

async function load(tag: string): Promise<void> {
  const loader = CATALOGUES[tag];
  if (!loader) return;
  const parts = await Promise.all(whole ? [loader.first(), loader.rest()] : [loader.first()]);
  catalogue = Object.assign({}, ...parts.map((part) => part.default)) as Catalogue;
  current = tag;
  document.documentElement.lang = tag;
  for (const watcher of [...watchers]) watcher();
}

// Login and home need few texts; what the pages say comes with the first of them.
export async function loadAllTexts(): Promise<void> {
  if (whole) return;
  const loader = CATALOGUES[current];
  const rest = loader ? (await loader.rest()).default : {};
  whole = true;
  catalogue = { ...catalogue, ...rest };
}

const readChoice = (): string | null => {
  try {
    return sessionStorage.getItem(CHOICE);
  } catch {
    return null; // Storage is switched off in this browser: the choice lasts until the page is reloaded.
  }
};

// The choice lasts for this session and leaves the default of the server alone (SYS-02).
export async function chooseLanguage(tag: string): Promise<void> {
  try {
    sessionStorage.setItem(CHOICE, tag);
  } catch { /* as above */ }
  await load(tag);
}

// `preferred`: the server's default where known, best first. A choice made before comes first of all.
export async function startLanguage(preferred: readonly string[]): Promise<void> {
  const choice = readChoice();
  const tag = resolveLanguage(choice === null ? preferred : [choice, ...preferred], available);
  if (tag !== current || Object.keys(catalogue).length === 0) await load(tag);
}

export function useLanguage(): string {
  const [tag, setTag] = useState(current);
  useEffect(() => {
    const watcher = (): void => setTag(current);
    watcher();
    watchers.add(watcher);
    return () => { watchers.delete(watcher); };
  }, []);
  return tag;
}
