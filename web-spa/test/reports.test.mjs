// What a report is of: named periods, what can be chosen, what is asked, what is missing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as model from '../src/pages/reports/model';

const PERIODS = [
  ['today', '2026-03-31', '2026-03-31', '2026-03-31'], ['month', '2026-03-31', '2026-03-01', '2026-03-31'], ['last_month', '2026-03-31', '2026-02-01', '2026-02-28'],
  ['last_month', '2024-03-01', '2024-02-01', '2024-02-29'], ['last_month', '2026-01-15', '2025-12-01', '2025-12-31'], ['year', '2026-03-31', '2026-01-01', '2026-03-31'],
  ['last_year', '2026-03-31', '2025-01-01', '2025-12-31'],
];
for (const [period, today, from, to] of PERIODS) test(`${period} on ${today}`, () => assert.deepEqual(model.daysOf(period, today), { from, to }));

const table = (list, key = 'id') => new Map(list.map((one) => [one[key], one]));
const things = {
  devices: table([{ id: 3, name: 'Meter 10', profile: 'm' }, { id: 2, name: 'Meter 9', profile: 'm' }, { id: 4, name: 'Point', profile: 's' }, { id: 5, name: 'Relay', profile: 'io' }, { id: 6, name: 'New' }]),
  profiles: table([{ id: 'm', kind: 'meter', quantities: ['active_energy_import'] }, { id: 's', kind: 'station', quantities: ['active_power'] }, { id: 'io', kind: 'io', quantities: [] }]),
  zones: table([{ id: 60, name: 'Hall' }]), circuits: table([{ id: 50, use: 'heating' }]),
};
const ids = (scope) => model.itemsOf(scope, things, () => 'Heating').map((one) => one.id);

test('what counts can be chosen, in the order of names; charge points apart', () => {
  assert.deepEqual([ids('devices'), ids('stations'), ids('zones'), ids('circuits')], [[2, 3, 6], [4], [60], [50]]);
  assert.deepEqual(model.found([{ id: 1, name: 'Été' }, { id: 2, name: 'Hall' }], ' é').map((one) => one.id), [1]);
});

test('all is asked without a list; some with those that are still there', () => {
  const items = model.itemsOf('devices', things, String);
  const all = model.first('2026-03-31');
  assert.deepEqual(model.argsOf(all, items), { action: 'start', scope: 'devices', from: '2026-03-01', to: '2026-03-31', by: 'minutes', cost: false });
  const some = model.toggle(model.toggle({ ...all, all: false }, 3), 99);
  assert.deepEqual(model.argsOf(some, items).ids, [3]);
  assert.deepEqual(model.toggle(some, 3).ids, new Set([99]));
  assert.deepEqual(model.changeScope(some, 'zones').all, true);
});

test('what is missing is told, the first thing first', () => {
  const items = [{ id: 3, name: 'Meter' }];
  const question = model.first('2026-03-31');
  const problem = (what, of = items) => model.problemOf({ ...question, ...what }, of);
  assert.deepEqual([problem({}), problem({}, []), problem({ all: false }), problem({ all: false, ids: new Set([99]) }), problem({ from: '' }), problem({ to: '2026-02-28' })],
    [null, 'nothing', 'none_chosen', 'none_chosen', 'date', 'dates']);
  assert.equal(model.changeDay(question, { to: '2026-03-02' }).period, 'own');
  assert.equal(model.changePeriod(model.changeDay(question, { to: '2026-03-02' }), 'month', '2026-03-31').to, '2026-03-31');
});
