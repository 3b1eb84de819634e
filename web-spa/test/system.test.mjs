// The forms of the system configuration: what is typed against the objects of the site file.
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  asks, busForm, busValue, deviceForm, deviceValue, mayHaveParts, mayNamePhase, maySayPhases, mayTurnPhases, otherSide, paramsOf, withProfile, partModels, partTwice, pulseIn, pulseWeight, readUnit, readWhere, searchProfiles,
  typed,
} from '../src/pages/system/model.ts';

const profile = (id, more = {}) => ({ id, family: 'F', model: id, kind: 'meter', confidence: 'driver', table: true, own: false, catalogue: [], asks: [], params: [], points: [], phases: 1, ...more });

test('what is typed is a number, hexadecimal text, or goes to the gateway as it is', () => {
  for (const [text, value] of [['', undefined], [' 5 ', 5], ['1,5', 1.5], ['0x1F', '0x1F'], ['abc', 'abc']]) assert.equal(typed(text), value);
  assert.deepEqual(readUnit('2-1'), { unit: 2, interface: 1 });
  assert.deepEqual(readUnit('7'), { unit: 7, interface: undefined });
  assert.deepEqual(readUnit('x'), { unit: 'x', interface: undefined });
});

test('a bus comes back as it was stored, and keys the form does not know stay', () => {
  const stored = { id: 3, rev: 9, order: 1, name: 'A', type: 'rtu', address: '/dev/x', serial: { speed: 9600, parity: 'N', stop_bits: 2, timeout_ms: 200 }, local: true, on: false, location: 'L' };
  assert.deepEqual(busValue(busForm(stored), stored), { name: 'A', type: 'rtu', address: '/dev/x', serial: { speed: 9600, parity: 'none', stop_bits: 2, timeout_ms: 200 }, local: true, on: false, location: 'L' });
  assert.deepEqual(busValue({ ...busForm(null), address: '10.0.0.1' }, null), { type: 'tcp', address: '10.0.0.1', on: true });
  const named = { id: 3, rev: 1, name: '10.0.0.1', type: 'tcp', address: '10.0.0.1', on: true };
  assert.equal('name' in busValue({ ...busForm(named), address: '10.0.0.2' }, named), false, 'a name that was the address does not stick');
});

test('a device says what its model asks, and nothing else', () => {
  const pulse = profile('p', { asks: ['position'], params: [{ name: 'position', min: 1, max: 10, required: true }, { name: 'pulse_wh', min: 0, max: 9, preset: 1 }] });
  assert.deepEqual(paramsOf(pulse).map((one) => one.name), ['pulse_wh']);
  const form = { ...deviceForm(null), bus: '2', profile: 'p', address: '4', position: '3', params: { pulse_wh: '10', other: '1' }, supply: 'downstream', side: 'L' };
  assert.deepEqual(deviceValue(form, null, pulse), { bus: 2, profile: 'p', unit: 4, position: 3, params: { pulse_wh: 10 }, on: true });
  const breaker = profile('b', { kind: 'breaker', asks: ['supply'] });
  assert.equal(deviceValue({ ...form, profile: 'b' }, null, breaker).supply, 'downstream');
  const station = profile('s', { asks: ['side', 'phase'] });
  assert.deepEqual(deviceValue({ ...form, profile: 's', phases: '2', params: {} }, null, station), { bus: 2, profile: 's', unit: 4, side: 'L', phases: [2], on: true });
  assert.equal(asks(station, 'supply'), false);
  assert.equal(otherSide('L'), 'R');
  const stored = { id: 7, rev: 3, bus: 2, name: '4', unit: 4, profile: 'x', labels: { input_1: 'Door' }, zones: [5] };
  assert.deepEqual(deviceValue(deviceForm(stored), stored, profile('x')), { bus: 2, unit: 4, profile: 'x', labels: { input_1: 'Door' }, zones: [5], on: true });
  assert.equal(deviceValue({ ...deviceForm(stored), acceptCandidate: true }, stored, profile('x')).accept_candidate, undefined);
  assert.equal(deviceValue({ ...deviceForm(stored), acceptCandidate: true }, stored, profile('x', { confidence: 'candidate' })).accept_candidate, true);
});

test('what was accepted of one model is not of the next', () => {
  const stored = { id: 9, bus: 2, name: 'c', profile: 'one', unit: 1, accept_candidate: true, rev: 1 };
  assert.deepEqual([withProfile('two', stored).acceptCandidate, withProfile('one', stored).acceptCandidate, withProfile('one', null).acceptCandidate], [false, true, false]);
});

test('pulses: what one is worth, or how many make a kWh', () => {
  for (const [text, unit, weight] of [['10', '', 10], ['10', 'wh', 10], ['0,001', 'kwh', 1], ['1000', 'per_kwh', 1], ['800', 'per_kwh', 1.25], ['0', 'per_kwh', '0'], ['0.01', 'm3', 10], ['5', 'dm3', 5], ['x', 'wh', 'x'], ['', 'wh', undefined]]) {
    assert.equal(pulseWeight(text, unit), weight, `${text} ${unit}`);
  }
  assert.deepEqual([pulseIn('2', 'wh', 'per_kwh'), pulseIn('500', 'per_kwh', 'wh'), pulseIn('', 'wh', 'kwh'), pulseIn('abc', 'wh', 'kwh'), pulseIn('1500', 'dm3', 'm3')], ['500', '2', '', 'abc', '1.5']);
  const pulse = profile('p', { kind: 'pulse', params: [{ name: 'pulse_wh', min: 0, max: 9999, preset: 1 }] });
  const form = { ...deviceForm(null), bus: '2', profile: 'p', address: '4', params: { pulse_wh: '800' }, pulseUnit: 'per_kwh' };
  assert.deepEqual(deviceValue(form, null, pulse).params, { pulse_wh: 1.25 });
});

test('groups, labels and phases are asked where there are such things, and saved as the site file has them', () => {
  const three = profile('t', { phases: 3 });
  assert.deepEqual([mayTurnPhases(three), mayNamePhase(three)], [true, false]);
  assert.deepEqual([mayTurnPhases(profile('o')), mayNamePhase(profile('o'))], [false, true]);
  // Of every charge point, also one whose registers tell one current only.
  for (const phases of [1, 3]) assert.deepEqual([maySayPhases(profile('c', { kind: 'station', phases })), mayTurnPhases(profile('c', { kind: 'station', phases }))], [true, false]);
  assert.deepEqual([maySayPhases(profile('s', { kind: 'station', asks: ['phase'] })), maySayPhases(three)], [false, false]);
  assert.deepEqual([mayNamePhase(profile('s', { kind: 'station', asks: ['phase'] })), mayNamePhase(profile('p', { kind: 'pulse' })), mayNamePhase(undefined)], [false, false, false]);
  const form = { ...deviceForm(null), bus: '2', profile: 't', address: '4' };
  assert.deepEqual(deviceValue({ ...form, phases: '231' }, null, three).phases, [2, 3, 1]);
  assert.equal(deviceValue(form, null, three).phases, undefined);
  assert.deepEqual(deviceValue({ ...form, labels: { input_1: ' Door ', output_1: ' ' } }, null, three).labels, { input_1: 'Door' });
  const ems = profile('e', { family: 'EMS', asks: ['interface'] });
  assert.equal(mayHaveParts(ems), true);
  assert.deepEqual(partModels([ems, three, profile('g', { family: 'EMS' })], 'EMS').map((one) => one.id), ['e']);
  const group = { ...form, profile: 'e', parts: [{ name: ' Lamp ', profile: 'f' }, { name: '', profile: '' }] };
  assert.deepEqual(deviceValue(group, null, ems).parts, [{ name: 'Lamp', profile: 'f' }, {}]);
  assert.equal(partTwice(group), false);
  assert.equal(partTwice({ ...group, parts: [{ name: '', profile: 'e' }] }), true, 'a duplicate function');
  const stored = { id: 7, rev: 3, bus: 2, name: '4', unit: 4, profile: 'e', parts: [{ profile: 'f', name: 'Lamp' }], phases: [3, 1, 2], labels: { output_2: 'Pump' } };
  assert.deepEqual(deviceValue(deviceForm(stored), stored, ems), { bus: 2, unit: 4, profile: 'e', parts: [{ profile: 'f', name: 'Lamp' }], phases: [3, 1, 2], labels: { output_2: 'Pump' }, on: true });
});

test('a model is found by its number, with or without spaces, or by words', () => {
  const all = [profile('a', { family: 'Legrand', model: 'EMDX3 meter', catalogue: ['4 120 45'] }), profile('sdm630', { family: 'Eastron', model: 'SDM630-Modbus' })];
  for (const [wanted, ids] of [['4 120 45', ['a']], ['41204', ['a']], ['sdm 630', ['sdm630']], ['eastron', ['sdm630']], ['legrand emdx', ['a']], ['', []], ['nothing', []]]) {
    assert.deepEqual(searchProfiles(all, wanted).map((one) => one.id), ids, wanted);
  }
});

test('an address of the page', () => {
  assert.deepEqual(readWhere(''), { tab: 'buses', id: '', more: [] });
  assert.deepEqual(readWhere('devices/new/2/9/acme-m1'), { tab: 'devices', id: 'new', more: ['2', '9', 'acme-m1'] });
});
