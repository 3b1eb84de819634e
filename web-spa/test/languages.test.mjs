// The 13 languages of SYS-02: really translated, in the words of the trade, with all plural forms, numbers as people write them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { LANGUAGES, available, mergedCatalogue, readCatalogue, typeset } from '../scripts/languages.mjs';
import { formatNumber } from '../src/format/number';
import { pluralKey } from '../src/i18n/sentence';

const english = readCatalogue('en');
const glossary = JSON.parse(readFileSync(join(PROJECT, 'schemas/messages/glossary.json'), 'utf8'));
const whole = available().filter((tag) => !tag.includes('-'));
const variants = available().filter((tag) => tag.includes('-'));
const letters = (sentence) => [...sentence.replace(/\{[a-z0-9_]+\}/g, '').matchAll(/\p{L}/gu)].length;

// What is the same in English, by nature: names, and words the languages share.
const SAME = JSON.parse(readFileSync(join(PROJECT, 'schemas/messages/same_as_english.json'), 'utf8'));

for (const tag of [...whole, ...variants].filter((one) => one !== 'en')) {
  test(`${tag}: no sentence was left in English`, () => {
    const left = Object.entries(readCatalogue(tag)).filter(([key, sentence]) => letters(sentence) > 12 && sentence === english[key] && !(SAME[tag] ?? []).includes(key));
    assert.deepEqual(left, []);
    assert.deepEqual((SAME[tag] ?? []).filter((key) => mergedCatalogue(tag)[key] !== english[key]), [], 'the list names only what is the same');
  });
}

// Counts are whole numbers; the plain key is the form `other`.
function formsOf(tag) {
  const rules = new Intl.PluralRules(tag);
  const found = new Set();
  for (let count = 0; count <= 1000; count++) found.add(rules.select(count));
  found.delete('other');
  return [...found].sort();
}

for (const tag of whole) {
  test(`${tag}: each sentence that counts has every plural form`, () => {
    const catalogue = readCatalogue(tag);
    const counting = Object.keys(english).filter((key) => key.endsWith('#one')).map((key) => key.slice(0, -4));
    assert.ok(counting.length >= 5);
    for (const key of counting.filter((one) => one in catalogue)) {
      const there = Object.keys(catalogue).filter((one) => one.startsWith(`${key}#`)).map((one) => one.split('#')[1]).sort();
      assert.deepEqual(there, formsOf(tag), key);
    }
  });
}

test('a count is said in the form of its language', () => {
  const say = (tag, count) => {
    const catalogue = mergedCatalogue(tag);
    return catalogue[pluralKey(catalogue, 'ui.alarms.count', { count }, tag)].replace('{count}', String(count));
  };
  const table = [['en', 0, '0 alarms'], ['en', 1, '1 alarm'], ['fr', 0, '0 alarme'], ['fr', 1, '1 alarme'], ['fr', 2, '2 alarmes'], ['fr-BE', 1, '1 alarme'],
    ['en', '10 001', '10 001 alarms'], ['de', 1, '1 Alarm'],
    ['pl', 1, '1 alarm'], ['pl', 3, '3 alarmy'], ['pl', 5, '5 alarmów'], ['pl', 22, '22 alarmy'], ['pl', '1 012', '1 012 alarmów'],
    ['ru', 21, '21 тревога'], ['ru', 2, '2 тревоги'], ['ru', 11, '11 тревог'], ['zh', 1, '1 条告警'], ['zh', 7, '7 条告警']];
  for (const [tag, count, expected] of table.filter(([one]) => available().includes(one))) assert.equal(say(tag, count), expected, `${tag} ${count}`);
});

for (const tag of [...whole, ...variants].filter((one) => one !== 'en')) {
  test(`${tag}: the words of the trade are those of the glossary`, () => {
    const catalogue = { ...readCatalogue(tag.split('-')[0]), ...readCatalogue(tag) };
    const wrong = [];
    for (const [term, words] of Object.entries(glossary)) {
      const allowed = words[tag] ?? words[tag.split('-')[0]];
      if (!allowed) continue;
      const named = new RegExp(`\\b${term}(s|es)?\\b`, 'i');
      for (const [key, sentence] of Object.entries(catalogue)) {
        if (!named.test((english[key] ?? '').replace(/\{[a-z_]+\}/g, ''))) continue;
        if (!allowed.some((word) => sentence.toLowerCase().includes(word))) wrong.push(`${key}: “${english[key]}” is “${sentence}”, without ${allowed.join(' or ')}`);
      }
    }
    assert.deepEqual(wrong, []);
  });
}

const SCRIPT = { zh: /\p{Script=Han}/u, ru: /\p{Script=Cyrillic}/u, el: /\p{Script=Greek}/u };

for (const [tag, script] of Object.entries(SCRIPT).filter(([one]) => available().includes(one))) {
  test(`${tag}: what is longer than a symbol is written in its own letters`, () => {
    const foreign = Object.entries(readCatalogue(tag)).filter(([key, sentence]) => letters(sentence) > 12 && !script.test(sentence) && !(SAME[tag] ?? []).includes(key));
    assert.deepEqual(foreign, []);
  });
}

for (const tag of variants) {
  test(`${tag}: holds only what differs from its base, all else is the base’s`, () => {
    const own = readCatalogue(tag);
    const base = mergedCatalogue(tag.split('-')[0]);
    assert.deepEqual(Object.keys(own).filter((key) => own[key] === base[key]), []);
    const all = mergedCatalogue(tag);
    assert.deepEqual(Object.keys(all), Object.keys(base));
    for (const [key, sentence] of Object.entries(all)) assert.equal(sentence, own[key] ?? base[key], key);
  });
}

test('sentences are set as each language sets them', () => {
  assert.equal(typeset('fr', 'Rien n\'est lu ; « A » : 5 % ?'), 'Rien n’est lu\u00a0; «\u00a0A\u00a0»\u00a0: 5\u00a0%\u00a0?');
  assert.equal(typeset('fr-BE', 'Oui !'), 'Oui\u00a0!');
  assert.equal(typeset('de', 'Green\'Up: 5 %'), 'Green’Up: 5 %');
});

test('numbers are written as each language writes them', () => {
  const table = { en: '12,345.6', zh: '12,345.6', de: '12.345,6', es: '12.345,6', el: '12.345,6', it: '12.345,6', nl: '12.345,6', 'nl-BE': '12.345,6', fr: '12 345,6', 'fr-BE': '12 345,6', pl: '12 345,6', pt: '12.345,6', ru: '12 345,6' };
  assert.deepEqual(Object.keys(table).sort(), Object.keys(LANGUAGES).sort());
  for (const [tag, expected] of Object.entries(table)) assert.equal(formatNumber(12345.6, 1, tag).replace(/\s/gu, ' '), expected, tag);
});
