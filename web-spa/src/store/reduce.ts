// The one place where state changes. Pure: the same state and messages give the same result.
import type {
  BusScan, BusStatus, Charge, ChargeSession, ConfigProfile, ConfigSite, DeviceLinks, DeviceState, DeviceStatus, GreenupStatus, Measures, ServiceStatus,
} from '../generated/types';
import { EMPTY, type DeviceMeasures, type Link, type Reading, type Settings, type State, type Visit } from './state';
import { readTopic, type Subject } from './topic';

export type Message =
  // A topic below the base; an empty payload deletes. `at` is performance.now() of its arrival.
  | { type: 'mqtt'; topic: string; payload: string; at: number }
  | { type: 'visit'; visit: Visit }
  | { type: 'link'; link: Link }
  // A new connection: its retained messages follow in the same batch and replace all that was known, so that an
  // object deleted meanwhile is gone, and nothing flickers.
  | { type: 'fresh' }
  // The gateway said what its CLOCK_BOOTTIME was at this moment.
  | { type: 'clock'; upMs: number; at: number };

type Tables = { [K in keyof State]: State[K] extends ReadonlyMap<infer _K, infer _V> ? K : never }[keyof State];
type Draft = { -readonly [K in keyof State]: State[K] };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// A table is copied once per batch, however many messages touch it.
class Batch {
  readonly draft: Draft;
  private readonly copied = new Set<Tables>();

  constructor(state: State) {
    this.draft = { ...state };
  }

  set<K extends string | number, V>(table: Tables, key: K, value: V | null): void {
    if (!this.copied.has(table)) {
      (this.draft as Record<Tables, unknown>)[table] = new Map(this.draft[table] as ReadonlyMap<unknown, unknown>);
      this.copied.add(table);
    }
    const map = this.draft[table] as unknown as Map<K, V>;
    if (value === null) map.delete(key);
    else map.set(key, value);
  }
}

// Every message arrives after its value was read, so the smallest difference seen is the best estimate of the offset.
function noteClock(draft: Draft, upMs: unknown, at: number): void {
  if (typeof upMs !== 'number' || !Number.isFinite(upMs)) return;
  const offset = at - upMs;
  if (draft.clockOffset === null || offset < draft.clockOffset) draft.clockOffset = offset;
}

// The rhythm of a group: what the gateway says, else a running mean of the distances seen. A gap is no rhythm.
function nextPeriod(known: number | undefined, stated: number | undefined, distance: number | null): number | undefined {
  if (stated !== undefined) return stated;
  if (distance === null || distance <= 0) return known;
  if (known === undefined) return distance;
  return distance > 3 * known ? known : Math.round(known * 0.75 + distance * 0.25);
}

function mergeMeasures(before: DeviceMeasures | undefined, group: string, message: Measures): DeviceMeasures {
  const readings: { [quantity: string]: Reading } = { ...before?.readings };
  let newest: number | null = null;
  for (const reading of Object.values(before?.readings ?? {})) {
    if (reading.group === group && (newest === null || reading.upMs > newest)) newest = reading.upMs;
  }
  for (const [quantity, value] of Object.entries(message.values)) {
    const usable = typeof value === 'number' && Number.isFinite(value) ? value : null;
    readings[quantity] = { value: usable, upMs: message.up_ms, group, ...(typeof value === 'string' ? { text: value } : {}) };
  }
  const periods: { [group: string]: number } = { ...before?.periods };
  const period = nextPeriod(periods[group], message.period_ms, newest === null ? null : message.up_ms - newest);
  if (period !== undefined) periods[group] = period;
  return { readings, periods };
}

function dropGroup(before: DeviceMeasures | undefined, group: string): DeviceMeasures | null {
  if (!before) return null;
  const readings = Object.fromEntries(Object.entries(before.readings).filter(([, reading]) => reading.group !== group));
  return Object.keys(readings).length === 0 ? null : { readings, periods: before.periods };
}

const CONFIG_TABLE = {
  bus: 'buses', circuit: 'circuits', cost_rule: 'costRules', device: 'devices', panel: 'panels', tariff: 'tariffs', zone: 'zones',
} as const;
const NAMED: ReadonlySet<string> = new Set(['bus', 'device', 'panel', 'tariff', 'zone']); // circuits may leave it to their use

function remove(batch: Batch, subject: Subject): void {
  switch (subject.kind) {
    case 'service': return batch.set('services', subject.name, null);
    case 'config': return batch.set(CONFIG_TABLE[subject.what], subject.id, null);
    case 'profile': return batch.set('profiles', subject.id, null);
    case 'settings':
      if (subject.name === 'site') batch.draft.site = null;
      return batch.set('settings', subject.name, null);
    case 'greenup': batch.draft.greenup = null; return;
    case 'session': return batch.set('sessions', subject.id, null);
    case 'busStatus': return batch.set('busStatus', subject.id, null);
    case 'scan': return batch.set('scans', subject.id, null);
    case 'deviceStatus': return batch.set('deviceStatus', subject.id, null);
    case 'charge': return batch.set('charges', subject.id, null);
    case 'deviceState': return batch.set('deviceStates', subject.id, null);
    case 'links': return batch.set('links', subject.id, null);
    case 'measures':
      return batch.set('measures', subject.id, dropGroup(batch.draft.measures.get(subject.id), subject.group));
  }
}

function storeCharge(batch: Batch, id: number, charge: Charge): void {
  if (typeof charge.up_ms !== 'number') return;
  const before = batch.draft.charges.get(id);
  const period = nextPeriod(before?.period_ms, charge.period_ms, before ? charge.up_ms - before.up_ms : null);
  batch.set('charges', id, period === undefined ? charge : { ...charge, period_ms: period });
}

function store(batch: Batch, subject: Subject, payload: Record<string, unknown>): void {
  switch (subject.kind) {
    case 'service':
      if (typeof payload.online === 'boolean') batch.set('services', subject.name, payload as unknown as ServiceStatus);
      return;
    case 'config':
      if (NAMED.has(subject.what) && typeof payload.name !== 'string') return;
      return batch.set(CONFIG_TABLE[subject.what], subject.id, payload);
    case 'profile': return batch.set('profiles', subject.id, payload as unknown as ConfigProfile);
    case 'settings':
      if (subject.name === 'site') batch.draft.site = payload as unknown as ConfigSite;
      return batch.set('settings', subject.name, payload as Settings);
    case 'greenup':
      if (Array.isArray(payload.phases) && Array.isArray(payload.stations)) batch.draft.greenup = payload as unknown as GreenupStatus;
      return;
    case 'session': return batch.set('sessions', subject.id, payload as unknown as ChargeSession);
    case 'busStatus': return batch.set('busStatus', subject.id, payload as unknown as BusStatus);
    case 'scan':
      if (Array.isArray(payload.finds)) batch.set('scans', subject.id, payload as unknown as BusScan);
      return;
    case 'deviceStatus': return batch.set('deviceStatus', subject.id, payload as unknown as DeviceStatus);
    case 'charge': return storeCharge(batch, subject.id, payload as unknown as Charge);
    case 'deviceState': return batch.set('deviceStates', subject.id, payload as unknown as DeviceState);
    case 'links':
      if (Array.isArray(payload.links)) batch.set('links', subject.id, payload as unknown as DeviceLinks);
      return;
    case 'measures': {
      if (typeof payload.up_ms !== 'number' || !isObject(payload.values)) return;
      const before = batch.draft.measures.get(subject.id);
      return batch.set('measures', subject.id, mergeMeasures(before, subject.group, payload as unknown as Measures));
    }
  }
}

function mqtt(batch: Batch, topic: string, text: string, at: number): void {
  const subject = readTopic(topic);
  if (!subject) return;
  if (text === '') return remove(batch, subject);
  let payload: unknown;
  try {
    payload = JSON.parse(text);
  } catch {
    return; // Not ours to repair: what was known stays, and ages.
  }
  if (!isObject(payload)) return;
  noteClock(batch.draft, payload.up_ms, at);
  store(batch, subject, payload);
}

function visit(draft: Draft, next: Visit): Draft {
  if (next.at === 'inside' || next.at === 'unreachable') return { ...draft, visit: next };
  return { ...EMPTY, visit: next }; // Logged out: nothing of the last user stays in memory.
}

// The clock is forgotten too: the gateway may have been restarted.
const fresh = (draft: Draft): Draft => ({ ...EMPTY, visit: draft.visit, link: draft.link });

function link(draft: Draft, next: Link): void {
  if (next.is === 'offline') draft.lastLost = next.lost;
  if (next.is === 'online') draft.lastLost = null;
  draft.link = next;
}

export function reduceAll(state: State, messages: Iterable<Message>): State {
  let batch = new Batch(state);
  for (const message of messages) {
    switch (message.type) {
      case 'mqtt': mqtt(batch, message.topic, message.payload, message.at); break;
      case 'visit': batch = new Batch(visit(batch.draft, message.visit)); break;
      case 'fresh': batch = new Batch(fresh(batch.draft)); break;
      case 'link': link(batch.draft, message.link); break;
      case 'clock': noteClock(batch.draft, message.upMs, message.at); break;
    }
  }
  return batch.draft;
}

export const reduce = (state: State, message: Message): State => reduceAll(state, [message]);
