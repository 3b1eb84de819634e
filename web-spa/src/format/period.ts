// Days, months, years and decades of the calendar, as "2026-03-01": what a date navigation moves by. Pure.

export type Span = 'day' | 'month' | 'year' | 'decade';
export const SPANS: readonly Span[] = ['day', 'month', 'year', 'decade'];

const iso = (year: number, month: number, day: number): string =>
  `${String(year).padStart(4, '0')}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
const parts = (date: string): [number, number, number] => {
  const [year = 1970, month = 1, day = 1] = date.split('-').map(Number);
  return [year, month, day];
};
const daysIn = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();

export function addDays(date: string, days: number): string {
  const [year, month, day] = parts(date);
  return new Date(Date.UTC(year, month - 1, day + days)).toISOString().slice(0, 10);
}

// A month without that day gives its last one.
export function addMonths(date: string, months: number): string {
  const [year, month, day] = parts(date);
  const index = year * 12 + month - 1 + months;
  const [y, m] = [Math.floor(index / 12), (index % 12) + 1];
  return iso(y, m, Math.min(day, daysIn(y, m)));
}

const MONTHS: { readonly [S in Exclude<Span, 'day'>]: number } = { month: 1, year: 12, decade: 120 };
export const shift = (date: string, span: Span, by: number): string => (span === 'day' ? addDays(date, by) : addMonths(date, by * MONTHS[span]));

// The first day. A decade is ten years that end with the year of the date.
export function startOf(date: string, span: Span): string {
  const [year, month] = parts(date);
  switch (span) {
    case 'day': return date;
    case 'month': return iso(year, month, 1);
    case 'year': return iso(year, 1, 1);
    case 'decade': return iso(year - 9, 1, 1);
  }
}

// The first day after.
export function endOf(date: string, span: Span): string {
  const start = startOf(date, span);
  return span === 'day' ? addDays(start, 1) : addMonths(start, MONTHS[span]);
}

export const sameSpan = (a: string, b: string, span: Span): boolean => startOf(a, span) === startOf(b, span);

// "Tue, 3 Mar 2026", "March 2026", "2026", "2017–2026".
export function spanName(date: string, span: Span, locale: string): string {
  const at = Date.parse(`${date}T12:00:00Z`);
  const show = (options: Intl.DateTimeFormatOptions): string => new Intl.DateTimeFormat(locale, { ...options, timeZone: 'UTC' }).format(at);
  switch (span) {
    case 'day': return show({ weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' });
    case 'month': return show({ month: 'long', year: 'numeric' });
    case 'year': return date.slice(0, 4);
    case 'decade': return `${startOf(date, span).slice(0, 4)}–${date.slice(0, 4)}`;
  }
}
