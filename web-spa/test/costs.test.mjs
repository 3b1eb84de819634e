// Tariffs and cost rules: what forms send, how rules change places, the stripes of a year.
import assert from 'node:assert/strict';
import test from 'node:test';
import { inOrder, placeAfterMove, ruleForm, ruleValue, stripes, tariffForm, tariffValue } from '../src/pages/system/costs_model.ts';

test('a tariff comes back as it was stored; empty prices are left out, a comma is a decimal point', () => {
  const stored = { id: 70, rev: 3, service: 'electricity', name: 'A', color: '#ff8800', prices: [{ price: 0.1742, from: '2024-02-29' }, { price: 0.1862, from: '2025-02-01' }] };
  assert.deepEqual(tariffValue(tariffForm(stored), stored, 'electricity'), { service: 'electricity', name: 'A', color: '#ff8800', prices: stored.prices });
  const typed = { name: ' B ', color: '#000000', prices: [{ price: '4,34', from: '' }, { price: ' ', from: '' }] };
  assert.deepEqual(tariffValue(typed, null, 'water'), { service: 'water', name: 'B', color: '#000000', prices: [{ price: 4.34 }] });
});

test('a rule comes back as it was stored; every day is no list of days', () => {
  const stored = { id: 80, rev: 3, order: 4, service: 'gas', tariff: 70, from: '06:00', to: '21:59', weekdays: [1, 2], from_date: '2020-12-25', to_date: '2020-12-25', yearly: true };
  const { id, rev, order, ...value } = stored;
  assert.deepEqual(ruleValue(ruleForm(stored, undefined), stored, 'gas'), value);
  assert.deepEqual(ruleValue(ruleForm(null, 71), null, 'water'), { service: 'water', tariff: 71, from: '00:00', to: '23:59' });
});

test('a rule changes places with its neighbour of the same service', () => {
  const all = inOrder([{ id: 3, order: 2, service: 'electricity' }, { id: 1, order: 0, service: 'electricity' }, { id: 2, order: 1, service: 'gas' }]);
  assert.deepEqual(all.map((one) => one.id), [1, 2, 3]);
  assert.equal(placeAfterMove(all, all[2], true), 0);
  assert.equal(placeAfterMove(all, all[0], false), 2);
  assert.equal(placeAfterMove(all, all[0], true), null);
  assert.equal(placeAfterMove(all, all[1], true), null);
});

test('the stripes of a year are local, over the change of the clock too', () => {
  const answer = { segments: [{ start: '2025-12-31T23:00:00.000Z', tariff: 0 }, { start: '2026-03-28T21:00:00.000Z', tariff: 7 }, { start: '2026-03-29T04:00:00.000Z', tariff: 0 }], end: '2026-12-31T23:00:00.000Z', rule: null };
  const night = stripes(answer, 2026, 'Europe/Paris').filter((one) => one.tariff === 7);
  assert.deepEqual(night, [{ day: 86, from: 1320, to: 1440, tariff: 7 }, { day: 87, from: 0, to: 360, tariff: 7 }]);
  assert.equal(stripes(answer, 2026, 'Europe/Paris').at(-1).day, 364);
});
