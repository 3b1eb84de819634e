// The catalogues: complete, with the same holes, and every key that source uses is there.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { available, saidFirst } from '../scripts/languages.mjs';
import { readQuantity } from '../src/format/quantity';
import { fill, named, resolveLanguage } from '../src/i18n/sentence';

const MESSAGES = join(PROJECT, 'schemas/messages');
const SYS_02 = ['zh', 'de', 'en', 'es', 'fr', 'fr-BE', 'el', 'it', 'nl-BE', 'nl', 'pl', 'pt', 'ru'];
const LISTS = ['glossary', 'same_as_english']; // no catalogues
const tags = readdirSync(MESSAGES).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -5)).filter((name) => !LISTS.includes(name));
const texts = Object.fromEntries(tags.map((tag) => [tag, readFileSync(join(MESSAGES, `${tag}.json`), 'utf8')]));
const catalogues = Object.fromEntries(tags.map((tag) => [tag, JSON.parse(texts[tag])]));
const english = catalogues.en;
const plain = (catalogue) => Object.keys(catalogue).filter((key) => !key.includes('#')); // without the plural forms
const holes = (sentence) => [...sentence.matchAll(/\{([a-z0-9_]+)\}/g)].map((match) => match[1]).sort();

test('an exception of Modbus is named in the language of the reader', () => {
  const said = (tag, params) => fill(catalogues[tag]['reason.bus.exception'], named(catalogues[tag], { unit: '1', address: '4096', ...params }));
  assert.match(said('de', { exception: '2', name: 'illegal data address' }), /Ausnahme 2, unzulässige Datenadresse/);
  assert.match(said('de', { exception: '99', name: 'unknown exception' }), /unknown exception/);
  assert.equal(named({}, undefined), undefined);
});

test('the languages of SYS-02 are there, and no other', () => {
  assert.deepEqual([...tags].sort(), [...SYS_02].sort());
  assert.deepEqual(available().sort(), [...tags].sort());
});

for (const tag of tags) {
  const catalogue = catalogues[tag];
  const variant = tag.includes('-');
  test(`${tag}: no key missing, none too many, none twice`, () => {
    const needed = variant ? [] : plain(english);
    const missing = needed.filter((key) => !(key in catalogue));
    const extra = Object.keys(catalogue).filter((key) => !(key.split('#')[0] in english));
    assert.deepEqual({ missing, extra }, { missing: [], extra: [] });
    assert.equal([...texts[tag].matchAll(/^\s*"([^"]+)":/gm)].length, Object.keys(catalogue).length);
  });
  test(`${tag}: sentences are sentences with the holes of the English ones`, () => {
    for (const [key, sentence] of Object.entries(catalogue)) {
      assert.equal(typeof sentence, 'string', key);
      assert.ok(sentence.trim() === sentence && sentence !== '', key);
      assert.deepEqual(holes(sentence), holes(english[key.split('#')[0]]), key);
      assert.match(key, /^[a-z0-9_]+(\.[A-Za-z0-9_]+)+(#(one|two|few|many))?$/);
    }
  });
}

function sources(folder, ends) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'generated' ? [] : sources(path, ends);
    return ends.some((end) => entry.name.endsWith(end)) ? [path] : [];
  });
}

// What source says about keys: those written out, and the beginnings of those put together (`ui.age.${…}`).
function usedKeys() {
  const keyLike = /['"`]((?:ui|reason|quantity|state|page)\.[A-Za-z0-9_.]*?)(?:['"`]|\$\{)/g;
  const whole = new Map();
  const begun = new Map();
  for (const file of sources(join(PROJECT, 'web-spa/src'), ['.ts', '.tsx'])) {
    for (const match of readFileSync(file, 'utf8').matchAll(keyLike)) {
      (match[0].endsWith('{') ? begun : whole).set(match[1], file);
    }
  }
  return { whole, begun };
}

test('every key the web app uses is in the catalogues', () => {
  const { whole, begun } = usedKeys();
  const unknown = [...whole].filter(([key]) => !(key in english));
  const nowhere = [...begun].filter(([start]) => !Object.keys(english).some((key) => key.startsWith(start)));
  assert.deepEqual([...unknown, ...nowhere], []);
  assert.ok(whole.size > 50 && begun.size > 5, 'the sources were read');
});

// Login, home and the frame of each page run before the texts of the pages are loaded.
const AT_ONCE = ['app.tsx', 'pages/login.tsx', 'pages/codes.tsx', 'pages/codes_rules.ts', 'pages/home.tsx', 'pages/registry.ts', 'ui/banner.tsx',
  'ui/header.tsx', 'ui/explain.tsx', 'ui/language_select.tsx'];

test('what is said before a page is opened is among the texts that are loaded at once', () => {
  const late = AT_ONCE.flatMap((file) => [...readFileSync(join(PROJECT, 'web-spa/src', file), 'utf8').matchAll(/['`]((?:ui|reason|page|state)\.[a-z0-9_.]+)/g)]
    .map((match) => match[1]).filter((key) => !saidFirst(key)).map((key) => `${key} in ${file}`));
  assert.deepEqual(late, []);
  assert.ok(!saidFirst('ui.installation.all'));
});

test('every word of the web app is used', () => {
  const { whole, begun } = usedKeys();
  const unused = Object.keys(english).filter((key) => key.startsWith('ui.') && !key.includes('#') && !whole.has(key) && ![...begun.keys()].some((start) => key.startsWith(start)));
  assert.deepEqual(unused, []);
});

// What a page can be told: states of buses and devices, refusals of logins and sessions.
const SHOWN = ['bus', 'device', 'session', 'login', 'codes', 'plan', 'station', 'call', 'mqtt'];

test('every reason that pages show is in the catalogues, with holes that its source fills', () => {
  const code = new RegExp(`"((?:${SHOWN.join('|')})\\.[a-z0-9_]+)"`, 'g');
  const missing = new Set();
  const filled = {};
  for (const file of sources(join(PROJECT, 'gateway'), ['.c'])) {
    const text = readFileSync(file, 'utf8');
    const params = [...text.matchAll(/ew_reason_param\([^,]+,\s*"([a-z0-9_]+)"/g)].map((match) => match[1]);
    for (const [, found] of text.matchAll(code)) {
      if (`reason.${found}` in english) (filled[found] ??= new Set(params)), params.forEach((one) => filled[found].add(one));
      else missing.add(`${found} in ${file.slice(PROJECT.length)}`);
    }
  }
  assert.deepEqual([...missing], []);
  const empty = Object.entries(filled).flatMap(([key, params]) => holes(english[`reason.${key}`]).filter((hole) => !params.has(hole)).map((hole) => `${key} {${hole}}`));
  assert.deepEqual(empty, []);
});

test('every state, page and quantity that data can name has a word', () => {
  const need = [
    ...['on', 'off', 'error', 'unknown'].map((one) => `state.bus.${one}`),
    ...['on', 'off', 'error', 'fault', 'unconfigured', 'unknown'].map((one) => `state.device.${one}`),
    ...['A', 'B', 'C', 'D', 'E', 'F', 'unknown'].map((one) => `state.charge.${one}`),
    ...['server', 'system', 'installation', 'consumption', 'reports', 'alarms', 'greenup'].map((one) => `page.${one}`),
  ];
  assert.deepEqual(need.filter((key) => !(key in english)), []);
});

test('every quantity of the profiles has a name', () => {
  const folder = join(PROJECT, 'gateway/profiles');
  const unnamed = new Set();
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
    for (const [name, register] of Object.entries(JSON.parse(readFileSync(join(folder, file), 'utf8')).registers ?? {})) {
      if (register === null || register.hidden || register.group === 'charge' || register.group === 'state') continue;
      const { base } = readQuantity(name);
      if (!(`quantity.${base}` in english)) unnamed.add(base);
    }
  }
  assert.deepEqual([...unnamed], []);
});

test('holes are filled; one without a value stays visible', () => {
  assert.equal(fill('unit {unit} of {bus}', { unit: 5, bus: 'Local' }), 'unit 5 of Local');
  assert.equal(fill('unit {unit}', {}), 'unit {unit}');
  assert.equal(fill('plain'), 'plain');
  assert.equal(fill('{a}', { a: '{b}', b: 'no' }), '{b}');
  // A name that turns the direction of writing turns nothing but itself.
  assert.equal(fill('unit {unit} of {bus}', { unit: 5, bus: '\u202egnp' }), 'unit 5 of \u2068\u202egnp\u2069');
});

test('a language falls back to its base and then to English', () => {
  const table = [[['fr-BE'], 'fr'], [['FR'], 'fr'], [['nl-BE', 'fr'], 'fr'], [['zh'], 'en'], [[], 'en'], [['de', 'en'], 'en'], [['x'], 'en']];
  for (const [wanted, expected] of table) assert.equal(resolveLanguage(wanted, ['en', 'fr']), expected, wanted.join());
  assert.equal(resolveLanguage(['fr-BE'], ['en', 'fr', 'fr-BE']), 'fr-BE');
});
