// What several pages share: periods of the calendar, typed numbers, sorting.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readNumber } from '../src/format/number';
import { addDays, addMonths, endOf, shift, spanName, startOf } from '../src/format/period';
import { errorOf } from '../src/ui/field';
import { sortRows } from '../src/ui/table';

const SHIFTS = [
  ['2026-03-01', 'day', -1, '2026-02-28'], ['2024-03-01', 'day', -1, '2024-02-29'], ['2026-12-31', 'day', 1, '2027-01-01'],
  ['2026-03-31', 'month', -1, '2026-02-28'], ['2026-01-15', 'month', -1, '2025-12-15'], ['2024-02-29', 'year', 1, '2025-02-28'],
  ['2026-11-22', 'decade', -1, '2016-11-22'],
];
for (const [date, span, by, expected] of SHIFTS) {
  test(`${date} moved by ${by} ${span} is ${expected}`, () => assert.equal(shift(date, span, by), expected));
}

test('spans begin with their first day and end before the next', () => {
  assert.deepEqual(['day', 'month', 'year', 'decade'].map((span) => [startOf('2026-11-22', span), endOf('2026-11-22', span)]), [
    ['2026-11-22', '2026-11-23'], ['2026-11-01', '2026-12-01'], ['2026-01-01', '2027-01-01'], ['2017-01-01', '2027-01-01'],
  ]);
  assert.equal(addDays('2026-03-29', 1), '2026-03-30'); // a day of 23 hours
  assert.equal(addMonths('2026-12-01', 1), '2027-01-01');
  assert.deepEqual(['month', 'year', 'decade'].map((span) => spanName('2026-11-22', span, 'fr')), ['novembre 2026', '2026', '2017–2026']);
});

const NUMBERS = [['12', 12], ['12,5', 12.5], ['12.5', 12.5], ['1 234,5', 1234.5], ['-3', -3], ['', null], ['1,2,3', null], ['1e9', null], ['abc', null], ['.5', 0.5], ['5.', 5]];
for (const [text, expected] of NUMBERS) test(`"${text}" is ${expected}`, () => assert.equal(readNumber(text), expected));

test('rows are sorted either way, numbers as numbers, and what has no value stands last', () => {
  const rows = [{ v: 10 }, { v: null }, { v: 9 }, { v: 100 }];
  const of = (row) => row.v;
  assert.deepEqual(sortRows(rows, of, false).map(of), [9, 10, 100, null]);
  assert.deepEqual(sortRows(rows, of, true).map(of), [100, 10, 9, null]);
  assert.deepEqual(sortRows([{ v: 'Borne 10' }, { v: 'Borne 2' }], of, false).map(of), ['Borne 2', 'Borne 10']);
});

test('a refusal finds its field by the path', () => {
  const reason = { code: 'json.range', path: '/changes/0/value/i_max_a/1', text: 'must be less' };
  assert.equal(errorOf(reason, 'i_max_a'), 'must be less');
  assert.equal(errorOf(reason, 'i_max'), null);
  assert.equal(errorOf(null, 'i_max'), null);
});
