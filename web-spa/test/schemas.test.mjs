// The schemas compile, and say yes and no where they should.
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';

const Ajv = createRequire(join(PROJECT, 'web-spa/package.json'))('ajv/dist/2020').default;
const SCHEMAS = join(PROJECT, 'schemas');
const ajv = new Ajv({ strict: false, allErrors: true });
const names = ['topics', 'http', 'calls'].flatMap((folder) => readdirSync(join(SCHEMAS, folder)).map((file) => `${folder}/${file}`));
const BASE = 'file:///';
for (const name of names) ajv.addSchema({ ...JSON.parse(readFileSync(join(SCHEMAS, name), 'utf8')), $id: BASE + name });
const reason = { code: 'bus.timeout', params: { unit: '5' }, text: 'Unit 5 does not answer.' };
const ts = '2026-03-01T12:00:00.000Z';

const station = { id: 5, state: 'charge', level: 1, limit_a: 24, rated_a: 32, cap_a: null, current_a: [23.9, null, 0], priority: false, priority_default: false, hold: false, forced: false, queue: null, plugged_at: ts, session_ah: 1.5, guaranteed_ah: 32, reason, lost: false, disobeys: false, watchdog: 'verified', accepted: [{ code: 'greenup.no_watchdog', account: 'A', at: ts, text: 'x' }] };
const phase = (n, band) => ({ phase: n, band, current_a: 80, maximum_a: 100, hold_a: 95, charging_max_a: 90, base_a: null, booked_a: 84 });
const greenup = { ts, up_ms: 5, mode: 'run', on: true, alarms: [reason], meter: { device: 3, ok: true, age_ms: 400, reason: null }, phases: [phase(1, 'green'), phase(2, 'yellow'), phase(3, 'red')], stations: [station] };
const charge = { station: 5, session: '5-1', started: ts, plugged_at: ts, ended: null, wh: null, ah: 1.5, peak_a: 24, interruptions: [{ at: ts, until: null, reason }], reason };

const CASES = [
  ['topics/greenup_status', true, greenup], ['topics/greenup_status', false, { ...greenup, mode: 'on' }], ['topics/greenup_status', false, { ...greenup, phases: [] }],
  ['topics/greenup_status', false, { ...greenup, stations: [{ ...station, level: 4 }] }], ['topics/greenup_status', false, { ...greenup, stations: [{ ...station, queue: 0 }] }],
  ['topics/session', true, charge], ['topics/session', false, { ...charge, ah: -1 }], ['topics/session', false, { ...charge, plugged_at: null }],
  ['calls/controller_check', true, { on: false, against: [{ device: null, reason }], accept: [{ device: 5, code: 'greenup.no_watchdog', reason, accepted: false }] }], ['calls/controller_check', false, { on: false, against: [{ device: null }], accept: [] }],
  ['calls/controller_switch', true, { on: true, rev: 4 }], ['calls/controller_override', true, { device: 5, priority: true, hold: false, forced: false }], ['calls/controller_override', false, { device: 5 }],
  ['topics/service_status', true, { online: false }], ['topics/service_status', false, {}],
  ['topics/service_status', true, { online: true, version: '0.1.0', since: ts, pid: 5, rss_bytes: 100, more: 1 }],
  ['topics/service_status', true, { online: true, beat: 4, late_ms: 0, restarts: 1, last_exit: 'ended by signal 9 (Killed)', machine: { since: ts, up_s: 60, cpu_pct: null, cpu_high_s: 0, cpus: 2, memory_free_bytes: null, disk_free_bytes: 5 } }],
  ['topics/service_status', false, { online: true, machine: { since: ts, up_s: 60, cpu_pct: 101 } }], ['topics/service_status', false, { online: true, machine: { up_s: 60 } }],
  ['topics/service_status', false, { online: true, restarts: -1 }],
  ['topics/bus_status', true, { state: 'on', reason: null, since: ts, up_ms: 5, load_pct: 1.5, cycle_ms: 3, late_ms: null, polls: 1, errors: 0 }],
  ['topics/bus_status', true, { state: 'error', reason, since: ts }], ['topics/bus_status', false, { state: 'fault', reason: null, since: ts }],
  ['topics/device_status', true, { state: 'unconfigured', reason, since: ts }], ['topics/device_status', false, { state: 'on', reason: 'x', since: ts }],
  ['topics/device_status', false, { state: 'on', reason: { code: 'Bad Code', text: 'x' }, since: ts }],
  ['topics/measures', true, { ts, up_ms: 5, values: { active_power: 1.5, voltage_l1_n: null } }],
  ['topics/measures', false, { ts, up_ms: 5, values: { 'Active Power': 1 } }], ['topics/measures', false, { ts, values: {} }],
  ['topics/measures', false, { ts: '2026-03-01 12:00', up_ms: 5, values: {} }], ['topics/measures', false, { ts, up_ms: 5, values: { a: true } }],
  ['topics/charge', true, { ts, up_ms: 5, state: 'C', current_l1: 6.2, limit_a: 16, errors: [reason] }], ['topics/charge', false, { ts, up_ms: 5, state: 'G' }],
  ['topics/state', true, { ts, up_ms: 5, breaker: 'tripped', inputs: { 1: true }, outputs: {} }], ['topics/state', false, { ts, up_ms: 5, inputs: { x: true } }],
  ['topics/config_bus', true, { id: 1, name: 'Local', type: 'rtu', rev: 3 }], ['topics/config_bus', false, { id: 0, name: 'Local', type: 'rtu', rev: 3 }],
  ['topics/config_device', true, { id: 5, bus: 1, name: 'Main', profile: 'sdm630', unit: 1, zones: [], rev: 3 }], ['topics/config_device', false, { id: 5, name: 'Main', rev: 3 }],
  ['topics/config_profile', true, { id: 'sdm630', kind: 'meter', confidence: 'driver', quantities: ['active_power'], rev: 1 }], ['topics/config_profile', false, { id: 'x', kind: 'lamp', quantities: [], rev: 1 }],
  ['topics/call_reply', true, { result: {} }], ['topics/call_reply', true, { error: reason }], ['topics/call_reply', false, {}], ['topics/call_reply', false, { result: 1, error: reason }],
  ['http/session', true, { user: { id: 1, name: 'x' }, pages: ['alarms'], site: 's', base: 'edgewatt/s', language: 'fr', mqtt: { username: 'u', password: 'p' }, must_change: false, idle_s: 1800, up_ms: 5 }],
  ['http/session', false, { user: { id: 1, name: 'x' }, pages: ['nothing'], site: 's', base: 'b', language: 'fr', mqtt: { username: 'u', password: 'p' }, must_change: false, idle_s: 1800 }],
  ['http/login_answer', true, { next: 'puk' }], ['http/login_answer', true, { ok: true, must_change: false }], ['http/login_answer', false, {}],
  ['http/error', true, { error: reason }], ['http/error', false, { error: 'x' }],
];
for (const [name, expected, value] of CASES) {
  test(`${name} ${expected ? 'accepts' : 'refuses'} ${JSON.stringify(value).slice(0, 70)}`, () => {
    const validate = ajv.getSchema(`${BASE}${name}.schema.json`);
    assert.equal(validate(value), expected, JSON.stringify(validate.errors));
  });
}

test('every schema has a title and says what it is of', () => {
  for (const name of names) {
    const schema = JSON.parse(readFileSync(join(SCHEMAS, name), 'utf8'));
    assert.ok(schema.title && schema.description, name);
    assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema', name);
  }
});
