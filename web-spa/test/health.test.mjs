// How well the gateway is, from what its services say: what is a finding, what is not, and in which order.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gatewayTime, historyTime } from '../src/format/clock';
import { healthOf, readExit, viewServices } from '../src/pages/server/model';
import { showBytes, showDuration, showMs } from '../src/pages/server/words';

const NOW = Date.parse('2026-03-01T12:00:00Z');
const MIN = 60_000;
const ago = (ms) => new Date(NOW - ms).toISOString();
const machine = (more) => ({ since: ago(86_400_000), up_s: 86_400, cpu_pct: 12, cpu_high_s: 0, disk_total_bytes: 16e9, disk_free_bytes: 8e9, ...more });
const service = (more) => ({ online: true, version: '0.1.0', since: ago(7_200_000), pid: 5, rss_bytes: 5e6, late_ms: 2, restarts: 0, ...more });
const OFFLINE = { online: false };

// A gateway that is well, changed as told.
function gateway({ config, poller, recorder, web, bus = {}, busStatus = {}, devices = ['on', 'on'], others = {} } = {}) {
  const all = {
    config: config ?? service({ file_ok: true, machine: machine() }), poller: poller ?? service(), web: web ?? service(),
    recorder: recorder ?? service({ clock: 'trusted', last_sample: ago(5 * MIN), interval_min: 10, database_bytes: 4e6, free_bytes: 8e9 }), ...others,
  };
  return {
    services: new Map(Object.entries(all).filter(([, one]) => one !== 'none')),
    buses: new Map([[1, { id: 1, name: 'Local', type: 'rtu', rev: 1, poll_ms: 1000, ...bus }]]),
    busStatus: new Map([[1, { state: 'on', reason: null, since: ago(MIN), load_pct: 20, cycle_ms: 100, late_ms: 3, polls: 10, errors: 0, ...busStatus }]]),
    devices: new Map(devices.map((_, i) => [i + 1, { id: i + 1, bus: 1, name: `d${i}`, rev: 1 }])),
    deviceStatus: new Map(devices.map((state, i) => [i + 1, { state, reason: null, since: ago(MIN) }])),
  };
}
const recorder = (more) => ({ recorder: service({ clock: 'trusted', last_sample: ago(5 * MIN), interval_min: 10, database_bytes: 4e6, free_bytes: 8e9, ...more }) });
const onMachine = (more) => ({ config: service({ machine: machine(more) }) });

const CASES = [
  ['all is well', {}, []],
  ['a service is gone', { recorder: OFFLINE }, ['bad service_offline']],
  ['a service was never seen', { web: 'none' }, ['bad service_missing']],
  ['an optional service that is gone is a warning', { others: { notifier: OFFLINE } }, ['warn service_offline']],
  ['a restart is news', { web: service({ restarts: 1, since: ago(59 * MIN), last_exit: 'ended by signal 9 (Killed)' }) }, ['warn service_restarted']],
  ['an old restart is none', { web: service({ restarts: 3, since: ago(61 * MIN) }) }, []],
  ['a loop that stood still', { poller: service({ late_ms: 1000 }) }, ['warn service_late']],
  ['a loop that was a little late', { poller: service({ late_ms: 999 }) }, []],
  ['a site file that cannot be used', { config: service({ file_ok: false, machine: machine() }) }, ['bad file']],
  ['a bus that does not work', { busStatus: { state: 'error' } }, ['bad bus_error']],
  ['a bus that is off says nothing', { bus: { on: false }, busStatus: { state: 'off', load_pct: 99 } }, []],
  ['a bus with its status from before it was switched off', { bus: { on: false }, busStatus: { state: 'error' } }, []],
  ['90 % of load is allowed', { busStatus: { load_pct: 90 } }, []],
  ['more is not', { busStatus: { load_pct: 90.1 } }, ['warn bus_load']],
  ['an over-full bus says what to change', { busStatus: { load_pct: 99, late_ms: 5000, reason: { code: 'bus.over_full', text: 'x', params: {} } } }, ['warn bus_full']],
  ['a period late is allowed', { busStatus: { late_ms: 1000 } }, []],
  ['more than a period is not', { busStatus: { late_ms: 1001 } }, ['warn bus_late']],
  ['a slow bus has more time', { bus: { poll_ms: 5000 }, busStatus: { late_ms: 4000 } }, []],
  ['a fast one has a second', { bus: { poll_ms: 200 }, busStatus: { late_ms: 900 } }, []],
  ['figures of nobody', { busStatus: { load_pct: null, late_ms: null } }, []],
  ['devices in error or fault, none that are off or new', { devices: ['error', 'fault', 'off', 'unconfigured', 'on'] }, ['warn devices']],
  ['without the poller buses and devices are unknown', { poller: OFFLINE, busStatus: { state: 'error' }, devices: ['error'] }, ['bad service_offline']],
  ['three intervals without a sample are allowed', recorder({ last_sample: ago(30 * MIN) }), []],
  ['more are not', recorder({ last_sample: ago(30 * MIN + 1) }), ['warn sample_old']],
  ['by the interval of the recorder', recorder({ last_sample: ago(31 * MIN), interval_min: 15 }), []],
  ['nothing recorded since long', recorder({ last_sample: null }), ['warn sample_none']],
  ['nothing recorded yet', recorder({ last_sample: null, since: ago(30 * MIN) }), []],
  ['after a day without power', recorder({ last_sample: ago(1440 * MIN), since: ago(5 * MIN) }), []],
  ['nothing to record', { ...recorder({ last_sample: null }), devices: [] }, []],
  ['a sample of the future is fresh', recorder({ last_sample: ago(-5 * MIN) }), []],
  ['a clock nobody confirmed', recorder({ clock: 'untrusted' }), ['warn clock']],
  ['a recorder that has just begun', recorder({ clock: 'untrusted', since: ago(59_000) }), []],
  ['a clock that is waited for', recorder({ clock: 'waiting' }), []],
  ['200 MB are enough', { ...onMachine({ disk_total_bytes: 4e9 }), ...recorder({ free_bytes: 200e6 }) }, []],
  ['less are not', { ...onMachine({ disk_total_bytes: 3e9 }), ...recorder({ free_bytes: 199e6 }) }, ['warn disk']],
  ['nor is less than 5 %', { ...onMachine({ disk_total_bytes: 100e9 }), ...recorder({ free_bytes: 4.9e9 }) }, ['warn disk']],
  ['nearly nothing is bad', recorder({ free_bytes: 1e6 }), ['bad disk']],
  ['a disk nobody can tell', { ...onMachine({ disk_free_bytes: null, disk_total_bytes: null }), ...recorder({ free_bytes: -1 }) }, []],
  ['without the recorder the disk is still watched', { ...onMachine({ disk_free_bytes: 1e8 }), recorder: OFFLINE }, ['bad service_offline', 'warn disk']],
  ['a processor that was busy for a moment', onMachine({ cpu_pct: 99, cpu_high_s: 299 }), []],
  ['a processor that is busy for long', onMachine({ cpu_pct: 91, cpu_high_s: 300 }), ['warn cpu']],
  ['figures that are not there', { config: service() }, []],
  ['worst first', {
    ...recorder({ clock: 'untrusted', free_bytes: 1e6 }), web: OFFLINE, poller: service({ late_ms: 5000 }), busStatus: { state: 'error' }, devices: ['error'],
    config: service({ machine: machine({ cpu_high_s: 999 }) }),
  }, ['bad service_offline', 'bad disk', 'bad bus_error', 'warn devices', 'warn clock', 'warn cpu', 'warn service_late']],
];
for (const [name, changes, expected] of CASES) {
  test(name, () => {
    const health = healthOf(gateway(changes), new Map(), NOW);
    assert.deepEqual(health.findings.map((one) => `${one.level} ${one.is}`), expected);
    assert.equal(health.level, expected[0]?.split(' ')[0] ?? 'good');
  });
}

for (const [text, expected] of [
  ['ended by signal 9 (Killed)', { is: 'signal', number: 9, name: 'Killed' }], ['ended by signal 11 (Segmentation fault)', { is: 'signal', number: 11, name: 'Segmentation fault' }],
  ['ended with exit code 1', { is: 'code', code: 1 }], ['no sign of life for 5 s, killed', { is: 'hung', seconds: 5 }],
  ['not ready within 30 s, killed', { is: 'not_ready', seconds: 30 }], ['stopped', { is: 'stopped' }], ['it could not be started', { is: 'other', text: 'it could not be started' }],
  ['', null], [undefined, null],
]) test(`an end is understood: ${text}`, () => assert.deepEqual(readExit(text), expected));

test('the supervisor says no end that is not understood', () => {
  const source = readFileSync(join(PROJECT, 'gateway/supervisor/child.c'), 'utf8');
  const body = source.slice(source.indexOf('static void describe_exit'), source.indexOf('static void note_exit'));
  const formats = [...body.matchAll(/SUPERVISOR_TEXT_MAX,\s*"([^"]+)"/g)].map((match) => match[1]);
  assert.ok(formats.length >= 5);
  for (const format of formats) assert.notEqual(readExit(format.replaceAll('%d', '7').replace('%s', 'Name')).is, 'other', format);
});

test('of a service that is gone the last figures are kept', () => {
  const before = service({ restarts: 2, last_exit: 'ended with exit code 1', late_ms: 5000 });
  const view = viewServices(gateway({ web: OFFLINE }).services, new Map([['web', before]])).find((one) => one.name === 'web');
  assert.deepEqual([view.state, view.status, view.exit, view.late], ['offline', before, { is: 'code', code: 1 }, false]);
});

test('the services stand in their order, others after them', () => {
  const views = viewServices(gateway({ others: { server: service(), notifier: service() } }).services, new Map());
  assert.deepEqual(views.map((one) => one.name), ['config', 'poller', 'recorder', 'web', 'notifier', 'server']);
});

test('the software began with its oldest service', () => {
  const health = healthOf(gateway({ web: service({ since: ago(9_000_000) }), poller: OFFLINE }), new Map(), NOW);
  assert.deepEqual([health.machine.softwareSince, health.machine.since], [ago(9_000_000), ago(86_400_000)]);
});

test('the clock of the gateway is used, not that of the browser', () => {
  const { services } = gateway();
  assert.equal(gatewayTime({ services, clockOffset: 1000 }, 86_400_000 + 1000, 7), NOW);
  assert.equal(gatewayTime({ services, clockOffset: null }, 5, 7), 7);
  assert.equal(gatewayTime({ services: new Map(), clockOffset: 1000 }, 5, 7), 7);
  // A browser in the year 2000 asks for today's history; a gateway that does not trust its own clock is not believed either.
  const at = (clock) => historyTime({ ...gateway({ recorder: service({ clock }) }), clockOffset: 1000 }, 86_400_000 + 1000, Date.UTC(2000, 0, 1));
  assert.deepEqual([at('trusted'), at('untrusted'), at('waiting'), at(undefined)], [NOW, ...Array(3).fill(Date.UTC(2000, 0, 1))]);
});

for (const [bytes, english, french] of [
  [0, '0 kB', '0 ko'], [949, '0.9 kB', '0,9 ko'], [1500, '1.5 kB', '1,5 ko'], [999_600, '1 MB', '1 Mo'], [24_400_000, '24 MB', '24 Mo'], [1.25e9, '1.3 GB', '1,3 Go'], [2e12, '2 TB', '2 To'],
]) {
  test(`${bytes} bytes are ${english}`, () => {
    assert.equal(showBytes(bytes, 'en').replace(/\s/g, ' '), english);
    assert.equal(showBytes(bytes, 'fr').replace(/\s/g, ' '), french);
  });
}

test('times have few digits', () => {
  assert.deepEqual([showMs(0.4, 'en'), showMs(250, 'en'), showMs(1260, 'en')], ['0 ms', '250 ms', '1.3 s']);
  assert.deepEqual([showDuration(60, 'en'), showDuration(600, 'en'), showDuration(9000, 'en')], ['60 s', '10 min', '2.5 h']);
});
