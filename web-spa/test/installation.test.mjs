import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as outputs from '../src/pages/installation/outputs';
import {
  addressOf, answering, arrange, blocksOf, busAddress, chargeBlocks, busState, deviceState, functionsOf, harmonicsOf, headline, newest, statisticsOf,
} from '../src/pages/installation/model';

const bus = (id, name, more) => [id, { id, name, type: 'tcp', rev: 1, ...more }];
const device = (id, on, name, more) => [id, { id, bus: on, name, rev: 1, unit: id, ...more }];
const CONFIG = {
  buses: new Map([bus(1, 'Local', { panel: 8 }), bus(2, 'Garage'), bus(3, 'Empty')]),
  devices: new Map([device(10, 1, 'Meter 10'), device(11, 1, 'Meter 2', { profile: 'sdm630' }), device(12, 2, 'Charger'), device(13, 99, 'Lost')]),
  panels: new Map([[8, { id: 8, name: 'Main', rev: 1 }]]),
  profiles: new Map([['sdm630', { id: 'sdm630', kind: 'meter', quantities: [], rev: 1, model: 'SDM630 Modbus', family: 'Eastron' }]]),
};
const shape = (groups) => groups.map((group) => [group.key, group.devices.map((one) => one.id)]);

const ARRANGED = [
  ['bus', '', [['bus-3', []], ['bus-2', [12]], ['bus-1', [11, 10]], ['no-bus', [13]]]],
  ['panel', '', [['panel-8', [11, 10]], ['no-panel', [12, 13]]]],
  ['all', '', [['all', [12, 13, 11, 10]]]],
  ['bus', 'eastron', [['bus-1', [11]]]],
  ['all', ' METER ', [['all', [11, 10]]]],
  ['bus', 'garage', [['bus-2', [12]]]],
  ['panel', 'nothing', []],
  ['all', 'nothing', []],
];
for (const [by, search, expected] of ARRANGED) {
  test(`arranged by ${by}${search && `, searching "${search}"`}`, () => assert.deepEqual(shape(arrange(CONFIG, by, search)), expected));
}

test('addresses are written as in the manual', () => {
  const table = [[{ unit: 5 }, '5'], [{ unit: 2, interface: 1 }, '2-1'], [{ unit: 5, position: 3 }, '5/3'], [{ unit: null }, ''], [{}, '']];
  for (const [fields, expected] of table) assert.equal(addressOf({ id: 1, bus: 1, name: 'x', rev: 1, ...fields }), expected);
  assert.equal(busAddress({ address: '10.0.0.2', port: 502 }), '10.0.0.2:502');
  assert.equal(busAddress({ address: '/dev/ttyS1' }), '/dev/ttyS1');
  assert.equal(busAddress({}), '');
});

test('states: what the gateway says, else what is switched off, else unknown', () => {
  const status = (state) => ({ state, reason: null, since: '' });
  assert.equal(deviceState({ on: true }, status('fault')), 'fault');
  assert.equal(deviceState({ on: false }, undefined), 'off');
  assert.equal(deviceState({ on: true }, undefined), 'unknown');
  assert.equal(busState({ on: false }, undefined), 'off');
  assert.equal(busState({}, status('error')), 'error');
  assert.deepEqual(['on', 'off', 'error', 'fault', 'unconfigured', 'unknown'].map(answering), [true, false, false, true, false, true]);
});

const measures = (values) => ({ periods: {}, readings: Object.fromEntries(Object.entries(values).map(([name, value], i) => [name, { value, upMs: i, group: 'g' }])) });

test('measures become blocks of rows by phases', () => {
  const blocks = blocksOf(measures({ current_l1: 1, current_n: 0, voltage_l1_n: 230, voltage_l2_n: null, active_power: 5, frequency: 50, thd_voltage_l1: 2, harmonic_voltage_l1_3: 1, voltage_l1_n_mean: 230, new_thing: 7 }));
  assert.deepEqual(blocks.map((block) => [block.section, block.phases, block.rows.map((row) => row.base)]), [
    ['power', ['total'], ['active_power']],
    ['electric', ['l1', 'l2', 'n'], ['voltage_phase', 'current', 'frequency']],
    ['quality', ['l1'], ['thd_voltage']],
    ['other', ['total'], ['new_thing']],
  ]);
});

test('what a charge point measures besides its own lines becomes tables', () => {
  const charge = { ts: 't', up_ms: 7, period_ms: 500, state: null, limit_a: 16, rated_a: 32, power: 5, session_wh: 1, errors: [], current_l1: 1, current_l2: null, voltage_l1_n: 230, session_duration: 60, active_power_l1: 5 };
  assert.deepEqual(chargeBlocks(charge).map((block) => [block.section, block.phases, block.rows.map((row) => row.base)]), [
    ['other', ['l1', 'l2'], ['active_power', 'voltage_phase', 'current']], ['other', ['total'], ['session_duration']],
  ]);
  assert.equal(chargeBlocks(charge)[0].rows[0].cells.l1.upMs, 7);
});

test('harmonics are ordered by number, statistics by quantity and phase', () => {
  const all = measures({ harmonic_voltage_l1_11: 1, harmonic_voltage_l1_3: 2, harmonic_voltage_l2_3: 3, harmonic_current_l1_5: 1, current_l1_max: 9, voltage_l2_n_min: 1, voltage_l1_n_max: 3, voltage_l1_n_min: 2 });
  assert.deepEqual(harmonicsOf(all).map((block) => [block.rows[0].base, block.phases, block.rows.map((row) => row.order)]), [
    ['harmonic_voltage', ['l1', 'l2'], [3, 11]], ['harmonic_current', ['l1'], [5]],
  ]);
  assert.deepEqual(statisticsOf(all).map((row) => [row.key, row.min?.value, row.max?.value]), [
    ['voltage_phase/l1', 2, 3], ['voltage_phase/l2', 1, undefined], ['current/l1', undefined, 9],
  ]);
});

test('the headline is power, else a counter; the newest reading tells the age', () => {
  assert.equal(headline(measures({ active_energy_import: 1, active_power: 2 })).name, 'active_power');
  assert.equal(headline(measures({ volume: 1 })).name, 'volume');
  assert.equal(headline(measures({ frequency: 50 })), null);
  assert.equal(headline(undefined), null);
  assert.equal(newest([undefined, { upMs: 3 }, { upMs: 9 }, { upMs: 4 }]).upMs, 9);
  assert.equal(newest([]), null);
});

test('outputs are those that are read and those that can be switched', () => {
  assert.deepEqual(outputs.outputsOf({ outputs: { 2: true, 10: null } }, ['output_1', 'output_2', 'reset_partial_energy', 'limit']), [1, 2, 10]);
  assert.deepEqual(outputs.resetsOf(['output_1', 'reset_partial_energy']), ['partial_energy']);
  assert.deepEqual(outputs.outputsOf(undefined, undefined), []);
});

test('saving one output leaves the rest of the device alone', () => {
  const device = { id: 1, bus: 1, name: 'IO', rev: 3, labels: { input_1: 'Door', output_2: 'Old' }, outputs: { 2: { off_s: 2 }, 3: { contact: 'nc' } } };
  assert.deepEqual(outputs.outputForm(device, 3), { label: '', contact: 'nc', form: 'impulse', onS: '0' });
  const saved = outputs.outputSettings(device, 2, { label: ' Fan ', contact: 'no', form: 'blinking', onS: '1,5' });
  assert.deepEqual(saved, { ...device, labels: { input_1: 'Door', output_2: 'Fan' }, outputs: { 2: { off_s: 2, contact: 'no', form: 'blinking', on_s: 1.5 }, 3: { contact: 'nc' } } });
  assert.equal(outputs.outputSettings(device, 2, { ...outputs.outputForm(device, 2), onS: 'x' }), null);
  assert.deepEqual(outputs.outputSettings(device, 2, { ...outputs.outputForm(device, 2), label: '' }).labels, { input_1: 'Door' });
});

test('what a device does: measures, tells a state, takes commands', () => {
  const of = (quantities, commands) => Object.entries(functionsOf({ quantities, commands })).filter(([, is]) => is).map(([name]) => name).join();
  assert.equal(of(['active_power', 'serial_number'], undefined), 'measure');
  assert.equal(of(['state', 'current_limit'], ['limit', 'reset_partial_energy']), 'state');
  assert.equal(of(['input_1'], ['output_2']), 'state,command');
  assert.equal(of(['partial_active_energy_import', 'error_code'], ['plug']), 'measure,state,command');
  assert.deepEqual(functionsOf(undefined), { measure: false, state: false, command: false });
});
