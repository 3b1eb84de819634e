// Register tables of one's own: what is typed and the calls it becomes. Whether a table is right, and what its registers hold on
// a device, is the gateway's word. Pure.
import type { ConfigDevice, Preview, Reason } from '../../generated/types';

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

// ---- What was found on the device ----------------------------------------------------------------------------------------

export type Row = Preview['values'][number];
export type Looks = NonNullable<Row['looks']>;
export type Fix = NonNullable<Row['fixes']>[number];

// The tree with one register, or the word order of all that have several, as was chosen.
export function fixed(tree: ProfileTree, name: string, fix: Fix): ProfileTree {
  const registers = tree.registers ?? {};
  const { order, type, scale } = fix;
  const change = fix.do === 'order' ? { order } : fix.do === 'type' ? { type } : { scale };
  return { ...tree, registers: { ...registers, [name]: { ...registers[name]!, ...change } as Register } };
}

export function orderOfAll(tree: ProfileTree, order: 'msw' | 'lsw'): ProfileTree {
  const several = (one: Register): boolean => /^[usf](32|64)$/.test(one.type);
  return { ...tree, registers: Object.fromEntries(Object.entries(tree.registers ?? {}).map(([name, one]) => [name, several(one) ? { ...one, order } : one])) };
}
