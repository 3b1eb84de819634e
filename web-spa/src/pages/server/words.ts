// Sizes and times in the words of a language. Pure but for the formats of the browser.
import { formatNumber } from '../../format/number';

const SIZES: readonly [number, string][] = [[1e12, 'terabyte'], [1e9, 'gigabyte'], [1e6, 'megabyte'], [1e3, 'kilobyte']];

// Three digits at most matter: 1.5 MB, 24 MB, 1.2 GB. French writes Mo: the browser knows such things.
export function showBytes(bytes: number, locale: string): string {
  // What would be rounded up to 1000 is shown in the larger unit.
  const [factor, unit] = SIZES.find(([size]) => bytes >= size * 0.9995) ?? SIZES[SIZES.length - 1]!;
  const value = bytes / factor;
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: value < 9.95 ? 1 : 0 }).format(value);
}

export const showMs = (ms: number, locale: string): string =>
  (ms < 999.5 ? `${formatNumber(ms, 0, locale)} ms` : `${formatNumber(ms / 1000, 1, locale)} s`);

export function showDuration(seconds: number, locale: string): string {
  if (seconds < 120) return `${formatNumber(seconds, 0, locale)} s`;
  if (seconds < 7200) return `${formatNumber(Math.floor(seconds / 60), 0, locale)} min`;
  return `${formatNumber(seconds / 3600, 1, locale)} h`;
}
