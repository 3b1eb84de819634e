// Links between modules: what both ends say becomes one list; errors, missing partners, what can't be read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as model from '../src/pages/links/model';

const EMS = 'Legrand EMS CX3';
const profile = (id, quantities = [], family = EMS) => [id, { id, kind: 'io', family, quantities, rev: 1 }];
const profiles = new Map([
  profile('signal', ['input_1', 'link_action_1', 'link_error_1']), profile('command', ['output_1', 'link_event_1']),
  profile('measure', ['active_power']), profile('meter', ['active_power'], 'Acme'), profile('gate', ['link_event_1'], 'Acme'),
]);
const buses = new Map([[1, { id: 1, name: 'Local', type: 'rtu', rev: 1 }], [2, { id: 2, name: 'Annex', type: 'rtu', rev: 1 }]]);
const device = (id, unit, profileId, more = {}) => [id, { id, bus: 1, unit, name: `D${id}`, profile: profileId, rev: 1, ...more }];
const said = (links) => ({ ts: '2026-01-01T00:00:00.000Z', up_ms: 1, links });
const see = (devices, links) => model.picture({ buses, devices: new Map(devices), profiles }, new Map(links));
const short = (row) => [row.event, row.action].map((end) => (end.is === 'device' ? end.device.id : end.is === 'missing' ? end.address : '?')).join('>');

test('no modules of the range: nothing to show', () => {
  assert.deepEqual(see([device(1, 5, 'meter')], []), { rows: [], modules: 0, unreadable: [], waiting: [] });
});
test('a module without link registers is not readable, one with them waits until it was read', () => {
  const seen = see([device(1, 5, 'measure'), device(2, 6, 'signal')], []);
  assert.deepEqual([seen.unreadable.map((one) => one.id), seen.waiting.map((one) => one.id), seen.rows], [[1], [2], []]);
});
test('a module of another range counts when its profile names links', () => assert.equal(see([device(1, 5, 'gate')], []).waiting.length, 1));
test('a module in a group counts by its part', () => {
  assert.equal(see([device(1, 5, 'meter', { parts: [{ profile: 'signal' }] })], []).waiting.length, 1);
});
test('both ends tell of one link: it is one row, in error when either says so', () => {
  const both = see([device(1, 5, 'signal'), device(2, 6, 'command')], [
    [1, said([{ number: 1, this: 'event', unit: 6, error: 0 }])], [2, said([{ number: 1, this: 'action', unit: 5, error: 3 }])]]);
  assert.deepEqual(both.rows.map((row) => [short(row), row.error, model.inError(row)]), [['1>2', 3, true]]);
});
test('a link that tells no error is neither good nor bad', () => {
  const [row] = see([device(1, 5, 'signal'), device(2, 6, 'command')], [[1, said([{ number: 1, this: 'event', unit: 6 }])]]).rows;
  assert.deepEqual([row.error, model.inError(row)], [null, false]);
});
test('a partner that is not set up is named by its address; one of another bus or interface is not it', () => {
  const seen = see([device(1, 5, 'signal', { interface: 2 }), device(2, 6, 'command', { bus: 2, interface: 2 }), device(3, 6, 'command', { interface: 3 })],
    [[1, said([{ number: 1, this: 'event', unit: 6 }])]]);
  assert.deepEqual(seen.rows.map((row) => [short(row), model.inError(row)]), [['1>6-2', true]]);
  const told = see([device(1, 5, 'signal', { interface: 2 }), device(3, 6, 'command', { interface: 3 })], [[1, said([{ number: 1, this: 'event', unit: 6, interface: 3 }])]]);
  assert.deepEqual(told.rows.map(short), ['1>3']);
});
test('an address that could not be read is unknown, and two of them stay two', () => {
  const seen = see([device(1, 5, 'signal')], [[1, said([{ number: 1, this: 'event', unit: null }, { number: 2, this: 'event', unit: null }])]]);
  assert.deepEqual(seen.rows.map((row) => [short(row), model.inError(row)]), [['1>?', false], ['1>?', false]]);
});
test('devices that are part of a link, and no others', () => {
  const devices = new Map([device(1, 5, 'signal'), device(2, 6, 'command'), device(3, 7, 'measure')]);
  assert.deepEqual([...model.linkedDevices(new Map([[1, said([{ number: 1, this: 'event', unit: 6 }])], [9, said([])]]), devices)], [1, 2]);
});
test('a module shows its bus and its address', () => assert.equal(model.placeOf(device(1, 2, 'signal', { interface: 1 })[1], buses), 'Local · 2-1'));
