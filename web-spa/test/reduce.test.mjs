import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reduce, reduceAll } from '../src/store/reduce';
import { EMPTY } from '../src/store/state';
import { readTopic } from '../src/store/topic';

const mqtt = (topic, payload, at = 1000) => ({ type: 'mqtt', topic, payload: typeof payload === 'string' ? payload : JSON.stringify(payload), at });
const session = { user: { id: 1, name: 'x' }, pages: [], site: 's', base: 'edgewatt/s', language: 'en', mqtt: { username: 'u', password: 'p' }, must_change: false, idle_s: 1800 };

const TOPICS = [
  ['service/poller/status', { kind: 'service', name: 'poller' }],
  ['config/bus/1', { kind: 'config', what: 'bus', id: 1 }],
  ['config/device/12', { kind: 'config', what: 'device', id: 12 }],
  ['config/panel/3', { kind: 'config', what: 'panel', id: 3 }],
  ['config/profile/sdm630', { kind: 'profile', id: 'sdm630' }],
  ['config/settings/site', { kind: 'settings', name: 'site' }],
  ['config/cost_rule/7', { kind: 'config', what: 'cost_rule', id: 7 }],
  ['config/secret/7', null],
  ['greenup/status', { kind: 'greenup' }],
  ['session/21', { kind: 'session', id: 21 }],
  ['session/0', null],
  ['session/21/more', null],
  ['bus/1/status', { kind: 'busStatus', id: 1 }],
  ['device/7/status', { kind: 'deviceStatus', id: 7 }],
  ['device/7/charge', { kind: 'charge', id: 7 }],
  ['device/7/state', { kind: 'deviceState', id: 7 }],
  ['device/7/measures/instant', { kind: 'measures', id: 7, group: 'instant' }],
  // Not ours, or not well formed.
  ['device/7/measures', null], ['device/7/measures/instant/x', null], ['device/07/status', null], ['device/x/status', null],
  ['device/7/setpoint', null], ['device/7/status/x', null], ['config/bus/x', null], ['config/tariff/1', { kind: 'config', what: 'tariff', id: 1 }], ['service/poller', null],
  ['bus/1', null], ['bus/1/load', null], ['other/1/status', null], ['', null], ['device/99999999999/status', null],
];
for (const [topic, expected] of TOPICS) {
  test(`topic ${topic || '(empty)'} is ${expected ? expected.kind : 'unknown'}`, () => assert.deepEqual(readTopic(topic), expected));
}

test('a message changes its own table and no other', () => {
  const next = reduce(EMPTY, mqtt('device/7/status', { state: 'on', reason: null, since: '2026-01-01T00:00:00Z' }));
  assert.equal(next.deviceStatus.get(7).state, 'on');
  assert.equal(EMPTY.deviceStatus.size, 0, 'the state before is untouched');
  for (const key of Object.keys(EMPTY)) if (key !== 'deviceStatus') assert.equal(next[key], EMPTY[key], key);
});

test('an empty payload deletes', () => {
  const full = reduceAll(EMPTY, [mqtt('config/bus/1', { id: 1, name: 'a', type: 'tcp', rev: 1 }), mqtt('config/device/2', { id: 2, bus: 1, name: 'd', rev: 1 })]);
  const next = reduceAll(full, [mqtt('config/bus/1', ''), mqtt('config/device/2', '')]);
  assert.equal(full.buses.size, 1);
  assert.equal(next.buses.size + next.devices.size, 0);
});

const HOSTILE = ['{', 'null', '[]', '"x"', '12', '{"up_ms":"x","values":{}}', '{"values":{"a":1}}', '{"up_ms":5,"values":null}', '{"up_ms":5,"values":[1]}'];
for (const payload of HOSTILE) {
  test(`measures ${payload} leave what was known`, () => {
    const known = reduce(EMPTY, mqtt('device/1/measures/instant', { ts: 't', up_ms: 5, values: { active_power: 1 } }));
    assert.deepEqual(reduce(known, mqtt('device/1/measures/instant', payload)).measures.get(1), known.measures.get(1));
  });
}

test('values that are no numbers are no values; text is text', () => {
  const next = reduce(EMPTY, mqtt('device/1/measures/info', '{"ts":"t","up_ms":5,"values":{"a":1e999,"b":true,"c":null,"d":2,"serial":"X1"}}'));
  const { readings } = next.measures.get(1);
  assert.deepEqual(['a', 'b', 'c', 'd'].map((name) => readings[name].value), [null, null, null, 2]);
  assert.equal(readings.serial.text, 'X1');
});

test('a pass that read less keeps the older values with their own age', () => {
  const next = reduceAll(EMPTY, [
    mqtt('device/1/measures/instant', { ts: 't', up_ms: 1000, values: { active_power: 1, frequency: 50 } }),
    mqtt('device/1/measures/instant', { ts: 't', up_ms: 2000, values: { active_power: 2 } }),
  ]);
  const { readings } = next.measures.get(1);
  assert.deepEqual([readings.active_power.upMs, readings.frequency.upMs], [2000, 1000]);
});

const PERIODS = [
  // what arrives (up_ms), what is stated, what the period then is
  ['nothing is known from one message', [1000], undefined, undefined],
  ['two messages tell the distance', [1000, 2000], undefined, 1000],
  ['small changes are followed slowly', [0, 1000, 2200], undefined, 1050],
  ['a gap is no rhythm', [0, 1000, 60_000], undefined, 1000],
  ['a repetition tells nothing', [1000, 1000], undefined, undefined],
  ['a step back tells nothing', [5000, 6000, 100], undefined, 1000],
  ['the word of the gateway counts', [0, 1000, 2000], 5000, 5000],
];
for (const [name, ups, stated, expected] of PERIODS) {
  test(`period: ${name}`, () => {
    const messages = ups.map((up_ms) => ({ ts: 't', up_ms, values: { a: 1 }, ...(stated ? { period_ms: stated } : {}) }));
    const groups = reduceAll(EMPTY, messages.map((one) => mqtt('device/1/measures/g', one))).measures.get(1).periods;
    assert.equal(groups.g, expected);
    const charges = reduceAll(EMPTY, messages.map((one) => mqtt('device/1/charge', { ...one, state: 'A' }))).charges.get(1);
    assert.equal(charges.period_ms, expected);
  });
}

test('deleting one group leaves the others', () => {
  const full = reduceAll(EMPTY, [
    mqtt('device/1/measures/instant', { ts: 't', up_ms: 1, values: { active_power: 1 } }),
    mqtt('device/1/measures/energy', { ts: 't', up_ms: 1, values: { active_energy_import: 5 } }),
  ]);
  const next = reduce(full, mqtt('device/1/measures/instant', ''));
  assert.deepEqual(Object.keys(next.measures.get(1).readings), ['active_energy_import']);
  assert.equal(reduce(next, mqtt('device/1/measures/energy', '')).measures.has(1), false);
});

test('the clock is the smallest distance seen: old retained values do not make it wrong', () => {
  const at = 500_000;
  const next = reduceAll(EMPTY, [
    mqtt('device/1/measures/instant', { ts: 't', up_ms: 100_000, values: {} }, at),       // two hours late, say
    mqtt('device/2/measures/instant', { ts: 't', up_ms: 400_000, values: {} }, at),
    mqtt('device/2/measures/instant', { ts: 't', up_ms: 400_500, values: {} }, at + 700), // a slow network
  ]);
  assert.equal(next.clockOffset, 100_000);
  assert.equal(reduce(next, { type: 'clock', upMs: 500_000, at }).clockOffset, 0);
});

test('a new connection replaces everything retained and forgets the clock', () => {
  const before = reduceAll(EMPTY, [
    { type: 'visit', visit: { at: 'inside', session } }, { type: 'link', link: { is: 'offline', lost: 'broker', retryAt: 5 } },
    mqtt('config/device/1', { id: 1, bus: 1, name: 'gone', rev: 1 }), { type: 'clock', upMs: 5, at: 10 },
  ]);
  const next = reduceAll(before, [{ type: 'fresh' }, mqtt('config/device/2', { id: 2, bus: 1, name: 'here', rev: 2 }), { type: 'link', link: { is: 'online' } }]);
  assert.deepEqual([...next.devices.keys()], [2]);
  assert.equal(next.visit.session.site, 's');
  assert.deepEqual([next.clockOffset, next.lastLost, next.link.is], [null, null, 'online']);
});

test('what was lost is remembered while connecting again', () => {
  const next = reduceAll(EMPTY, [{ type: 'link', link: { is: 'offline', lost: 'gateway', retryAt: 5 } }, { type: 'link', link: { is: 'connecting' } }]);
  assert.equal(next.lastLost, 'gateway');
});

test('logging out leaves nothing behind', () => {
  const full = reduceAll(EMPTY, [{ type: 'visit', visit: { at: 'inside', session } }, mqtt('config/device/1', { id: 1, bus: 1, name: 'd', rev: 1 })]);
  assert.deepEqual(reduce(full, { type: 'visit', visit: { at: 'login', ended: false } }), { ...EMPTY, visit: { at: 'login', ended: false } });
});

test('a burst is applied in one copy of each table', () => {
  const burst = Array.from({ length: 5000 }, (_, i) => mqtt(`device/${(i % 500) + 1}/measures/instant`, { ts: 't', up_ms: i + 1, values: { active_power: i } }));
  const began = performance.now();
  const next = reduceAll(EMPTY, burst);
  assert.equal(next.measures.size, 500);
  assert.equal(next.measures.get(500).readings.active_power.value, 4999);
  assert.ok(performance.now() - began < 1500, 'quadratic work on bursts');
});
