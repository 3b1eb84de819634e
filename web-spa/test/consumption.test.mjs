// Consumption: periods of the site's zone, names of spans, series and colours, units, honesty, datalogger.csv.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as model from '../src/pages/consumption/model';

for (const [at, zone, expected] of [
  ['2026-03-01T22:59:59Z', 'Europe/Paris', '2026-03-01'],
  ['2026-03-01T23:00:00Z', 'Europe/Paris', '2026-03-02'],
  ['2026-07-01T21:59:59Z', 'Europe/Paris', '2026-07-01'],
  ['2026-07-01T22:00:00Z', 'Europe/Paris', '2026-07-02'],
  ['2026-01-01T04:59:00Z', 'America/New_York', '2025-12-31'],
]) test(`${at} is ${expected} in ${zone}`, () => assert.equal(model.localDate(Date.parse(at), zone), expected));

for (const [date, zone, expected] of [
  ['2026-03-01', 'Europe/Paris', '2026-02-28T23:00:00.000Z'], ['2026-03-29', 'Europe/Paris', '2026-03-28T23:00:00.000Z'],
  ['2026-03-30', 'Europe/Paris', '2026-03-29T22:00:00.000Z'], ['2026-10-26', 'Europe/Paris', '2026-10-25T23:00:00.000Z'],
  ['2026-06-01', 'Pacific/Auckland', '2026-05-31T12:00:00.000Z'], ['2026-06-01', 'America/St_Johns', '2026-06-01T02:30:00.000Z'],
]) test(`${date} begins in ${zone} at ${expected}`, () => assert.equal(new Date(model.dayStart(date, zone)).toISOString(), expected));

for (const [span, date, expected] of [
  ['day', '2026-03-01', { by: 'hour', from: '2026-03-01', spans: 24 }],
  ['day', '2026-03-29', { by: 'hour', from: '2026-03-29', spans: 23 }], // loses an hour
  ['day', '2026-10-25', { by: 'hour', from: '2026-10-25', spans: 25 }], // gains one
  ['month', '2028-02-11', { by: 'day', from: '2028-02-01', spans: 29 }],
  ['year', '2026-11-22', { by: 'month', from: '2026-01-01', spans: 12 }],
  ['decade', '2026-11-22', { by: 'year', from: '2017-01-01', spans: 10 }],
]) test(`the ${span} of ${date}`, () => assert.deepEqual(model.periodQuestion(span, date, 'Europe/Paris'), expected));

const HOUR = 3_600_000;
const spansFrom = (from, count) => Array.from({ length: count }, (_, i) => ({ start: new Date(Date.parse(from) + i * HOUR).toISOString(), end: new Date(Date.parse(from) + (i + 1) * HOUR).toISOString() }));

test('hours are named in the zone of the site; the one that comes twice stands twice', () => {
  assert.deepEqual(model.spanLabels(spansFrom('2026-10-24T22:00:00Z', 5), 'hour', 'Europe/Paris', 'en'), ['00 h', '01 h', '02 h', '02 h', '03 h']);
  assert.deepEqual(model.spanLabels([{ start: '2026-02-28T23:00:00Z', end: '' }], 'day', 'Europe/Paris', 'en'), ['1']);
  assert.deepEqual(model.spanLabels([{ start: '2026-02-28T23:00:00Z', end: '' }], 'month', 'Europe/Paris', 'fr'), ['mars']);
  assert.deepEqual(model.spanLabels([{ start: '2025-12-31T23:00:00Z', end: '' }], 'year', 'Europe/Paris', 'fr'), ['2026']);
});

test('series stand largest first, other last; colours stay with ids', () => {
  const rows = [{ id: 0, values: [100], total: 100 }, { id: 5, values: [1], total: 1 }, { id: 9, values: [7], total: 7 }];
  const series = model.seriesOf(rows, (id) => `c${id}`, [5, 9, 12]);
  assert.deepEqual(series.map((one) => [one.name, one.color]), [['c9', '--series-2'], ['c5', '--series-1'], ['c0', '--series-other']]);
  assert.equal(model.seriesOf(rows.slice(2), (id) => `c${id}`, [5, 9, 12])[0].color, '--series-2');
});

test('a gap is a gap, not 0', () => {
  assert.deepEqual(model.spanTotals([{ values: [1, null, 3] }, { values: [2, null, null] }], 3), [3, null, 3]);
  assert.equal(model.spansKnown([1, null, 3, null, null]), 3);
  assert.equal(model.sum([null, null]), null);
});

for (const [unit, largest, expected] of [['Wh', 3, 'Wh'], ['Wh', 1500, 'kWh'], ['Wh', 2e7, 'MWh'], ['dm3', 12, 'dm³'], ['dm3', 5000, 'm³'], ['EUR', 3, 'EUR']]) {
  test(`${largest} ${unit} are shown in ${expected}`, () => assert.equal(model.unitFor(unit, largest).name, expected));
}

test('what happened to a span is said, all of it', () => {
  assert.deepEqual(model.notesOf([0, 1, 65]), [{ flag: 'recovered', at: [1, 2] }, { flag: 'gap', at: [2] }]);
  assert.deepEqual(model.joinFlags([{ flags: [1, 0] }, { flags: [4] }], 2), [5, 0]);
});

test('datalogger.csv: local times, own separators, exact amounts, gaps empty, nothing a table calculator runs', () => {
  const series = [{ key: '1', name: '=1+1;x', color: '', values: [1234.5, null], total: 1234.5 }];
  const csv = model.csvOf(spansFrom('2026-02-28T23:00:00Z', 2), series, [0, 65], 'Wh', 'Europe/Paris', model.csvOptions(undefined));
  assert.deepEqual(csv.split('\r\n'), ['\ufefftime;"\'=1+1;x [Wh]";flags', '2026-03-01 00:00;1234,5;', '2026-03-01 01:00;;recovered gap', '']);
  assert.deepEqual(model.csvOptions({ decimal: ',', separator: ',' }), { decimal: ',', field: ';' });
  assert.deepEqual(model.csvOptions({ decimal: '.', separator: ',' }), { decimal: '.', field: ',' });
});

for (const [circuit, id, expected] of [
  [undefined, 0, 'Other'], [{ id: 1, rev: 1, name: 'Kitchen' }, 1, 'Kitchen'], [{ id: 2, rev: 1, use: 'heating' }, 2, 'Heating'], [undefined, 7, '#7'],
]) test(`circuit ${id} is called ${expected}`, () => assert.equal(model.circuitName(circuit, id, (key) => (key === 'circuit.heating' ? 'Heating' : null), 'Other'), expected));
