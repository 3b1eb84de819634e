// The interface languages of SYS-02 and how they fall back. Shared by the build and the tests.
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/* global PROJECT */
// The tests are bundled elsewhere and say where the project is.
export const MESSAGES = typeof PROJECT === 'string' ? join(PROJECT, 'schemas/messages/') : fileURLToPath(new URL('../../schemas/messages/', import.meta.url));

// Names in their own language, in the order of SYS-02.
export const LANGUAGES = {
  zh: '中文', de: 'Deutsch', en: 'English', es: 'Español', fr: 'Français', 'fr-BE': 'Français (Belgique)',
  el: 'Ελληνικά', it: 'Italiano', 'nl-BE': 'Nederlands (België)', nl: 'Nederlands', pl: 'Polski',
  pt: 'Português', ru: 'Русский',
};

export const catalogueFile = (tag) => join(MESSAGES, `${tag}.json`);
export const readCatalogue = (tag) => JSON.parse(readFileSync(catalogueFile(tag), 'utf8'));

// The languages people can choose: those with a catalogue of their own.
export const available = () => Object.keys(LANGUAGES).filter((tag) => existsSync(catalogueFile(tag)));

// The catalogue of a language, its gaps filled from its base language and then from English.
export function mergedCatalogue(tag) {
  const base = tag.split('-')[0];
  const chain = [...new Set(['en', base, tag])].filter((one) => existsSync(catalogueFile(one)));
  return chain.map(readCatalogue).reduce((below, above) => {
    // A sentence replaces the one below it with all its plural forms.
    const kept = Object.entries(below).filter(([key]) => !(key.includes('#') && key.split('#')[0] in above));
    return { ...Object.fromEntries(kept), ...above };
  }, {});
}

// As printers set it: an apostrophe is curved; in French no line begins with ; : ? ! % or a closing quotation mark.
export function typeset(tag, sentence) {
  const curved = sentence.replace(/(?<=\p{L})'(?=\p{L})/gu, '’');
  return tag.startsWith('fr') ? curved.replace(/ (?=[;:?!»%])/g, '\u00a0').replace(/« /g, '«\u00a0') : curved;
}

// What login, home and the frame of every page say: loaded at once. All else comes with the first page.
const FIRST = ['ui.app.', 'ui.link.', 'ui.banner.', 'ui.login.', 'ui.codes.', 'ui.home.', 'ui.page.', 'page.',
  'reason.login.', 'reason.codes.', 'reason.session.', 'reason.web.', 'reason.access.'];
export const saidFirst = (key) => FIRST.some((prefix) => key.startsWith(prefix));
