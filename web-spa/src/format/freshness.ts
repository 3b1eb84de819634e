// How much a shown value can be trusted. Pure. A stale value is never shown as fresh.
import type { DeviceMeasures, Link, Reading, State } from '../store/state';

export type Freshness =
  | 'fresh'
  | 'stale'    // older than three periods, or its device does not answer
  | 'offline'  // nothing new can arrive: the socket, the broker or the poller is gone
  | 'none';    // the gateway says that it has no value

// Until the rhythm of a group is known.
export const DEFAULT_PERIOD_MS = 10_000;
// Fast groups: network and drawing take their time, too.
const PATIENCE_MS = 3_000;

export const ageMs = (upMs: number, clockOffset: number | null, now: number): number | null =>
  clockOffset === null ? null : Math.max(0, now - clockOffset - upMs);

export const staleAfterMs = (periodMs: number | undefined): number =>
  Math.max(3 * (periodMs ?? DEFAULT_PERIOD_MS), PATIENCE_MS);

// Whether measures can arrive at all. An unknown poller counts as running: its status may not be readable for us.
export const flowing = (state: Pick<State, 'link' | 'services'>): boolean =>
  linkUp(state.link) && state.services.get('poller')?.online !== false;

export const linkUp = (link: Link): boolean => link.is === 'online';

export function freshness(upMs: number, periodMs: number | undefined, offset: number | null, now: number, flows: boolean,
  answering: boolean): Freshness {
  if (!flows) return 'offline';
  const age = ageMs(upMs, offset, now);
  if (!answering || age === null || age > staleAfterMs(periodMs)) return 'stale';
  return 'fresh';
}

export function readingFreshness(reading: Reading, periods: DeviceMeasures['periods'], offset: number | null, now: number,
  flows: boolean, answering: boolean): Freshness {
  // What a device is does not age as long as it answers: its serial number is read once.
  const when = reading.group === 'info' && offset !== null ? now - offset : reading.upMs;
  const result = freshness(when, periods[reading.group], offset, now, flows, answering);
  return reading.value === null && reading.text === undefined && result === 'fresh' ? 'none' : result;
}

export type AgeWords = { key: 'now' | 'seconds' | 'minutes' | 'hours' | 'days'; n: number };

export function ageWords(age: number): AgeWords {
  const seconds = Math.floor(age / 1000);
  if (seconds < 2) return { key: 'now', n: 0 };
  if (seconds < 120) return { key: 'seconds', n: seconds };
  if (seconds < 7200) return { key: 'minutes', n: Math.floor(seconds / 60) };
  if (seconds < 172_800) return { key: 'hours', n: Math.floor(seconds / 3600) };
  return { key: 'days', n: Math.floor(seconds / 86_400) };
}
