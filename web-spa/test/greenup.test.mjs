// What the pages of Green'Up compute: charge points, filters, wishes, the form and its bands.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as model from '../src/pages/greenup/model';

const device = (id, name, profile, more = {}) => [id, { id, name, bus: 1, rev: 1, profile, ...more }];
const known = {
  devices: new Map([device(10, 'Meter', 'm'), device(22, 'Borne 10', 's', { zones: [5] }), device(21, 'Borne 2', 's'), device(23, 'Side', 's')]),
  profiles: new Map([['m', { id: 'm', kind: 'meter', quantities: [], rev: 1 }], ['s', { id: 's', kind: 'station', quantities: [], rev: 1 }]]),
};
const station = (id, more = {}) => ({ id, state: 'charge', hold: false, forced: false, priority: false, current_a: [1, null, 3], ...more });
const points = model.pointsOf(known, { stations: [station(21, { priority: true }), station(99)] });

test('charge points are those of the site and those Green’Up still speaks of, in the order of people', () => {
  assert.deepEqual(points.map((one) => [one.id, one.name, one.station !== undefined]),
    [[99, '#99', true], [21, 'Borne 2', true], [22, 'Borne 10', false], [23, 'Side', false]]);
});

const FILTERS = [['all', '', [99, 21, 22, 23]], ['priority', '', [21]], ['zone-5', '', [22]], ['zone-6', '', []], ['all', 'borne', [21, 22]], ['zone-5', 'side', []]];
for (const [filter, text, expected] of FILTERS) {
  test(`filter ${filter} "${text}"`, () => assert.deepEqual(model.filterPoints(points, filter, text).map((one) => one.id), expected));
}

for (const [device, code, href] of [[null, 'greenup.not_configured', '#/greenup/configuration'], [null, 'greenup.meter_silent', '#/greenup/configuration'],
  [null, 'greenup.no_station', '#/system'], [null, 'greenup.fallback_sum', '#/system'], [22, 'greenup.phase_unset', '#/system/devices/22']]) {
  test(`what stands against ON leads to where it is mended: ${code}`, () => assert.equal(model.placeToMend(device, code).href, href));
}

test('a wish is what the override says, and back', () => {
  const table = [['auto', false, false], ['start', false, true], ['wait', true, false]];
  for (const [wish, hold, forced] of table) assert.equal(model.wishOf({ hold, forced }), wish);
  assert.deepEqual(model.overrideOf('wait'), { hold: true, forced: null });
  assert.deepEqual(model.overrideOf('auto'), { hold: null, forced: null });
});

test('the largest known current counts; none is none, not 0', () => {
  assert.equal(model.largestCurrent(station(1)), 3);
  assert.equal(model.largestCurrent(station(1, { current_a: [null, null, null] })), null);
});

test('the axis keeps its end until the current leaves it', () => {
  assert.equal(model.axisEnd([{ maximum_a: 40, current_a: 10 }]), 50);
  assert.equal(model.axisEnd([{ maximum_a: 40, current_a: 49 }]), 52);
  assert.equal(model.axisEnd([{ maximum_a: 40, current_a: 100 }]), 105);
});

const SETTINGS = { on: true, meter: 10, i_max_a: 63, i_chg_a: 40, timing: { tick_s: 5 }, stations: [{ device: 22, priority: true }] };

test('a form that nobody touched saves what was there and the defaults it showed', () => {
  const form = model.formOf(SETTINGS);
  assert.deepEqual(model.problemsOf(form), {});
  const saved = model.settingsOf(form, SETTINGS);
  assert.deepEqual({ ...saved, ...SETTINGS }, saved); // nothing lost, what is not shown neither
  assert.equal(saved.guaranteed_ah, 32);
  assert.ok(!('off_limit_a' in saved));
});

const PROBLEMS = [
  [{ maximum: ['', '', ''] }, { 'i_max_a/0': 'number' }], [{ charging: ['70', '70', '70'] }, { 'i_chg_a/0': 'above_maximum' }],
  [{ same: false, charging: ['40', '63,5', '40'] }, { 'i_chg_a/1': 'above_maximum' }], [{ offLimit: 'ten' }, { off_limit_a: 'number' }],
  [{ numbers: { ...model.formOf(SETTINGS).numbers, level2_pct: '80' } }, { level2_pct: 'above_level1' }],
];
for (const [change, expected] of PROBLEMS) {
  test(`what is wrong is said at its field: ${JSON.stringify(change)}`, () => assert.deepEqual(model.problemsOf({ ...model.formOf(SETTINGS), ...change }), expected));
}

test('phases of their own are saved as three', () => {
  const form = { ...model.formOf(SETTINGS), same: false, maximum: ['63', '50,5', '63'] };
  assert.deepEqual(model.settingsOf(form, SETTINGS).i_max_a, [63, 50.5, 63]);
  assert.equal(model.formOf({ i_max_a: [1, 2, 3], i_chg_a: 1 }).same, false);
});

test('the bands follow what is typed, with the largest live current', () => {
  const live = [1, 2, 3].map((phase) => ({ phase, current_a: phase * 10, band: 'green' }));
  const [all, ...none] = model.previewPhases({ ...model.formOf(SETTINGS), charging: ['25', '25', '25'] }, live);
  assert.deepEqual([all.current_a, all.band, all.charging_max_a, Math.round(all.hold_a * 100), none.length], [30, 'yellow', 25, 5985, 0]);
  assert.equal(model.previewPhases({ ...model.formOf(SETTINGS), maximum: ['', '', ''] }, live).length, 0);
});

test('priority is written for those that have it, the others are left alone', () => {
  assert.equal(model.isPriority(SETTINGS, 22), true);
  assert.deepEqual(model.withPriority(SETTINGS, 21, true).stations, [{ device: 21, priority: true }, { device: 22, priority: true }]);
  assert.deepEqual(model.withPriority(SETTINGS, 22, false).stations, []);
});

test('the last 24 hours: the largest of each step, gaps stay gaps; events in order', () => {
  const answer = { from: '2026-03-01T00:00:00Z', step_s: 300, max: [5, null], mean: [1, null] };
  assert.deepEqual(model.curveOf(answer), [[Date.parse('2026-03-01T00:00:00Z'), 5], [Date.parse('2026-03-01T00:05:00Z'), null]]);
  assert.deepEqual(model.curveOf(null), []);
  const table = model.tableOf([{ key: 'l1', name: 'L1', color: '', points: model.curveOf(answer) }, { key: 'l2', name: 'L2', color: '', points: [] }]);
  assert.deepEqual([table.spans.map((one) => one.start), table.series.map((one) => one.values)], [['2026-03-01T00:00:00.000Z', '2026-03-01T00:05:00.000Z'], [[5, null], []]]);
  const row = { plugged_at: '2026-03-01T10:00:00Z', ended: null, interruptions: [{ at: '2026-03-01T11:00:00Z', until: null }, { at: '2026-03-01T10:30:00Z', until: '2026-03-01T10:40:00Z' }] };
  assert.deepEqual(model.eventsOf([row]).map((one) => one.kind), ['plugged', 'stopped', 'resumed', 'stopped']);
  assert.deepEqual(model.bandAreas({ charging_max_a: 40, maximum_a: 63 }, 80).map((one) => [one.from, one.to]), [[0, 40], [40, 63], [63, 80]]);
});
