// What the pages of Green'Up show, computed from what the gateway said. Pure.
import type { ConfigDevice, ConfigProfile, ConfigZone, GreenupStatus } from '../../generated/types';
import type { SeriesAnswer } from '../../generated/types';
import type { ChargeRow } from '../../generated/types/charges';
import type { GreenupPhase, GreenupStation } from '../../generated/types/greenup_status';
import type { Greenup } from '../../generated/types/site';
import type { Series, SpanOf } from '../consumption/model';
import { readNumber } from '../../format/number';
import type { Settings, Table } from '../../store/state';


// ---- Stations ---------------------------------------------------------------------------------------------------

export interface Point {
  readonly id: number;
  readonly device: ConfigDevice | undefined;
  readonly name: string;
  readonly station: GreenupStation | undefined; // what Green'Up says of it, when it speaks
}

type Known = { devices: Table<ConfigDevice>; profiles: ReadonlyMap<string, ConfigProfile> };

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });

// Every charge point of the site, and what Green'Up still speaks of though it is gone.
export function pointsOf({ devices, profiles }: Known, status: GreenupStatus | null): Point[] {
  const stations = new Map<number, GreenupStation>((status?.stations ?? []).map((one) => [one.id, one] as const));
  const ids = new Set<number>(stations.keys());
  for (const device of devices.values()) if (profiles.get(device.profile ?? '')?.kind === 'station') ids.add(device.id);
  const points = [...ids].map((id): Point => {
    const device = devices.get(id);
    return { id, device, name: device?.name ?? `#${id}`, station: stations.get(id) };
  });
  return points.sort((a, b) => collator.compare(a.name, b.name) || a.id - b.id);
}

const zoneIds = (point: Point): readonly number[] => point.device?.zones ?? [];

// 'all', 'priority', or a zone as 'zone-20'.
export function filterPoints(points: readonly Point[], filter: string, text = '', priority: (point: Point) => boolean = (one) => one.station?.priority === true): Point[] {
  const needle = text.trim().toLowerCase();
  const zone = /^zone-(\d+)$/.exec(filter);
  return points.filter((point) => (needle === '' || point.name.toLowerCase().includes(needle))
    && (filter !== 'priority' || priority(point))
    && (!zone || zoneIds(point).includes(Number(zone[1]))));
}

// Zones that any charge point is in.
export function zonesOf(points: readonly Point[], zones: Table<ConfigZone>): ConfigZone[] {
  const used = new Set(points.flatMap(zoneIds));
  return [...zones.values()].filter((zone) => used.has(zone.id)).sort((a, b) => collator.compare(a.name, b.name));
}

// Where what stands against ON is mended. `device`: of the fact, null = the site's.
export function placeToMend(device: number | null, code: string): { page: 'greenup' | 'system'; href: string } {
  if (device !== null) return { page: 'system', href: `#/system/devices/${device}` };
  if (code === 'greenup.no_station' || code === 'greenup.fallback_sum') return { page: 'system', href: '#/system' };
  return { page: 'greenup', href: '#/greenup/configuration' };
}

export type Wish = 'auto' | 'start' | 'wait';
export const wishOf = (station: GreenupStation): Wish => (station.hold ? 'wait' : station.forced ? 'start' : 'auto');
export const overrideOf = (wish: Wish): { hold: boolean | null; forced: boolean | null } =>
  wish === 'wait' ? { hold: true, forced: null } : wish === 'start' ? { hold: false, forced: true } : { hold: null, forced: null };

export const largestCurrent = (station: GreenupStation): number | null => {
  const known = station.current_a.filter((one): one is number => one !== null);
  return known.length === 0 ? null : Math.max(...known);
};

// ---- Bands ------------------------------------------------------------------------------------------------------

export type Band = GreenupPhase['band'];

const WORST: readonly Band[] = ['green', 'yellow', 'red'];
export const worstBand = (phases: readonly GreenupPhase[]): Band =>
  WORST[Math.max(0, ...phases.map((phase) => WORST.indexOf(phase.band)))] ?? 'green';

// The end of the axis in A: the maximum keeps its place until the current leaves the scale.
export function axisEnd(phases: ReadonlyArray<Pick<GreenupPhase, 'maximum_a' | 'current_a'>>): number {
  const maximum = Math.max(1, ...phases.map((one) => one.maximum_a));
  const current = Math.max(0, ...phases.map((one) => one.current_a ?? 0));
  return Math.max(maximum * 1.25, Math.ceil(current * 1.05));
}

// ---- The last 24 hours ------------------------------------------------------------------------------------------

// The largest of each step: what the bands are about. Gaps stay gaps.
export function curveOf(answer: SeriesAnswer | null): Array<readonly [number, number | null]> {
  if (!answer) return [];
  const start = Date.parse(answer.from);
  const values = answer.max ?? answer.mean ?? [];
  return values.map((value, i) => [start + i * answer.step_s * 1000, value] as const);
}

interface Curve { readonly key: string; readonly name: string; readonly color: string; readonly points: ReadonlyArray<readonly [number, number | null]> }

// The curves as columns of a file; their steps are those of the longest.
export function tableOf(curves: readonly Curve[]): { spans: SpanOf[]; series: Series[]; flags: number[] } {
  const longest = [...curves].sort((a, b) => b.points.length - a.points.length)[0]?.points ?? [];
  const iso = (at: number): string => new Date(at).toISOString();
  return {
    spans: longest.map(([at], i) => ({ start: iso(at), end: iso(longest[i + 1]?.[0] ?? at) })),
    series: curves.map(({ points, ...rest }) => ({ ...rest, values: points.map(([, value]) => value), total: null })), flags: [],
  };
}

export const bandAreas = (phase: Pick<GreenupPhase, 'charging_max_a' | 'maximum_a'> | undefined, end: number): Array<{ color: string; from: number; to: number }> =>
  (phase === undefined ? [] : [
    { color: '--band-green-soft', from: 0, to: phase.charging_max_a }, { color: '--band-yellow-soft', from: phase.charging_max_a, to: phase.maximum_a },
    { color: '--band-red-soft', from: phase.maximum_a, to: end },
  ]);

export interface Event { readonly at: number; readonly kind: 'plugged' | 'stopped' | 'resumed' | 'ended' }

// What happened to the charges, oldest first.
export function eventsOf(rows: readonly ChargeRow[]): Event[] {
  const event = (at: string | null, kind: Event['kind']): Event[] => (at === null ? [] : [{ at: Date.parse(at), kind }]);
  return rows.flatMap((row) => [
    ...event(row.plugged_at, 'plugged'), ...event(row.ended, 'ended'),
    ...row.interruptions.flatMap((one) => [...event(one.at, 'stopped'), ...event(one.until, 'resumed')]),
  ]).sort((a, b) => a.at - b.at);
}

// ---- Settings ---------------------------------------------------------------------------------------------------

export type GreenupSettings = Greenup;
export const readSettings = (settings: Settings | undefined): GreenupSettings => {
  const { rev: _rev, ...rest } = settings ?? { rev: 0 };
  return rest as GreenupSettings;
};

export const DEFAULTS = { hysteresis_pct: 5, level1_pct: 75, level2_pct: 50, guaranteed_ah: 32, failsafe_a: 0, i_min_a: 6 } as const;
export type NumberName = keyof typeof DEFAULTS;
export const NUMBER_NAMES = Object.keys(DEFAULTS) as NumberName[];

// As it is typed. Currents of three phases; only the first counts while `same`.
export interface Form {
  readonly meter: string;
  readonly wiring: 'installation' | 'dedicated';
  readonly same: boolean;
  readonly maximum: readonly [string, string, string];
  readonly charging: readonly [string, string, string];
  readonly numbers: { readonly [N in NumberName]: string };
  readonly offLimit: string; // empty: the rated current
  readonly emergency: boolean;
}

type Three = [string, string, string];
const three = (value: GreenupSettings['i_max_a']): Three => {
  if (Array.isArray(value)) return [String(value[0]), String(value[1]), String(value[2])];
  const text = value === undefined ? '' : String(value);
  return [text, text, text];
};

export function formOf(settings: GreenupSettings): Form {
  return {
    meter: settings.meter ? String(settings.meter) : '',
    wiring: settings.wiring ?? 'installation',
    same: !Array.isArray(settings.i_max_a) && !Array.isArray(settings.i_chg_a),
    maximum: three(settings.i_max_a),
    charging: three(settings.i_chg_a),
    numbers: Object.fromEntries(NUMBER_NAMES.map((name) => [name, String(settings[name] ?? DEFAULTS[name])])) as { [N in NumberName]: string },
    offLimit: settings.off_limit_a === undefined ? '' : String(settings.off_limit_a),
    emergency: settings.emergency ?? true,
  };
}

export type Problem = 'number' | 'above_maximum' | 'above_level1';
export type Problems = { readonly [field: string]: Problem };

const currents = (texts: readonly string[], same: boolean): (number | null)[] => (same ? [texts[0] ?? ''] : texts).map(readNumber);

// What can be said at once; the gateway checks all of it again.
export function problemsOf(form: Form): Problems {
  const found: { [field: string]: Problem } = {};
  const maximum = currents(form.maximum, form.same);
  const charging = currents(form.charging, form.same);
  maximum.forEach((one, i) => { if (one === null) found[`i_max_a/${i}`] = 'number'; });
  charging.forEach((one, i) => {
    if (one === null) found[`i_chg_a/${i}`] = 'number';
    else if (one > (maximum[i] ?? Infinity)) found[`i_chg_a/${i}`] = 'above_maximum';
  });
  for (const name of NUMBER_NAMES) if (readNumber(form.numbers[name]) === null) found[name] = 'number';
  if ((readNumber(form.numbers.level2_pct) ?? 0) > (readNumber(form.numbers.level1_pct) ?? 100)) found.level2_pct = 'above_level1';
  if (form.offLimit !== '' && readNumber(form.offLimit) === null) found.off_limit_a = 'number';
  return found;
}

// Keeps what the form does not show.
export function settingsOf(form: Form, before: GreenupSettings): GreenupSettings {
  const pick = (texts: readonly string[]): number | [number, number, number] => {
    const values = currents(texts, form.same).map((one) => one ?? 0);
    return form.same ? values[0]! : (values as [number, number, number]);
  };
  const { meter: _meter, off_limit_a: _off, ...kept } = before;
  const numbers = Object.fromEntries(NUMBER_NAMES.map((name) => [name, readNumber(form.numbers[name])])) as { [N in NumberName]: number };
  return {
    ...kept, ...numbers, wiring: form.wiring, emergency: form.emergency, i_max_a: pick(form.maximum), i_chg_a: pick(form.charging),
    ...(form.meter === '' ? {} : { meter: Number(form.meter) }), ...(form.offLimit === '' ? {} : { off_limit_a: readNumber(form.offLimit) ?? 0 }),
  };
}

// The bands that the typed values would give, with the live currents.
export function previewPhases(form: Form, live: readonly GreenupPhase[]): Array<Pick<GreenupPhase, 'phase' | 'band' | 'current_a' | 'maximum_a' | 'hold_a' | 'charging_max_a' | 'base_a' | 'booked_a'>> {
  const hysteresis = (readNumber(form.numbers.hysteresis_pct) ?? 0) / 100;
  const [maximum, charging] = [currents(form.maximum, form.same), currents(form.charging, form.same)];
  return (form.same ? [1] : [1, 2, 3]).flatMap((phase, i) => {
    const [max, chg] = [maximum[i] ?? null, charging[i] ?? null];
    if (max === null || max <= 0 || chg === null) return [];
    const known = live.find((one) => one.phase === phase);
    const worst = form.same ? Math.max(-1, ...live.map((one) => one.current_a ?? -1)) : known?.current_a ?? -1;
    const current = worst < 0 ? null : worst;
    const band: Band = current === null || current <= chg ? 'green' : current <= max ? 'yellow' : 'red';
    return [{ phase, band, current_a: current, maximum_a: max, hold_a: max * (1 - hysteresis), charging_max_a: chg, base_a: null, booked_a: null }];
  });
}

export const isPriority = (settings: GreenupSettings, id: number): boolean =>
  settings.stations?.find((one) => one.device === id)?.priority === true;

// Only what differs from normal is written down.
export function withPriority(settings: GreenupSettings, id: number, priority: boolean): GreenupSettings {
  const others = (settings.stations ?? []).filter((one) => one.device !== id);
  return { ...settings, stations: priority ? [...others, { device: id, priority: true }].sort((a, b) => a.device - b.device) : others };
}
