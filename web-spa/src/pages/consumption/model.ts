// From the recorder's answers to what is drawn: spans with names, series with colours, one unit for all. Pure.
import type { ConfigCircuit } from '../../generated/types';
import { endOf, startOf, type Span } from '../../format/period';

// ---- Questions --------------------------------------------------------------------------------------------------

const formats = new Map<string, Intl.DateTimeFormat>();

function fields(at: number, zone: string): { [name: string]: string } {
  let known = formats.get(zone);
  if (!known) {
    known = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23',
    });
    formats.set(zone, known);
  }
  // By their names: how a language puts them together differs between versions of its data.
  return Object.fromEntries(known.formatToParts(at).map((part) => [part.type, part.value]));
}

// "2026-03-01" in the zone of the site.
export function localDate(at: number, zone: string): string {
  const { year, month, day } = fields(at, zone);
  return `${year}-${month}-${day}`;
}

// The instant a local day begins.
export function dayStart(date: string, zone: string): number {
  const wanted = Date.parse(`${date}T00:00:00Z`);
  const offset = (at: number): number => {
    const { year, month, day, hour, minute } = fields(at, zone);
    return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:00Z`) - at;
  };
  const guess = wanted - offset(wanted);
  return wanted - offset(guess);
}

const HOUR_MS = 3_600_000;
export type By = 'hour' | 'day' | 'month' | 'year';

// What is asked for to draw the day, month, year or ten years that hold `date`.
export function periodQuestion(span: Span, date: string, zone: string): { by: By; from: string; spans: number } {
  const from = startOf(date, span);
  const end = endOf(date, span);
  switch (span) {
    // A day may have 23 or 25 hours.
    case 'day': return { by: 'hour', from, spans: Math.round((dayStart(end, zone) - dayStart(from, zone)) / HOUR_MS) };
    case 'month': return { by: 'day', from, spans: Math.round((Date.parse(end) - Date.parse(from)) / (24 * HOUR_MS)) };
    case 'year': return { by: 'month', from, spans: 12 };
    case 'decade': return { by: 'year', from, spans: 10 };
  }
}

// ---- What is drawn ----------------------------------------------------------------------------------------------

export interface SpanOf { readonly start: string; readonly end: string }

// "14", "3", "Mar", "2026". The hour that comes twice in autumn stands twice.
export function spanLabels(spans: readonly SpanOf[], by: By, zone: string, locale: string): string[] {
  const month = by === 'month' ? new Intl.DateTimeFormat(locale, { timeZone: zone, month: 'short' }) : null;
  return spans.map((span) => {
    const at = Date.parse(span.start);
    const known = fields(at, zone);
    if (by === 'hour') return `${known.hour} h`;
    if (by === 'day') return String(Number(known.day));
    return month ? month.format(at) : known.year ?? '';
  });
}

export interface Series {
  readonly key: string;
  readonly name: string;
  readonly color: string; // of tokens.css, as "--series-1"
  readonly values: readonly (number | null)[];
  readonly total: number | null;
}

export interface Row {
  readonly id: number;
  readonly values: readonly (number | null)[];
  readonly total: number | null;
}

export const sum = (values: readonly (number | null)[]): number | null => {
  const known = values.filter((one): one is number => one !== null);
  return known.length === 0 ? null : known.reduce((all, one) => all + one, 0);
};

// Sums of each span over all series; null where none has a value.
export function spanTotals(series: ReadonlyArray<{ readonly values: readonly (number | null)[] }>, count: number): (number | null)[] {
  return Array.from({ length: count }, (_, i) => sum(series.map((one) => one.values[i] ?? null)));
}

const COLORS = 8;
export const OTHER_COLOR = '--series-other';
export const seriesColor = (place: number): string => `--series-${(place % COLORS) + 1}`;
export const SERVICE_COLOR = { electricity: '--electricity', gas: '--gas', water: '--water' } as const;
export type Service = keyof typeof SERVICE_COLOR;
export const SERVICES = Object.keys(SERVICE_COLOR) as Service[];

// Largest first, what belongs to none (0) last. A colour stays with its id, whatever is shown.
export function seriesOf(rows: readonly Row[], name: (id: number) => string, ids: readonly number[]): Series[] {
  const order = [...new Set([...ids, ...rows.map((row) => row.id)])].filter((id) => id !== 0).sort((a, b) => a - b);
  return [...rows].sort((a, b) => Number(a.id === 0) - Number(b.id === 0) || (b.total ?? 0) - (a.total ?? 0) || a.id - b.id).map((row) => ({
    key: String(row.id), name: name(row.id), color: row.id === 0 ? OTHER_COLOR : seriesColor(order.indexOf(row.id)), values: row.values, total: row.total,
  }));
}

// How many spans of a running period have a value: what the period before is compared with up to there.
export function spansKnown(totals: readonly (number | null)[]): number {
  let count = 0;
  totals.forEach((one, i) => { if (one !== null) count = i + 1; });
  return count;
}

// ---- Units ------------------------------------------------------------------------------------------------------

export interface Unit { readonly name: string; readonly factor: number; readonly decimals: number }

const LADDERS: { readonly [unit: string]: ReadonlyArray<Unit & { readonly from: number }> } = {
  Wh: [
    { name: 'Wh', factor: 1, decimals: 0, from: 0 }, { name: 'kWh', factor: 1e3, decimals: 2, from: 1e3 },
    { name: 'MWh', factor: 1e6, decimals: 3, from: 1e7 },
  ],
  dm3: [{ name: 'dm³', factor: 1, decimals: 0, from: 0 }, { name: 'm³', factor: 1e3, decimals: 3, from: 1e3 }],
};

// One unit for a whole figure, by its largest number.
export function unitFor(unit: string, largest: number): Unit {
  const steps = LADDERS[unit];
  if (!steps) return { name: unit, factor: 1, decimals: 2 }; // a currency
  return [...steps].reverse().find((step) => largest >= step.from) ?? steps[0]!;
}

// ---- Honesty ----------------------------------------------------------------------------------------------------

export const FLAGS = [
  [1, 'recovered'], [2, 'anew'], [4, 'estimated'], [8, 'rolled'], [16, 'swapped'], [32, 'replaced'], [64, 'gap'],
] as const;
export type Flag = (typeof FLAGS)[number][1];

export interface Note { readonly flag: Flag; readonly at: readonly number[] }

// Which spans are not what they seem, by what happened.
export function notesOf(flags: readonly number[]): Note[] {
  return FLAGS.flatMap(([bit, flag]) => {
    const at = flags.flatMap((one, i) => ((one & bit) !== 0 ? [i] : []));
    return at.length === 0 ? [] : [{ flag, at }];
  });
}

export const joinFlags = (rows: ReadonlyArray<{ readonly flags: readonly number[] }>, count: number): number[] =>
  Array.from({ length: count }, (_, i) => rows.reduce((all, row) => all | (row.flags[i] ?? 0), 0));

// ---- datalogger.csv ---------------------------------------------------------------------------------------------

export interface CsvOptions { readonly decimal: ',' | '.'; readonly field: ';' | ',' }

// REC-04: comma and semicolon unless the site chose otherwise; never a comma for both.
export function csvOptions(settings: { readonly [key: string]: unknown } | undefined): CsvOptions {
  const decimal = settings?.decimal === '.' ? '.' : ',';
  const field = settings?.separator === ',' && decimal === '.' ? ',' : ';';
  return { decimal, field };
}

function csvText(text: string, { field }: CsvOptions): string {
  const plain = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text; // a table calculator must not run it
  return plain.includes(field) || /["\n]/.test(plain) ? `"${plain.replace(/"/g, '""')}"` : plain;
}

// `time` (local start of the span), one column a series with its unit, flags. Amounts in the unit of the recorder.
export function csvOf(spans: readonly SpanOf[], series: readonly Series[], flags: readonly number[], unit: string, zone: string, options: CsvOptions): string {
  const time = (at: string): string => {
    const { year, month, day, hour, minute } = fields(Date.parse(at), zone);
    return `${year}-${month}-${day} ${hour}:${minute}`;
  };
  const number = (value: number | null | undefined): string => (value == null ? '' : String(value).replace('.', options.decimal));
  const names = (at: number): string => FLAGS.filter(([bit]) => ((flags[at] ?? 0) & bit) !== 0).map(([, flag]) => flag).join(' ');
  const lines = [
    ['time', ...series.map((one) => csvText(`${one.name} [${unit}]`, options)), 'flags'],
    ...spans.map((span, i) => [time(span.start), ...series.map((one) => number(one.values[i])), names(i)]),
  ];
  return `\ufeff${lines.map((line) => line.join(options.field)).join('\r\n')}\r\n`;
}

// ---- Names ------------------------------------------------------------------------------------------------------

export function circuitName(circuit: ConfigCircuit | undefined, id: number, lookUp: (key: string) => string | null, other: string): string {
  if (id === 0) return other;
  if (circuit?.name) return circuit.name;
  return (circuit?.use && lookUp(`circuit.${circuit.use}`)) ?? `#${id}`;
}
