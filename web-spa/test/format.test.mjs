import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseScale, formatNumber, showValue } from '../src/format/number';
import { compareBases, plainName, readQuantity } from '../src/format/quantity';
import { ageMs, ageWords, flowing, freshness, readingFreshness, staleAfterMs } from '../src/format/freshness';
import { showTime } from '../src/format/time';
import { backoffMs } from '../src/api/backoff';
import { checkCodes, onlyDigits } from '../src/pages/codes_rules';
import { readRoute } from '../src/ui/route';

const VALUES = [
  ['power_w', 0, '0 W'], ['power_w', -0.2, '0 W'], ['power_w', 999.4, '999 W'], ['power_w', 1000, '1.00 kW'], ['power_w', -1234.5, '-1.23 kW'],
  ['power_w', 123_456, '123.5 kW'], ['power_w', 12_345_678, '12.346 MW'], ['power_var', 1500, '1.50 kvar'], ['power_va', 15, '15 VA'],
  ['energy_wh', 0, '0.00 kWh'], ['energy_wh', 12_345_670, '12,345.67 kWh'], ['energy_wh', 1_234_567_000, '1,234.567 MWh'],
  ['energy_varh', 1000, '1.00 kvarh'], ['energy_vah', 1000, '1.00 kVAh'],
  ['voltage', 230.04, '230.0 V'], ['current', 6.254, '6.25 A'], ['frequency', 49.987, '49.99 Hz'], ['factor', -0.9876, '-0.988 '],
  ['percent', 3.14, '3.1 %'], ['temperature', -4.04, '-4.0 °C'], ['volume', 1234, '1.234 m³'], ['duration', 540, '9 min'], ['duration', 9000, '2.5 h'], ['ratio', 40, '40.0 '], ['count', 4660, '4,660 '], ['unknown', 1.5, '1.500 '],
];
for (const [measure, value, expected] of VALUES) {
  test(`${measure} ${value} is ${expected}`, () => {
    const shown = showValue(measure, value, 'en');
    assert.equal(`${shown.number} ${shown.unit}`, expected);
  });
}

test('numbers follow the language', () => {
  assert.equal(formatNumber(1234.5, 2, 'fr').replace(/\s/g, ' '), '1 234,50');
  assert.equal(formatNumber(1234.5, 2, 'en'), '1,234.50');
});

test('the unit does not flicker around its border', () => {
  let scale;
  const units = [950, 1005, 995, 1001, 901, 899, 950, 1000].map((value) => {
    scale = chooseScale('power_w', value, scale);
    return scale.unit;
  });
  assert.deepEqual(units, ['W', 'kW', 'kW', 'kW', 'kW', 'W', 'W', 'kW']);
});

test('the number of digits does not flicker either', () => {
  const high = chooseScale('power_w', 100_000);
  assert.equal(chooseScale('power_w', 95_000, high).decimals, 1);
  assert.equal(chooseScale('power_w', 95_000).decimals, 2);
});

const QUANTITIES = [
  ['voltage_l1_n', 'voltage_phase', 'l1', 'electric', 'voltage'], ['voltage_l3_l1', 'voltage_line', 'l3', 'electric', 'voltage'],
  ['voltage_l1_l2', 'voltage_line', 'l1', 'electric', 'voltage'], ['current_l2', 'current', 'l2', 'electric', 'current'],
  ['current_n', 'current', 'n', 'electric', 'current'], ['active_power', 'active_power', 'total', 'power', 'power_w'],
  ['active_power_l3', 'active_power', 'l3', 'power', 'power_w'], ['reactive_power_l1', 'reactive_power', 'l1', 'power', 'power_var'],
  ['apparent_power', 'apparent_power', 'total', 'power', 'power_va'], ['power_factor_l2', 'power_factor', 'l2', 'power', 'factor'],
  ['frequency', 'frequency', 'total', 'electric', 'frequency'],
  ['active_energy_import', 'active_energy_import', 'total', 'energy', 'energy_wh'],
  ['active_energy_import_l1', 'active_energy_import', 'l1', 'energy', 'energy_wh'],
  ['reactive_energy_export', 'reactive_energy_export', 'total', 'energy', 'energy_varh'],
  ['partial_active_energy_import', 'partial_active_energy_import', 'total', 'energy', 'energy_wh'],
  ['partial_reactive_energy_import', 'partial_reactive_energy_import', 'total', 'energy', 'energy_varh'],
  ['apparent_energy', 'apparent_energy', 'total', 'energy', 'energy_vah'],
  ['thd_voltage_l1', 'thd_voltage', 'l1', 'quality', 'percent'], ['thd_current_l2', 'thd_current', 'l2', 'quality', 'percent'],
  ['volume', 'volume', 'total', 'volume', 'volume'], ['temperature', 'temperature', 'total', 'other', 'temperature'],
  ['thd_voltage_l1_l2', 'thd_voltage_line', 'l1', 'quality', 'percent'], ['partial_volume', 'partial_volume', 'total', 'volume', 'volume'],
  ['partial_active_energy_export_l2', 'partial_active_energy_export', 'l2', 'energy', 'energy_wh'],
  ['operating_time', 'operating_time', 'total', 'other', 'duration'], ['serial_number', 'serial_number', 'total', 'info', 'count'], ['ct_ratio', 'ct_ratio', 'total', 'info', 'ratio'],
  ['flow_rate', 'flow_rate', 'total', 'other', 'unknown'],
];
for (const [name, base, phase, section, measure] of QUANTITIES) {
  test(`quantity ${name}`, () => {
    const read = readQuantity(name);
    assert.deepEqual([read.base, read.phase, read.section, read.measure, read.statistic, read.order], [base, phase, section, measure, null, 0]);
  });
}

test('harmonics carry their order, statistics their kind', () => {
  const harmonic = readQuantity('harmonic_voltage_l1_5');
  assert.deepEqual([harmonic.base, harmonic.phase, harmonic.order, harmonic.section], ['harmonic_voltage', 'l1', 5, 'harmonics']);
  const between = readQuantity('harmonic_voltage_l3_l1_11');
  assert.deepEqual([between.base, between.phase, between.order], ['harmonic_voltage_line', 'l3', 11]);
  const neutral = readQuantity('harmonic_current_n_3');
  assert.deepEqual([neutral.base, neutral.phase, neutral.order], ['harmonic_current', 'n', 3]);
  const statistic = readQuantity('voltage_l2_n_max');
  assert.deepEqual([statistic.base, statistic.phase, statistic.statistic, statistic.section, statistic.measure], ['voltage_phase', 'l2', 'max', 'statistics', 'voltage']);
});

test('known quantities come in the order of the page, others after them by name', () => {
  const sorted = ['zeta', 'current', 'alpha', 'active_power', 'frequency'].sort(compareBases);
  assert.deepEqual(sorted, ['active_power', 'current', 'frequency', 'alpha', 'zeta']);
  assert.equal(plainName('flow_rate'), 'Flow rate');
});

// up_ms, period, clock offset, now, flows, answers → freshness
const FRESH = [
  ['just read', 10_000, 1000, 0, 10_500, true, true, 'fresh'],
  ['exactly three periods', 10_000, 1000, 0, 13_000, true, true, 'fresh'],
  ['more than three periods', 10_000, 1000, 0, 13_001, true, true, 'stale'],
  ['a slow group may be older', 10_000, 60_000, 0, 100_000, true, true, 'fresh'],
  ['an unknown rhythm is ten seconds', 0, undefined, 0, 30_001, true, true, 'stale'],
  ['a very fast group has three seconds', 0, 100, 0, 2_999, true, true, 'fresh'],
  ['the device does not answer', 10_000, 1000, 0, 10_500, true, false, 'stale'],
  ['nothing can arrive', 10_000, 1000, 0, 10_500, false, true, 'offline'],
  ['no clock, no trust', 10_000, 1000, null, 10_500, true, true, 'stale'],
  ['the clock of the page is another one', 10_000, 1000, 700_000, 710_500, true, true, 'fresh'],
];
for (const [name, up, period, offset, now, flows, answers, expected] of FRESH) {
  test(`freshness: ${name}`, () => {
    assert.equal(freshness(up, period, offset, now, flows, answers), expected);
    const reading = { value: 1, upMs: up, group: 'g' };
    const periods = period === undefined ? {} : { g: period };
    assert.equal(readingFreshness(reading, periods, offset, now, flows, answers), expected);
    const none = readingFreshness({ ...reading, value: null }, periods, offset, now, flows, answers);
    assert.equal(none, expected === 'fresh' ? 'none' : expected);
  });
}

test('what a device is does not age while it answers', () => {
  const serial = { value: null, text: 'SN-1', upMs: 0, group: 'info' };
  assert.equal(readingFreshness(serial, {}, 0, 3_600_000, true, true), 'fresh');
  assert.equal(readingFreshness(serial, {}, 0, 3_600_000, true, false), 'stale');
  assert.equal(readingFreshness(serial, {}, null, 0, true, true), 'stale');
  assert.equal(readingFreshness({ ...serial, text: undefined }, {}, 0, 5, true, true), 'none');
});

test('measures flow only with a link and a poller that is not known to be gone', () => {
  const services = (online) => new Map(online === undefined ? [] : [['poller', { online }]]);
  const table = [['online', undefined, true], ['online', true, true], ['online', false, false], ['offline', true, false], ['connecting', true, false], ['idle', true, false]];
  for (const [is, online, expected] of table) assert.equal(flowing({ link: { is }, services: services(online) }), expected, `${is} ${online}`);
});

test('ages are never negative and grow in words', () => {
  assert.equal(ageMs(5000, 0, 4000), 0);
  assert.equal(ageMs(5000, null, 4000), null);
  assert.equal(staleAfterMs(undefined), 30_000);
  const table = [[0, 'now', 0], [1999, 'now', 0], [2000, 'seconds', 2], [119_999, 'seconds', 119], [120_000, 'minutes', 2], [7_199_000, 'minutes', 119], [7_200_000, 'hours', 2], [172_800_000, 'days', 2]];
  for (const [age, key, n] of table) assert.deepEqual(ageWords(age), { key, n });
});

test('times are those of the site', () => {
  const now = new Date('2026-03-10T12:00:00Z');
  assert.equal(showTime('2026-03-10T08:05:00.000Z', 'en-GB', 'Europe/Paris', now), '09:05');
  assert.match(showTime('2026-03-09T23:30:00Z', 'en-GB', 'Europe/Paris', now), /^00:30$/);
  assert.match(showTime('2026-03-08T08:05:00Z', 'en-GB', 'Europe/Paris', now), /8 Mar.* 09:05/);
  assert.match(showTime('2025-12-31T08:05:00Z', 'en-GB', 'Europe/Paris', now), /2025/);
  assert.equal(showTime('never', 'en', 'Europe/Paris', now), null);
  assert.equal(showTime('2000-01-01T00:05:00Z', 'en', 'Europe/Paris', now), null); // of a clock that was never set
  assert.ok(showTime('2026-03-10T08:05:00Z', 'en', 'Nowhere/Land', now));
});

test('tries come at growing distances, at most 18 s', () => {
  assert.deepEqual([0, 1, 2, 3, 4, 99].map((n) => backoffMs(n, 0.5)), [1000, 2000, 4000, 8000, 15_000, 15_000]);
  assert.deepEqual([backoffMs(0, 0), backoffMs(99, 1)], [800, 18_000]);
});

const GOOD = { pin: '99999', puk: '00000999900000', newPin: '12345', newPuk: '12345678901234', repeatPin: '12345', repeatPuk: '12345678901234' };
const CODES = [
  ['all right', {}, {}], ['short PIN', { newPin: '1234', repeatPin: '1234' }, { newPin: 'five' }], ['the old PIN again', { newPin: '99999', repeatPin: '99999' }, { newPin: 'still_default' }],
  ['short PUK', { newPuk: '1', repeatPuk: '1' }, { newPuk: 'fourteen' }], ['the old PUK again', { newPuk: '00000999900000', repeatPuk: '00000999900000' }, { newPuk: 'still_default' }],
  ['PIN repeated wrongly', { repeatPin: '12346' }, { repeatPin: 'same_pin' }], ['PUK repeated wrongly', { repeatPuk: '1' }, { repeatPuk: 'same_puk' }], ['no present codes', { pin: '', puk: '' }, { pin: 'five', puk: 'fourteen' }],
];
for (const [name, change, expected] of CODES) test(`codes: ${name}`, () => assert.deepEqual(checkCodes({ ...GOOD, ...change }), expected));
test('pasted codes lose their spaces', () => assert.equal(onlyDigits(' 00000 9999-00000\n'), '00000999900000'));

test('addresses behind the # are pages', () => {
  assert.deepEqual(readRoute('#/installation/5'), { page: 'installation', rest: '5' });
  assert.deepEqual(readRoute(''), { page: '', rest: '' });
  assert.deepEqual(readRoute('#/'), { page: '', rest: '' });
});
