// How well the gateway is, computed from what its services say of themselves. Pure.
import type { ConfigBus, BusStatus, Reason, ServiceStatus } from '../../generated/types';
import type { State } from '../../store/state';

// What a gateway is made of: these are expected, others are shown when they are there.
export const SERVICES = ['config', 'poller', 'recorder', 'web'] as const;
export const LOAD_HIGH_PCT = 90;
export const CPU_HIGH_S = 300;            // so long above 80 % is "for long" (SYS-07)
export const SAMPLES_LATE = 3;            // sampling intervals without a sample
export const FREE_LOW_BYTES = 200e6;
export const FREE_LOW_PART = 0.05;
export const FREE_NONE_BYTES = 20e6;      // nothing more can be recorded soon
export const BEAT_LATE_MS = 1000;         // a loop that stood still for a second
export const RESTART_NEWS_MS = 3_600_000; // a restart is news for an hour
export const ON_TIME_MS = 50;              // nobody minds
const LATE_MIN_MS = 1000;
const CLOCK_PATIENCE_MS = 60_000;         // a recorder that has just begun does not know its clock yet
const DEFAULT_INTERVAL_MIN = 10;

export type Level = 'bad' | 'warn';

// How the last life of a service ended, as the supervisor tells it.
export type Exit =
  | { is: 'signal'; number: number; name: string }
  | { is: 'code'; code: number }
  | { is: 'hung' | 'not_ready'; seconds: number }
  | { is: 'stopped' }
  | { is: 'other'; text: string };

export type Finding = { readonly level: Level } & (
  | { readonly is: 'service_offline' | 'service_missing'; readonly service: string }
  | { readonly is: 'service_restarted'; readonly service: string; readonly since: string; readonly exit: Exit | null }
  | { readonly is: 'service_late'; readonly service: string; readonly ms: number }
  | { readonly is: 'file' }
  | { readonly is: 'bus_error'; readonly bus: string; readonly reason: Reason | null }
  | { readonly is: 'bus_full'; readonly bus: string; readonly reason: Reason }
  | { readonly is: 'bus_load'; readonly bus: string; readonly pct: number }
  | { readonly is: 'bus_late'; readonly bus: string; readonly ms: number }
  | { readonly is: 'devices'; readonly count: number }
  | { readonly is: 'disk'; readonly free: number }
  | { readonly is: 'sample_old'; readonly age: number }
  | { readonly is: 'sample_none' }
  | { readonly is: 'clock' }
  | { readonly is: 'cpu'; readonly pct: number; readonly seconds: number });

// Worst first: within a level in this order.
const ORDER: readonly Finding['is'][] = [
  'service_offline', 'service_missing', 'disk', 'file', 'bus_error', 'devices', 'sample_old', 'sample_none', 'clock', 'bus_full', 'bus_load', 'bus_late',
  'cpu', 'service_restarted', 'service_late',
];

export function readExit(text: string | undefined): Exit | null {
  if (text === undefined || text === '') return null;
  const signal = /^ended by signal (\d+) \((.+)\)$/.exec(text);
  if (signal) return { is: 'signal', number: Number(signal[1]), name: signal[2]! };
  const code = /^ended with exit code (\d+)$/.exec(text);
  if (code) return { is: 'code', code: Number(code[1]) };
  const hung = /^no sign of life for (\d+) s, killed$/.exec(text);
  if (hung) return { is: 'hung', seconds: Number(hung[1]) };
  const late = /^not ready within (\d+) s, killed$/.exec(text);
  if (late) return { is: 'not_ready', seconds: Number(late[1]) };
  return text === 'stopped' ? { is: 'stopped' } : { is: 'other', text };
}

export interface ServiceView {
  readonly name: string;
  readonly state: 'online' | 'offline' | 'missing';
  readonly status: ServiceStatus | null; // the present one; of one that is gone, the last it told this page
  readonly exit: Exit | null;
  readonly late: boolean;
}

// `last`: the newest status of each service in which it was online, as far as this page has seen one.
export function viewServices(services: State['services'], last: ReadonlyMap<string, ServiceStatus>): ServiceView[] {
  const others = [...services.keys()].filter((name) => !(SERVICES as readonly string[]).includes(name)).sort();
  return [...SERVICES, ...others].map((name) => {
    const now = services.get(name);
    const status = now?.online ? now : last.get(name) ?? null;
    return {
      name, state: now ? (now.online ? 'online' : 'offline') : 'missing', status, exit: readExit(status?.last_exit),
      late: now?.online === true && (now.late_ms ?? 0) >= BEAT_LATE_MS,
    };
  });
}

// A switched-off service of the optional ones is no fault: only what has to run is missed.
const needed = (name: string): boolean => (SERVICES as readonly string[]).includes(name);

function serviceFindings(views: readonly ServiceView[], now: number): Finding[] {
  return views.flatMap((view): Finding[] => {
    const { name: service, status } = view;
    if (view.state === 'offline') return [{ level: needed(service) ? 'bad' : 'warn', is: 'service_offline', service }];
    if (view.state === 'missing') return [{ level: 'bad', is: 'service_missing', service }];
    const found: Finding[] = [];
    const since = status?.since;
    if ((status?.restarts ?? 0) > 0 && since !== undefined && now - Date.parse(since) < RESTART_NEWS_MS) {
      found.push({ level: 'warn', is: 'service_restarted', service, since, exit: view.exit });
    }
    if (view.late) found.push({ level: 'warn', is: 'service_late', service, ms: status?.late_ms ?? 0 });
    if (status?.file_ok === false) found.push({ level: 'bad', is: 'file' });
    return found;
  });
}

export interface BusView {
  readonly bus: ConfigBus;
  readonly status: BusStatus | undefined;
  readonly state: 'on' | 'off' | 'error' | 'unknown';
  readonly loaded: boolean;
  readonly late: boolean;
}

// Figures of a bus that is not read are of another time.
export function viewBuses(buses: State['buses'], statuses: State['busStatus'], read: boolean): BusView[] {
  return [...buses.values()].sort((a, b) => a.id - b.id).map((bus) => {
    const status = statuses.get(bus.id);
    const state = bus.on === false ? 'off' : read ? status?.state ?? 'unknown' : 'unknown';
    return {
      bus, status, state, loaded: state === 'on' && (status?.load_pct ?? 0) > LOAD_HIGH_PCT,
      late: state === 'on' && (status?.late_ms ?? 0) > Math.max(LATE_MIN_MS, bus.poll_ms ?? 0),
    };
  });
}

function busFindings(views: readonly BusView[]): Finding[] {
  return views.flatMap(({ bus, status, state, loaded, late }): Finding[] => {
    if (state === 'error') return [{ level: 'bad', is: 'bus_error', bus: bus.name, reason: status?.reason ?? null }];
    // A line that works and has a reason can't carry what is wanted: that says more than load and lateness.
    if (state === 'on' && status?.reason) return [{ level: 'warn', is: 'bus_full', bus: bus.name, reason: status.reason }];
    const found: Finding[] = [];
    if (loaded) found.push({ level: 'warn', is: 'bus_load', bus: bus.name, pct: status?.load_pct ?? 0 });
    if (late) found.push({ level: 'warn', is: 'bus_late', bus: bus.name, ms: status?.late_ms ?? 0 });
    return found;
  });
}

export interface DevicesView { readonly total: number; readonly failing: number; readonly read: number }

export function viewDevices(devices: State['devices'], statuses: State['deviceStatus']): DevicesView {
  const all = [...devices.values()];
  const state = (id: number): string | undefined => statuses.get(id)?.state;
  return {
    total: all.length, failing: all.filter(({ id }) => state(id) === 'error' || state(id) === 'fault').length,
    read: all.filter(({ id }) => state(id) === 'on').length,
  };
}

export interface HistoryView {
  readonly known: boolean; // the recorder runs
  readonly clock: 'trusted' | 'untrusted' | 'waiting' | null;
  readonly last: string | null;
  readonly age: number | null; // ms since the last sample
  readonly intervalMin: number;
  readonly late: boolean;
  readonly bytes: number | null;
  readonly free: number | null;
  readonly freeLow: boolean;
}

const known = (value: number | null | undefined): number | null => (typeof value === 'number' && value >= 0 ? value : null);

export function viewHistory(recorder: ServiceStatus | undefined, machine: ServiceStatus['machine'], now: number): HistoryView {
  const running = recorder?.online === true;
  const intervalMin = recorder?.interval_min ?? DEFAULT_INTERVAL_MIN;
  const patience = SAMPLES_LATE * intervalMin * 60_000;
  const last = running ? recorder.last_sample ?? null : null;
  const age = last === null ? null : Math.max(0, now - Date.parse(last));
  const up = running && recorder.since !== undefined ? now - Date.parse(recorder.since) : 0;
  const clock = running ? recorder.clock ?? null : null;
  const free = known(running ? recorder.free_bytes : null) ?? known(machine?.disk_free_bytes);
  const total = known(machine?.disk_total_bytes);
  return {
    known: running, clock: clock === 'untrusted' && up < CLOCK_PATIENCE_MS ? 'waiting' : clock, last, age, intervalMin,
    // After a longer time without power the last sample is old until the first interval is over.
    late: running && (age === null || age > patience) && up > patience,
    bytes: known(running ? recorder.database_bytes : null), free,
    freeLow: free !== null && (free < FREE_LOW_BYTES || (total !== null && free < FREE_LOW_PART * total)),
  };
}

function historyFindings(history: HistoryView, devices: DevicesView): Finding[] {
  const found: Finding[] = [];
  if (history.freeLow && history.free !== null) {
    found.push({ level: history.free < FREE_NONE_BYTES ? 'bad' : 'warn', is: 'disk', free: history.free });
  }
  if (history.clock === 'untrusted') found.push({ level: 'warn', is: 'clock' });
  // Where nothing is read there is nothing to record.
  if (history.late && devices.read > 0) {
    found.push(history.age === null ? { level: 'warn', is: 'sample_none' } : { level: 'warn', is: 'sample_old', age: history.age });
  }
  return found;
}

export interface MachineView {
  readonly since: string | null;
  readonly softwareSince: string | null;
  readonly cpuPct: number | null;
  readonly cpuHigh: boolean;
  readonly cpuHighS: number;
  readonly cpus: number | null;
  readonly memoryTotal: number | null;
  readonly memoryFree: number | null;
  readonly diskTotal: number | null;
  readonly diskFree: number | null;
}

export function viewMachine(services: State['services']): MachineView {
  const machine = services.get('config')?.machine;
  const starts = [...services.values()].flatMap((one) => (one.online && one.since !== undefined ? [one.since] : [])).sort();
  const seconds = machine?.cpu_high_s ?? 0;
  return {
    since: machine?.since ?? null, softwareSince: starts[0] ?? null, cpuPct: machine?.cpu_pct ?? null, cpuHigh: seconds >= CPU_HIGH_S,
    cpuHighS: seconds, cpus: known(machine?.cpus), memoryTotal: known(machine?.memory_total_bytes), memoryFree: known(machine?.memory_free_bytes),
    diskTotal: known(machine?.disk_total_bytes), diskFree: known(machine?.disk_free_bytes),
  };
}

export interface Health {
  readonly level: 'good' | Level;
  readonly findings: readonly Finding[];
  readonly services: readonly ServiceView[];
  readonly buses: readonly BusView[];
  readonly devices: DevicesView;
  readonly history: HistoryView;
  readonly machine: MachineView;
}

type Seen = Pick<State, 'services' | 'buses' | 'busStatus' | 'devices' | 'deviceStatus'>;

// `now`: gatewayTime().
export function healthOf(state: Seen, last: ReadonlyMap<string, ServiceStatus>, now: number): Health {
  const services = viewServices(state.services, last);
  const read = state.services.get('poller')?.online === true;
  const buses = viewBuses(state.buses, state.busStatus, read);
  const devices = viewDevices(state.devices, state.deviceStatus);
  const machine = viewMachine(state.services);
  const history = viewHistory(state.services.get('recorder'), state.services.get('config')?.machine, now);
  const findings: Finding[] = [...serviceFindings(services, now), ...busFindings(buses), ...historyFindings(history, devices)];
  if (read && devices.failing > 0) findings.push({ level: 'warn', is: 'devices', count: devices.failing });
  if (machine.cpuHigh) findings.push({ level: 'warn', is: 'cpu', pct: machine.cpuPct ?? 0, seconds: machine.cpuHighS });
  const rank = (one: Finding): number => (one.level === 'bad' ? 0 : ORDER.length) + ORDER.indexOf(one.is);
  findings.sort((a, b) => rank(a) - rank(b));
  return { level: findings[0]?.level ?? 'good', findings, services, buses, devices, history, machine };
}
