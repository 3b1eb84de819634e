// The forms of the system configuration: what is typed, and the objects of the site file it comes from and goes to. What
// is right is the gateway's word alone; text that is no number goes to it as text and comes back with the field named. Pure.
import type { BusScan, ConfigBus, ConfigCircuit, ConfigDevice, ConfigPanel, ConfigProfile, ConfigZone, ProfileList } from '../../generated/types';

export type Profile = ProfileList['profiles'][number];
export type Find = BusScan['finds'][number];

// "0x1F" stays text, which the gateway reads; what is empty is nothing.
export function typed(text: string): number | string | undefined {
  const trimmed = text.trim();
  if (trimmed === '') return undefined;
  const number = Number(trimmed.replace(',', '.'));
  return /^0x/i.test(trimmed) || Number.isNaN(number) ? trimmed : number;
}

type Json = Record<string, unknown>;

// The stored object with what the form says: keys that the form does not know stay, undefined takes one away.
export function merged(stored: object | null, change: Json): Json {
  const result: Json = { ...(stored as Json | null), ...change };
  for (const key of ['id', 'rev', 'order']) delete result[key];
  for (const key of Object.keys(result)) if (result[key] === undefined) delete result[key];
  return result;
}

const text = (value: unknown): string => (value === undefined || value === null ? '' : String(value));

// ---- Buses ------------------------------------------------------------------------------------------------------------

export const BUS_TYPES = ['tcp', 'rtu_tcp', 'rtu'] as const;
export type BusType = (typeof BUS_TYPES)[number];
export const SPEEDS = ['9600', '19200', '38400', '57600', '115200', '1200', '2400', '4800', '14400'] as const;

export interface BusForm {
  type: string; address: string; port: string; name: string; location: string; panel: string; quality: string;
  speed: string; parity: string; stop: string; timeout: string; poll: string; on: boolean;
}

export function busForm(bus: ConfigBus | null): BusForm {
  const serial = (bus?.serial ?? {}) as Json;
  const parities: { readonly [letter: string]: string } = { N: 'none', E: 'even', O: 'odd' };
  const parity = text(serial.parity) || 'even';
  return {
    type: bus?.type ?? 'tcp', address: bus?.address ?? '', port: text(bus?.port), name: bus && bus.name !== bus.address ? bus.name : '', location: bus?.location ?? '',
    panel: text(bus?.panel ?? ''), quality: text(bus?.quality_device ?? ''), speed: text(serial.speed) || '19200',
    parity: parities[parity] ?? parity, stop: text(serial.stop_bits) || '1', timeout: text(serial.timeout_ms), poll: text(bus?.poll_ms), on: bus?.on !== false,
  };
}

export const isSerial = (type: string): boolean => type !== 'tcp' && type !== 'server';

export function busValue(form: BusForm, stored: ConfigBus | null): Json {
  const line = isSerial(form.type) ? { speed: typed(form.speed), parity: form.parity, stop_bits: typed(form.stop) } : {};
  const serial = merged(null, { ...line, timeout_ms: typed(form.timeout) });
  return merged(stored, {
    type: form.type, address: form.address.trim(), port: form.type === 'rtu' ? undefined : typed(form.port), name: form.name.trim() || undefined,
    location: form.location.trim() || undefined, panel: typed(form.panel), quality_device: typed(form.quality), poll_ms: typed(form.poll),
    serial: Object.keys(serial).length > 0 ? serial : undefined, on: form.on,
  });
}

// ---- Devices ----------------------------------------------------------------------------------------------------------

export interface DeviceForm {
  bus: string; profile: string; address: string; position: string; side: string; phases: string; name: string; circuit: string;
  zones: readonly number[]; supply: string; params: { readonly [name: string]: string };
  on: boolean; excludeTotals: boolean; excludeAlarms: boolean; acceptCandidate: boolean;
  labels: { readonly [point: string]: string }; parts: readonly PartForm[]; pulseUnit: string;
}
export interface PartForm { readonly name: string; readonly profile: string }
export const PARTS_MAX = 8;

// "5", or "2-1" with an interface, as the manual writes it.
export const unitText = (device: Pick<ConfigDevice, 'unit' | 'interface'>): string =>
  (device.interface ? `${text(device.unit)}-${device.interface}` : text(device.unit));

export function readUnit(address: string): { unit: number | string | undefined; interface: number | undefined } {
  const both = /^\s*(\d+)\s*-\s*(\d+)\s*$/.exec(address);
  if (both) return { unit: Number(both[1]), interface: Number(both[2]) };
  return { unit: typed(address), interface: undefined };
}

// The name of a device that was given none: its address as the gateway writes it.
export const defaultName = (device: ConfigDevice): string =>
  [unitText(device), device.position ? text(device.position) : '', text(device.side)].filter((one) => one !== '').join('-');

export function deviceForm(device: ConfigDevice | null, preset: Partial<DeviceForm> = {}): DeviceForm {
  const stored = (device ?? {}) as ConfigDevice & Json;
  const params = Object.fromEntries(Object.entries(stored.params ?? {}).map(([name, value]) => [name, text(value)]));
  return {
    bus: text(stored.bus), profile: stored.profile ?? '', address: device ? unitText(device) : '', position: stored.position ? text(stored.position) : '',
    side: text(stored.side ?? ''), phases: Array.isArray(stored.phases) ? stored.phases.join('') : '', name: device && device.name !== defaultName(device) ? device.name : '', circuit: text(stored.circuit || ''),
    zones: stored.zones ?? [], supply: text(stored.supply) || 'upstream', params, on: stored.on !== false,
    labels: Object.fromEntries(Object.entries((stored.labels ?? {}) as Json).map(([point, label]) => [point, text(label)])), pulseUnit: '',
    parts: ((stored.parts ?? []) as readonly { name?: string; profile?: string | null }[]).map((one) => ({ name: one.name ?? '', profile: one.profile ?? '' })),
    excludeTotals: stored.exclude_totals === true, excludeAlarms: stored.exclude_alarms === true, acceptCandidate: stored.accept_candidate === true, ...preset,
  };
}

// What the place of a device gives to its profile is no parameter to type again.
const PLACES = new Set(['position', 'unit', 'interface']);
export const paramsOf = (profile: Profile | undefined): Profile['params'] => (profile?.params ?? []).filter((one) => !PLACES.has(one.name));
export const asks = (profile: Profile | undefined, what: string): boolean =>
  profile !== undefined && (profile.asks.includes(what) || profile.params.some((one) => one.name === what));

// ---- Pulses: on the meter stands what one is worth, or how many make a kWh ----

export const PULSE_UNITS: { readonly [param: string]: readonly string[] } = { pulse_wh: ['wh', 'kwh', 'per_kwh'], pulse_dm3: ['dm3', 'm3'] };
const short = (value: number): number => Number(value.toPrecision(12));

// The weight in Wh or dm3 of what was typed in that unit; what is no number goes to the gateway as it is.
export function pulseWeight(typedText: string, unit: string): number | string | undefined {
  const value = typed(typedText);
  if (typeof value !== 'number') return value;
  if (unit === 'per_kwh') return value === 0 ? typedText : short(1000 / value);
  return short(unit === 'kwh' || unit === 'm3' ? value * 1000 : value);
}

// The same weight in another unit, as text to go on with.
export function pulseIn(typedText: string, from: string, to: string): string {
  const weight = pulseWeight(typedText, from);
  if (typeof weight !== 'number' || weight === 0) return typedText;
  return text(to === 'per_kwh' ? short(1000 / weight) : to === 'kwh' || to === 'm3' ? short(weight / 1000) : weight);
}

// Another model in the form. Registers that nobody has proven are accepted for one model, not for the next.
export const withProfile = (profile: string, stored: ConfigDevice | null): Pick<DeviceForm, 'profile' | 'acceptCandidate'> =>
  ({ profile, acceptCandidate: stored?.profile === profile && deviceForm(stored).acceptCandidate });

// ---- Phases: of a charge point its own; of a meter those of the site it is wired to ----

export const PHASE_ORDERS = ['', '231', '312', '132', '213', '321'] as const;
// Of a charge point they must be said, whatever its registers tell: Green'Up takes none for granted. '' = not said.
export const STATION_PHASES = ['', '123', ...PHASE_ORDERS.slice(1), '1', '2', '3'] as const;
export const maySayPhases = (profile: Profile | undefined): boolean => profile?.kind === 'station' && !asks(profile, 'phase');
export const mayTurnPhases = (profile: Profile | undefined): boolean => profile !== undefined && profile.phases === 3 && !asks(profile, 'phase') && ['meter', 'breaker'].includes(profile.kind);
export const mayNamePhase = (profile: Profile | undefined): boolean => profile !== undefined && profile.phases === 1 && profile.table && !asks(profile, 'phase') && ['meter', 'breaker'].includes(profile.kind);

// ---- Groups: modules of different functions at one address ----

export const mayHaveParts = (profile: Profile | undefined): boolean => asks(profile, 'interface');
export const partModels = (profiles: readonly Profile[], family: string): Profile[] => profiles.filter((one) => one.family === family && asks(one, 'interface'));
export const partTwice = (form: Pick<DeviceForm, 'profile' | 'parts'>): boolean => {
  const all = [form.profile, ...form.parts.map((one) => one.profile)].filter((one) => one !== '');
  return new Set(all).size < all.length;
};

export function deviceValue(form: DeviceForm, stored: ConfigDevice | null, profile: Profile | undefined): Json {
  const place = readUnit(form.address);
  const params: Json = {};
  for (const { name, preset } of paramsOf(profile)) {
    const value = name in PULSE_UNITS ? pulseWeight(form.params[name] ?? '', form.pulseUnit) : typed(form.params[name] ?? '');
    if (value !== undefined && value !== preset) params[name] = value;
  }
  const phases = [...form.phases].map(Number);
  const labels = Object.fromEntries(Object.entries(form.labels).map(([point, label]) => [point, label.trim()] as const).filter(([, label]) => label !== ''));
  const parts = form.parts.map((one) => merged(null, { name: one.name.trim() || undefined, profile: one.profile || undefined }));
  return merged(stored, {
    bus: typed(form.bus), profile: form.profile || undefined, unit: place.unit, interface: place.interface,
    position: asks(profile, 'position') ? typed(form.position) : undefined, side: asks(profile, 'side') ? form.side || undefined : undefined,
    phases: phases.length > 0 ? phases : undefined, name: form.name.trim() || undefined, circuit: typed(form.circuit),
    zones: form.zones.length > 0 ? form.zones : undefined, supply: asks(profile, 'supply') && form.supply !== 'upstream' ? form.supply : undefined,
    labels: Object.keys(labels).length > 0 ? labels : undefined, parts: parts.length > 0 ? parts : undefined,
    params: Object.keys(params).length > 0 ? params : undefined, on: form.on, exclude_totals: form.excludeTotals || undefined,
    exclude_alarms: form.excludeAlarms || undefined, accept_candidate: profile?.confidence === 'candidate' && form.acceptCandidate ? true : undefined,
  });
}

export const otherSide = (side: string): string => (side === 'L' ? 'R' : 'L');

// DEV-09: alarms may be left out for EMS, DPX3 and DMX3.
export const alarmsMayGo = (profile: Profile | undefined): boolean => /EMS|DPX|DMX/.test(`${profile?.family} ${profile?.model}`);

// ---- The choice of a model --------------------------------------------------------------------------------------------

const plain = (one: string): string => one.toLowerCase().replace(/[\s./-]/g, '');

export const families = (profiles: readonly Profile[]): string[] => [...new Set(profiles.map((one) => one.family))].sort((a, b) => a.localeCompare(b));

// By family, model or the number on the device, with or without its spaces.
export function searchProfiles(profiles: readonly Profile[], wanted: string): Profile[] {
  const needles = wanted.trim().split(/\s+/).map(plain).filter((one) => one !== '');
  const whole = plain(wanted);
  if (whole === '') return [];
  return profiles.filter((one) => {
    const numbers = one.catalogue.map(plain);
    const words = plain(`${one.family} ${one.model} ${one.id}`);
    return numbers.some((number) => number.startsWith(whole)) || needles.every((needle) => words.includes(needle));
  });
}

// ---- Panels, circuits, zones -------------------------------------------------------------------------------------------

export type Place = ConfigPanel | ConfigCircuit | ConfigZone;
export type PlaceKind = 'panel' | 'circuit' | 'zone';
export const PLACE_PAGES = { panels: 'panel', circuits: 'circuit', zones: 'zone' } as const;
export const OWN_CIRCUITS_MAX = 8;

export const isDisabled = (place: Place): boolean => (place as { disabled?: boolean }).disabled === true;
export const isBuiltIn = (place: Place): boolean => (place as { use?: string }).use !== undefined;
export const placeText = (place: Place | null): string => text((place as { place?: string } | null)?.place);

// ---- Who is where ------------------------------------------------------------------------------------------------------

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
export const byAddress = (a: ConfigDevice, b: ConfigDevice): number => collator.compare(unitText(a), unitText(b)) || a.id - b.id;
export const byName = (a: { name?: string; id: number }, b: { name?: string; id: number }): number => collator.compare(a.name ?? '', b.name ?? '') || a.id - b.id;

// Devices that may be the power-quality device of a bus (DEV-10).
export const measuresThd = (profile: ConfigProfile | undefined): boolean => profile?.quantities.some((one) => one.startsWith('thd_')) === true;

// ---- Where one is ------------------------------------------------------------------------------------------------------

export interface Where { tab: string; id: string; more: readonly string[] }
export function readWhere(rest: string): Where {
  const [tab = '', id = '', ...more] = rest.split('/').map(decodeURIComponent);
  return { tab: tab || 'buses', id, more };
}
export const hrefOf = (...parts: (string | number)[]): string => `#/system/${parts.map((one) => encodeURIComponent(String(one))).join('/')}`;
