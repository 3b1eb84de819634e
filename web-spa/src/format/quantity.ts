// What the name of a quantity says: which thing, on which phase, in which unit, in which part of the page. Pure.
import type { Measure } from './number';

export type Phase = 'total' | 'l1' | 'l2' | 'l3' | 'n';
export type Statistic = 'mean' | 'min' | 'max';
export type Section = 'power' | 'electric' | 'energy' | 'quality' | 'harmonics' | 'statistics' | 'volume' | 'other' | 'info';

export interface Quantity {
  readonly name: string;      // as published: "voltage_l1_n"
  readonly base: string;      // its row: "voltage_phase"
  readonly phase: Phase;      // its column; l1 of a voltage between phases is L1-L2, l2 is L2-L3, l3 is L3-L1
  readonly order: number;     // of a harmonic, else 0
  readonly statistic: Statistic | null;
  readonly section: Section;
  readonly measure: Measure;
}

interface Kind { readonly section: Section; readonly measure: Measure }

const KINDS: { readonly [base: string]: Kind } = {
  active_power: { section: 'power', measure: 'power_w' },
  reactive_power: { section: 'power', measure: 'power_var' },
  apparent_power: { section: 'power', measure: 'power_va' },
  power_factor: { section: 'power', measure: 'factor' },
  voltage_phase: { section: 'electric', measure: 'voltage' },
  voltage_line: { section: 'electric', measure: 'voltage' },
  voltage: { section: 'electric', measure: 'voltage' },
  current: { section: 'electric', measure: 'current' },
  frequency: { section: 'electric', measure: 'frequency' },
  thd_voltage: { section: 'quality', measure: 'percent' },
  thd_current: { section: 'quality', measure: 'percent' },
  harmonic_voltage: { section: 'harmonics', measure: 'percent' },
  harmonic_current: { section: 'harmonics', measure: 'percent' },
  volume: { section: 'volume', measure: 'volume' },
  temperature: { section: 'other', measure: 'temperature' },
  operating_time: { section: 'other', measure: 'duration' },
  session_duration: { section: 'other', measure: 'duration' },
  error_code: { section: 'other', measure: 'count' },
  ct_ratio: { section: 'info', measure: 'ratio' },
  vt_ratio: { section: 'info', measure: 'ratio' },
  serial_number: { section: 'info', measure: 'count' },
  firmware_version: { section: 'info', measure: 'count' },
  device_code: { section: 'info', measure: 'count' },
};

// The order of rows on the page.
export const BASES: readonly string[] = [
  'active_power', 'reactive_power', 'apparent_power', 'power_factor',
  'voltage_phase', 'voltage_line', 'voltage', 'current', 'frequency',
  'active_energy_import', 'active_energy_export', 'reactive_energy_import', 'reactive_energy_export', 'apparent_energy',
  'partial_active_energy_import', 'partial_active_energy_export', 'partial_reactive_energy_import',
  'partial_reactive_energy_export', 'partial_apparent_energy',
  'thd_voltage', 'thd_voltage_line', 'thd_current', 'harmonic_voltage', 'harmonic_voltage_line', 'harmonic_current',
  'volume', 'partial_volume', 'temperature', 'operating_time', 'session_duration', 'error_code',
  'serial_number', 'firmware_version', 'device_code', 'ct_ratio', 'vt_ratio',
];

function kindOf(base: string): Kind {
  const known = KINDS[base] ?? KINDS[base.replace(/^partial_/, '').replace(/_line$/, '')];
  if (known) return known;
  if (/(^|_)apparent_energy/.test(base)) return { section: 'energy', measure: 'energy_vah' };
  if (/(^|_)reactive_energy/.test(base)) return { section: 'energy', measure: 'energy_varh' };
  if (/(^|_)energy/.test(base)) return { section: 'energy', measure: 'energy_wh' };
  return { section: 'other', measure: 'unknown' };
}

const LINE: { readonly [pair: string]: Phase } = { l1_l2: 'l1', l2_l3: 'l2', l3_l1: 'l3' };

interface Split { base: string; phase: Phase; order: number }

// "<base>[_<phase or pair of phases>][_<order>]"; the order only of harmonics.
function splitPhase(name: string): Split {
  const harmonic = /^(harmonic_.+)_([0-9]{1,2})$/.exec(name);
  const order = harmonic ? Number(harmonic[2]) : 0;
  const rest = harmonic ? harmonic[1]! : name;
  const between = /^(.+)_(l1_l2|l2_l3|l3_l1)$/.exec(rest);
  if (between) return { base: `${between[1]!}_line`, phase: LINE[between[2]!]!, order };
  const toNeutral = /^(voltage)_(l[123])_n$/.exec(rest);
  if (toNeutral) return { base: 'voltage_phase', phase: toNeutral[2] as Phase, order };
  const phased = /^(.+)_(l[123]|n)$/.exec(rest);
  if (phased) return { base: phased[1]!, phase: phased[2] as Phase, order };
  return { base: rest, phase: 'total', order };
}

export function readQuantity(name: string): Quantity {
  const statistic = /^(.+)_(mean|min|max)$/.exec(name);
  const { base, phase, order } = splitPhase(statistic ? statistic[1]! : name);
  const kind = kindOf(base);
  return {
    name, base, phase, order, measure: kind.measure,
    statistic: statistic ? (statistic[2] as Statistic) : null,
    section: statistic ? 'statistics' : kind.section,
  };
}

const cache = new Map<string, Quantity>();

export function quantity(name: string): Quantity {
  let known = cache.get(name);
  if (!known) {
    known = readQuantity(name);
    cache.set(name, known);
  }
  return known;
}

const rank = (base: string): number => {
  const at = BASES.indexOf(base);
  return at < 0 ? BASES.length : at;
};

export const compareBases = (a: string, b: string): number => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0);

// A readable name for what no catalogue knows: "flow_rate" → "Flow rate".
export const plainName = (base: string): string => {
  const words = base.replace(/_/g, ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};
