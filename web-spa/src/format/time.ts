// Moments of the gateway in the time zone of the site. Pure but for the formats of the browser.

const sameDay = (a: Date, b: Date, format: Intl.DateTimeFormat): boolean => format.format(a) === format.format(b);

// Before that no gateway ran: a box without a battery begins in 1970 or 2000, and dates things so until its clock is set.
const FIRST_MS = Date.UTC(2010, 0, 1);

// "14:03" today, "12 Mar, 14:03" on another day, null when it is no time at all, or one of a clock that was not set.
export function showTime(timestamp: string, locale: string, timeZone: string | undefined, now: Date): string | null {
  const at = new Date(timestamp);
  if (!(at.getTime() >= FIRST_MS)) return null;
  const zone = usableZone(timeZone);
  const day = new Intl.DateTimeFormat('en-CA', { ...zone, year: 'numeric', month: '2-digit', day: '2-digit' });
  const time: Intl.DateTimeFormatOptions = { ...zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' };
  if (sameDay(at, now, day)) return new Intl.DateTimeFormat(locale, time).format(at);
  const year: Intl.DateTimeFormatOptions = at.getFullYear() === now.getFullYear() ? {} : { year: 'numeric' };
  return new Intl.DateTimeFormat(locale, { ...time, ...year, day: 'numeric', month: 'short' }).format(at);
}

// A zone this browser does not know would throw: then its own.
function usableZone(timeZone: string | undefined): { timeZone?: string } {
  if (timeZone === undefined) return {};
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return { timeZone };
  } catch {
    return {};
  }
}
