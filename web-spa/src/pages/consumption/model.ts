// From the recorder's answer to what the page draws: one local day by hour and circuit, and the day before. Pure.
import type { ConfigCircuit, Consumption } from '../../generated/types';

export type Which = 'today' | 'yesterday';

export interface Hour {
  readonly label: string;        // "14", in the zone of the site; the hour that comes twice in autumn stands twice
  readonly start: number;        // ms since 1970
  readonly values: readonly (number | null)[]; // Wh by circuit, in the order of Day.circuits
  readonly total: number | null;
  readonly recovered: boolean;
}

export interface Day {
  readonly date: string;         // "2026-03-01"
  readonly hours: readonly Hour[];
  readonly circuits: readonly number[]; // largest first, 0 (other) last
  readonly totals: readonly number[];   // Wh by circuit
  readonly total: number;
  readonly recovered: boolean;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  let known = formats.get(zone);
  if (!known) {
    known = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', hourCycle: 'h23',
    });
    formats.set(zone, known);
  }
  return known;
}

// The fields by their names: how a language puts them together differs between versions of its data.
function fields(at: number, zone: string): { [name: string]: string } {
  return Object.fromEntries(format(zone).formatToParts(at).map((part) => [part.type, part.value]));
}

// "2026-03-01" in the zone of the site.
export function localDate(at: number, zone: string): string {
  const { year, month, day } = fields(at, zone);
  return `${year}-${month}-${day}`;
}

// The date before, by the calendar.
export function dayBefore(date: string): string {
  const noon = new Date(`${date}T12:00:00Z`);
  noon.setUTCDate(noon.getUTCDate() - 1);
  return noon.toISOString().slice(0, 10);
}

// Two days are at most 50 hours (one of them may have 25).
export const SPANS = 50;

function orderCircuits(answer: Consumption, indices: readonly number[]): { circuits: number[]; rows: number[] } {
  const sums = answer.circuits.map((one, row) => ({
    row, circuit: one.circuit, sum: indices.reduce((sum, i) => sum + (one.values[i] ?? 0), 0),
    known: indices.some((i) => one.values[i] !== null && one.values[i] !== undefined),
  })).filter((one) => one.known);
  sums.sort((a, b) => Number(a.circuit === 0) - Number(b.circuit === 0) || b.sum - a.sum || a.circuit - b.circuit);
  return { circuits: sums.map((one) => one.circuit), rows: sums.map((one) => one.row) };
}

export function dayOf(answer: Consumption, date: string, zone: string): Day {
  const indices = answer.spans.flatMap((span, i) => (localDate(Date.parse(span.start), zone) === date ? [i] : []));
  const { circuits, rows } = orderCircuits(answer, indices);
  const hours = indices.map((i): Hour => {
    const values = rows.map((row) => answer.circuits[row]!.values[i] ?? null);
    const known = values.filter((value): value is number => value !== null);
    const start = Date.parse(answer.spans[i]!.start);
    return {
      label: fields(start, zone).hour ?? '', start, values,
      total: known.length > 0 ? known.reduce((sum, value) => sum + value, 0) : null,
      recovered: ((answer.flags[i] ?? 0) & 1) !== 0,
    };
  });
  const totals = circuits.map((_, at) => hours.reduce((sum, hour) => sum + (hour.values[at] ?? 0), 0));
  return {
    date, hours, circuits, totals, total: totals.reduce((sum, value) => sum + value, 0),
    recovered: hours.some((hour) => hour.recovered),
  };
}

// What the other day had come to at the same hour of the clock, for a fair comparison with a day that is running.
export function totalUntil(day: Day, hours: number): number {
  return day.hours.slice(0, hours).reduce((sum, hour) => sum + (hour.total ?? 0), 0);
}

// How many hours of a day have a value: the last one may still be running.
export function hoursKnown(day: Day): number {
  let count = 0;
  day.hours.forEach((hour, i) => { if (hour.total !== null) count = i + 1; });
  return count;
}

export function circuitName(circuit: ConfigCircuit | undefined, id: number, lookUp: (key: string) => string | null, other: string): string {
  if (id === 0) return other;
  if (circuit?.name) return circuit.name;
  return (circuit?.use && lookUp(`circuit.${circuit.use}`)) ?? `#${id}`;
}
