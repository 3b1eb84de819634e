// Register tables of one's own: what is typed and the calls it becomes, what registers mean, and what can be said of a value
// before the table is trusted. Whether a table is right is the gateway's word. Pure.
import type { ConfigDevice, Reason } from '../../generated/types';
import { readQuantity } from '../../format/quantity';

export const TABLE_BYTES_MAX = 512 * 1024;
export const FIRSTS = ['0', '1', '30001', '40001', '300001', '400001'] as const;
export const KINDS = ['meter', 'breaker', 'station', 'pulse', 'io'] as const;

type Json = { [key: string]: unknown };

export interface Register {
  fc: number | string; address: number | string; type: string; group: string; order?: string; words?: number | string; scale?: number | string;
  unit?: string; nan?: readonly (string | number)[]; mask?: string | number; shift?: number; per_position?: number; hidden?: boolean;
  scale_from?: { registers: readonly string[]; steps?: readonly { from: number; scale: number }[] };
  sign_from?: { register: string; negative: string | number }; divide_above?: number; four_quadrant?: boolean;
}
export interface ProfileTree extends Json {
  id?: string; family?: string; model?: string; kind?: string; confidence?: string; extends?: string;
  registers?: { readonly [quantity: string]: Register }; params?: { readonly [name: string]: { preset?: number } };
}

// ---- What is typed ----------------------------------------------------------------------------------------------------

export interface TableForm {
  text: string; id: string; family: string; model: string; kind: string; first: string; order: string; document: string; max: string; gap: string;
}
export const emptyForm: TableForm = { text: '', id: '', family: '', model: '', kind: 'meter', first: '0', order: 'msw', document: '', max: '', gap: '' };

export const isJson = (text: string): boolean => text.trimStart().startsWith('{');

export const idOf = (family: string, model: string): string =>
  `${family} ${model}`.normalize('NFD').replace(/[\u0300-\u036f]/g, '').toLowerCase().replace(/[^a-z0-9]+/g, '-').replace(/^-+|-+$/g, '').slice(0, 63);

// The bytes of a file as a person meant them: UTF-8 with or without mark, UTF-16, or what an old spreadsheet writes.
export function textOf(bytes: Uint8Array): string {
  const [first, second] = [bytes[0], bytes[1]];
  const wide = first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be'
    : first !== undefined && first !== 0 && second === 0 ? 'utf-16le' : first === 0 && second !== undefined && second !== 0 ? 'utf-16be' : null;
  if (wide !== null) return new TextDecoder(wide).decode(bytes);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('windows-1252').decode(bytes);
  }
}

const whole = (text: string): number | undefined => (/^\s*\d+\s*$/.test(text) ? Number(text) : undefined);

export type Asked = { args: Json } | { badJson: string };

// What config/profile is asked to look at.
export function checkArgs(form: TableForm): Asked {
  if (isJson(form.text)) {
    try {
      return { args: { profile: JSON.parse(form.text) as Json, check: true } };
    } catch (error) {
      return { badJson: (error as Error).message };
    }
  }
  const table: Json = { csv: form.text, id: form.id.trim(), family: form.family.trim(), model: form.model.trim(), kind: form.kind, first: whole(form.first) ?? form.first, order: form.order };
  if (form.document.trim() !== '') table.document = form.document.trim();
  if (form.max.trim() !== '') table.max_registers = whole(form.max) ?? form.max;
  if (form.gap.trim() !== '') table.gap_ms = whole(form.gap) ?? form.gap;
  return { args: { table, check: true } };
}

// A model of the catalogue whose registers nobody publishes: the table goes on top of what is known of it.
export const attachedTo = (id: string): ProfileTree => ({ id, extends: id, offers: null, notes: null });

// The profile that is saved: what a table says over what stood there before it.
export function composed(checked: ProfileTree, base: ProfileTree | null): ProfileTree {
  if (base === null) return checked;
  const said: ProfileTree = { ...checked };
  if (base.extends !== undefined) for (const key of ['version', 'family', 'model', 'kind']) delete said[key];
  const before: ProfileTree = { ...base };
  for (const key of ['references', 'evidence']) delete before[key];
  return { ...before, ...said, id: base.id ?? checked.id ?? '' };
}

// ---- And back ---------------------------------------------------------------------------------------------------------

const PLAIN = new Set(['fc', 'address', 'type', 'order', 'words', 'scale', 'unit', 'group', 'nan']);
const plainRegister = (one: Register): boolean =>
  Object.keys(one).every((key) => PLAIN.has(key)) && ![one.fc, one.address, one.words, one.scale].some((value) => typeof value === 'string' && value.startsWith('$')) && (one.nan?.length ?? 0) <= 1;

// Whether a CSV table says all of its registers.
export const isPlain = (tree: ProfileTree): boolean => {
  const registers = Object.values(tree.registers ?? {});
  return registers.length > 0 && registers.every(plainRegister) && !('commands' in tree) && !('watchdog' in tree);
};

const number = (value: unknown): number => (typeof value === 'number' ? value : Number(value));

export function csvOf(tree: ProfileTree, first: number): string {
  const registers = Object.entries(tree.registers ?? {});
  const optional = (['order', 'words', 'scale', 'unit', 'group', 'nan'] as const).filter((key) => key === 'scale' || registers.some(([, one]) => one[key] !== undefined));
  const cell = (one: Register, key: keyof Register): string =>
    (key === 'address' ? String(number(one.address) + first) : key === 'nan' ? String(one.nan?.[0] ?? '') : key === 'scale' ? String(one.scale ?? 1) : String(one[key] ?? ''));
  return [['quantity', 'fc', 'address', 'type', ...optional].join(';'),
    ...registers.map(([name, one]) => [name, String(number(one.fc)), cell(one, 'address'), one.type, ...optional.map((key) => cell(one, key))].join(';')), ''].join('\n');
}

export function formOf(tree: ProfileTree, names: { family: string; model: string; kind: string }): TableForm {
  const limits = (tree.limits ?? {}) as { max_registers?: number; gap_ms?: number };
  const references = (tree.references ?? []) as readonly string[];
  return {
    ...emptyForm, ...names, id: tree.id ?? '', text: isPlain(tree) ? csvOf(tree, 0) : `${JSON.stringify(tree, null, 2)}\n`,
    document: tree.confidence === 'document' ? references[0] ?? '' : '',
    max: limits.max_registers && limits.max_registers !== 125 ? String(limits.max_registers) : '', gap: limits.gap_ms ? String(limits.gap_ms) : '',
  };
}

// ---- Faults -----------------------------------------------------------------------------------------------------------

export type Fault = Reason & { faults?: readonly Reason[] };
export interface Place { row: number; column: string }

export function placeOf(reason: Reason): Place | null {
  const match = /^row (\d+)(?:, (.+))?$/.exec(reason.path ?? '');
  return match ? { row: Number(match[1]), column: match[2] ?? '' } : null;
}

export const faultsOf = (reason: Fault): readonly Reason[] => (reason.faults && reason.faults.length > 0 ? reason.faults : [reason]);

// The line a fault is about, as it stands in the text.
export const lineOf = (text: string, row: number): string => (text.split(/\r\n|\n|\r/)[row - 1] ?? '').slice(0, 200);

export const usersOf = (id: string, devices: Iterable<ConfigDevice>): ConfigDevice[] => [...devices].filter((one) => one.profile === id);

// ---- What registers mean ------------------------------------------------------------------------------------------------

export interface Bound { fc: number; address: number; words: number; scale: number }
const WORDS: { readonly [type: string]: number } = { bool: 1, u16: 1, s16: 1, u32: 2, s32: 2, u64: 4, s64: 4, f32: 2, f64: 4 };

// null: a parameter of the device is missing.
export function bind(one: Register, params: ProfileTree['params']): Bound | null {
  const value = (given: unknown, other: number): number => (given === undefined ? other : typeof given === 'string' && given.startsWith('$') ? params?.[given.slice(1)]?.preset ?? NaN : number(given));
  const bound = { fc: value(one.fc, 3), address: value(one.address, 0), words: value(one.words, WORDS[one.type] ?? 1), scale: value(one.scale, 1) };
  return Object.values(bound).some(Number.isNaN) ? null : bound;
}

// What poller/read is asked: all registers of the value as they are.
export const readArgs = (bus: number, unit: number, bound: Bound): Json => ({ bus, unit, fc: bound.fc, address: bound.address, count: bound.words, type: 'u16' });

function rawOf(one: Register, registers: readonly number[]): bigint {
  const order = one.order === 'lsw' ? [...registers].reverse() : registers;
  return order.reduce((sum, word) => (sum << 16n) | BigInt(word), 0n);
}

const floatOf = (raw: bigint, bytes: number): number => {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, bytes === 4 ? raw << 32n : raw);
  return bytes === 4 ? Number(view.getFloat32(0).toPrecision(7)) : view.getFloat64(0);
};

const stringOf = (registers: readonly number[]): string => {
  const bytes = new Uint8Array(registers.flatMap((word) => [word >> 8, word & 0xff]));
  return new TextDecoder().decode(bytes).replace(/\0[\s\S]*$/, '').replace(/[\u0000-\u001f\u007f]/g, '').trim();
};

// null: the device says that it has none.
export type Value = number | string | null;

export function decode(one: Register, bound: Bound, registers: readonly number[]): Value {
  if (one.type === 'string') return stringOf(registers);
  if (one.type === 'bool' || bound.fc <= 2) return registers[0] ? 1 : 0;
  let raw = rawOf(one, registers);
  const whole64 = raw;
  if (one.shift) raw >>= BigInt(one.shift);
  if (one.mask !== undefined && BigInt(one.mask) !== 0n) raw &= BigInt(one.mask);
  if ((one.nan ?? []).some((none) => BigInt(none) === raw || BigInt(none) === whole64)) return null;
  const bits = registers.length * 16;
  const value = one.type.startsWith('f') ? floatOf(raw, one.type === 'f32' ? 4 : 8) : Number(one.type.startsWith('s') ? BigInt.asIntN(bits, raw) : raw);
  if (!Number.isFinite(value)) return null;
  return Number((value * bound.scale).toPrecision(12));
}

// What other registers say of a value: its scale, its sign.
export function finish(one: Register, value: Value, others: { readonly [quantity: string]: Value | undefined }): Value {
  if (typeof value !== 'number') return value;
  let result = value;
  if (one.scale_from) {
    const factors = one.scale_from.registers.map((name) => others[name]);
    if (factors.some((factor) => typeof factor !== 'number')) return null;
    const product = (factors as number[]).reduce((a, b) => a * b, 1);
    const steps = one.scale_from.steps ?? [];
    const reached = steps.filter((step) => step.from <= product);
    result *= steps.length === 0 ? product : reached[reached.length - 1]?.scale ?? 1;
  }
  if (one.sign_from && others[one.sign_from.register] === number(one.sign_from.negative)) result = -Math.abs(result);
  if (one.divide_above && Math.abs(result) > one.divide_above) result /= 10;
  if (one.four_quadrant && Math.abs(result) > 1) result = Math.sign(result) * (2 - Math.abs(result));
  return result;
}

// ---- Plausible? ---------------------------------------------------------------------------------------------------------

export type Looks = 'good' | 'odd' | 'zero' | 'unknown' | 'none';
export type Fix = { do: 'order'; order: 'msw' | 'lsw'; value: number } | { do: 'type'; type: string; value: number } | { do: 'scale'; scale: number; value: number };
export interface Verdict { readonly looks: Looks; readonly fixes: readonly Fix[] }

interface Range { readonly min: number; readonly max: number; readonly tight: boolean; readonly least: number }

// What a building can show; `tight`: a value outside is wrong by a scale. Below `least`, but not 0, it is nothing real.
function rangeOf(name: string, nominal: number): Range | null {
  const { base } = readQuantity(name);
  const range = (min: number, max: number, tight = false, least = 1e-6): Range => ({ min, max, tight, least });
  const plain = base.replace(/^partial_/, '').replace(/_line$/, '');
  if (base === 'voltage_phase') return range(nominal * 0.6, nominal * 1.3, true);
  if (base === 'voltage_line') return range(nominal * Math.sqrt(3) * 0.6, nominal * Math.sqrt(3) * 1.3, true);
  if (base === 'frequency') return range(45, 65, true);
  if (base === 'power_factor') return range(-1.0001, 1.0001, true);
  if (/^(active|reactive|apparent)_power$/.test(base)) return range(-1e7, 1e7);
  if (/energy/.test(plain)) return range(0, 1e12);
  if (/^(current|current_limit|rated_current)$/.test(base)) return range(-1e4, 1e4);
  if (/^(thd|harmonic)_/.test(base)) return range(0, 200);
  if (base === 'temperature') return range(-50, 150);
  if (plain === 'volume') return range(0, 1e10);
  if (/_ratio$/.test(base)) return range(1, 1e5);
  if (/^(operating_time|session_duration)$/.test(base)) return range(0, 4e9);
  return null;
}

const inside = (range: Range, value: number): boolean => value >= range.min && value <= range.max && (value === 0 || Math.abs(value) >= range.least);

const OTHER_TYPES: { readonly [type: string]: readonly string[] } = {
  u16: ['s16'], s16: ['u16'], u32: ['s32', 'f32'], s32: ['u32', 'f32'], f32: ['u32', 's32'], u64: ['s64', 'f64'], s64: ['u64', 'f64'], f64: ['u64', 's64'],
};
const FIXES_MAX = 3;

export function judge(name: string, one: Register, bound: Bound, registers: readonly number[], value: Value, nominal: number): Verdict {
  const said = (looks: Looks, fixes: readonly Fix[] = []): Verdict => ({ looks, fixes: fixes.slice(0, FIXES_MAX) });
  if (value === null) return said('none');
  const range = rangeOf(name, nominal);
  if (typeof value === 'string' || range === null) return said('unknown');
  if (value === 0) return said('zero');
  if (inside(range, value)) return said('good');
  if (one.scale_from || one.sign_from) return said('odd'); // what makes it is another register
  const good = (changed: Partial<Register>): number | null => {
    const result = decode({ ...one, ...changed }, bound, registers);
    return typeof result === 'number' && result !== 0 && inside(range, result) ? result : null;
  };
  const fixes: Fix[] = [];
  const order = one.order === 'lsw' ? 'msw' : 'lsw';
  if (registers.length > 1) {
    const swapped = good({ order });
    if (swapped !== null) fixes.push({ do: 'order', order, value: swapped });
  }
  for (const type of OTHER_TYPES[one.type] ?? []) {
    const read = good({ type });
    if (read !== null) fixes.push({ do: 'type', type, value: read });
  }
  if (fixes.length > 0) return said('odd', fixes); // chance rarely makes those: a scale is not needed beside
  const steps = range.tight ? [-1, 1, -2, 2, -3, 3, -4, 4] : /^(current|active|reactive|apparent)/.test(name) ? [-3] : [];
  for (const step of steps) {
    const scale = Number((bound.scale * 10 ** step).toPrecision(12));
    const scaled = Number((value * 10 ** step).toPrecision(12));
    if (inside(range, scaled) && Math.abs(scaled) > range.max / 1e4) fixes.push({ do: 'scale', scale, value: scaled });
  }
  return said('odd', fixes);
}

// The tree with one register, or the word order of all that have several, as was chosen.
export function fixed(tree: ProfileTree, name: string, fix: Fix): ProfileTree {
  const registers = tree.registers ?? {};
  const change = fix.do === 'order' ? { order: fix.order } : fix.do === 'type' ? { type: fix.type } : { scale: fix.scale };
  return { ...tree, registers: { ...registers, [name]: { ...registers[name]!, ...change } } };
}

export function orderOfAll(tree: ProfileTree, order: 'msw' | 'lsw'): ProfileTree {
  const several = (one: Register): boolean => one.type !== 'string' && (WORDS[one.type] ?? 1) > 1;
  return { ...tree, registers: Object.fromEntries(Object.entries(tree.registers ?? {}).map(([name, one]) => [name, several(one) ? { ...one, order } : one])) };
}
