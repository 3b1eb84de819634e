// The histogram's day: hours of the site's zone, circuits in order, comparisons.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { circuitName, dayBefore, dayOf, hoursKnown, localDate, totalUntil } from '../src/pages/consumption/model';

const HOUR = 3_600_000;

// An answer of `spans` hours from a UTC instant; `values` by circuit.
function answer(from, spans, circuits, flags = []) {
  const at = Date.parse(from);
  const iso = (ms) => new Date(ms).toISOString();
  return {
    by: 'hour', unit: 'Wh', until: null, flags: Array.from({ length: spans }, (_, i) => flags[i] ?? 0),
    spans: Array.from({ length: spans }, (_, i) => ({ start: iso(at + i * HOUR), end: iso(at + (i + 1) * HOUR) })),
    circuits: Object.entries(circuits).map(([circuit, values]) => ({ circuit: Number(circuit), values: Array.from({ length: spans }, (_, i) => values[i] ?? null) })),
  };
}

for (const [at, zone, expected] of [
  ['2026-03-01T22:59:59Z', 'Europe/Paris', '2026-03-01'],
  ['2026-03-01T23:00:00Z', 'Europe/Paris', '2026-03-02'],
  ['2026-07-01T21:59:59Z', 'Europe/Paris', '2026-07-01'],
  ['2026-07-01T22:00:00Z', 'Europe/Paris', '2026-07-02'],
  ['2026-01-01T04:59:00Z', 'America/New_York', '2025-12-31'],
]) test(`${at} is ${expected} in ${zone}`, () => assert.equal(localDate(Date.parse(at), zone), expected));

for (const [date, expected] of [['2026-03-01', '2026-02-28'], ['2028-03-01', '2028-02-29'], ['2026-01-01', '2025-12-31'], ['2026-03-30', '2026-03-29']]) {
  test(`the day before ${date} is ${expected}`, () => assert.equal(dayBefore(date), expected));
}

for (const [name, date, from, hours, labels] of [
  ['an ordinary day has 24 hours', '2026-03-01', '2026-02-28T23:00:00Z', 24, ['00', '01', '23']],
  ['the day that loses an hour has 23, without 02', '2026-03-29', '2026-03-28T23:00:00Z', 23, ['00', '01', '03']],
  ['the day that gains an hour has 25, 02 twice', '2026-10-25', '2026-10-24T22:00:00Z', 25, ['00', '02', '02']],
]) {
  test(name, () => {
    const day = dayOf(answer(from, 50, { 1: Array.from({ length: 50 }, () => 10) }), date, 'Europe/Paris');
    assert.equal(day.hours.length, hours);
    const shown = day.hours.map((hour) => hour.label);
    for (const label of labels) assert.ok(shown.includes(label), label);
    assert.equal(shown.filter((label) => label === '02').length, hours - 23);
    assert.equal(day.total, hours * 10);
  });
}

test('circuits stand largest first, other last; those without any value are left out', () => {
  const day = dayOf(answer('2026-02-28T23:00:00Z', 24, { 1: [5], 2: [7, 1], 0: [100], 3: [] }), '2026-03-01', 'Europe/Paris');
  assert.deepEqual(day.circuits, [2, 1, 0]);
  assert.deepEqual(day.totals, [8, 5, 100]);
  assert.equal(day.hours[0].total, 112);
  assert.equal(day.hours[2].total, null); // a gap is a gap, not 0
});

test('a running day is compared with the same hours of the other', () => {
  const today = dayOf(answer('2026-02-28T23:00:00Z', 24, { 1: [1, 2, 3] }), '2026-03-01', 'Europe/Paris');
  const other = dayOf(answer('2026-02-28T23:00:00Z', 24, { 1: [10, 10, 10, 10, 10] }), '2026-03-01', 'Europe/Paris');
  assert.equal(hoursKnown(today), 3);
  assert.equal(totalUntil(other, hoursKnown(today)), 30);
});

test('recovered consumption is marked, a new counter is not', () => {
  const day = dayOf(answer('2026-02-28T23:00:00Z', 24, { 1: [1, 2] }, [2, 1]), '2026-03-01', 'Europe/Paris');
  assert.deepEqual(day.hours.slice(0, 2).map((hour) => hour.recovered), [false, true]);
  assert.ok(day.recovered);
});

for (const [circuit, id, expected] of [
  [undefined, 0, 'Other'], [{ id: 1, rev: 1, name: 'Kitchen' }, 1, 'Kitchen'], [{ id: 2, rev: 1, use: 'heating' }, 2, 'Heating'], [undefined, 7, '#7'],
]) test(`circuit ${id} is called ${expected}`, () => assert.equal(circuitName(circuit, id, (key) => (key === 'circuit.heating' ? 'Heating' : null), 'Other'), expected));
