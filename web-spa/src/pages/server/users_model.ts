// Users and known browsers as the page shows and sends them. Pure.
import type { Users } from '../../generated/types';
import type { PageId } from '../../store/state';

export type User = Users['users'][number];
export type KnownBrowser = Users['browsers'][number];

export const ALL_PAGES: readonly PageId[] = ['server', 'system', 'installation', 'consumption', 'reports', 'alarms', 'greenup'];
export const DISPLAY_PAGES: readonly PageId[] = ['installation', 'consumption', 'alarms']; // A display only looks.

export interface Form { name: string; pin: string; puk: string; pages: readonly PageId[]; display: boolean; disabled: boolean; mustChange: boolean }
export type Problem = 'name' | 'pin' | 'puk';

export const emptyForm: Form = { name: '', pin: '', puk: '', pages: ['consumption', 'alarms'], display: false, disabled: false, mustChange: true };
export const formOf = (user: User): Form =>
  ({ name: user.name, pin: '', puk: '', pages: user.pages, display: user.display, disabled: user.disabled, mustChange: user.must_change });

// What is missing or badly formed; whether a PIN is free only the gateway knows. Of somebody who is there already the
// codes may stay as they are.
export function problemsOf(form: Form, isNew: boolean): Problem[] {
  const found: Problem[] = [];
  if (form.name.trim() === '') found.push('name');
  if (form.pin === '' ? isNew : !/^[0-9]{5}$/.test(form.pin)) found.push('pin');
  if (form.puk === '' ? isNew : !/^[0-9]{14}$/.test(form.puk)) found.push('puk');
  return found;
}

export const withDisplay = (form: Form, display: boolean): Form =>
  ({ ...form, display, pages: display ? form.pages.filter((page) => DISPLAY_PAGES.includes(page)) : form.pages, mustChange: form.mustChange && !display });

export const withPage = (form: Form, page: PageId, on: boolean): Form =>
  ({ ...form, pages: ALL_PAGES.filter((one) => (one === page ? on : form.pages.includes(one))) });

// Only what differs is sent, so that two people who change two things of one user do not undo each other.
export function changesOf(form: Form, user: User | null): Record<string, unknown> {
  const codes = { ...(form.pin === '' ? {} : { pin: form.pin }), ...(form.puk === '' ? {} : { puk: form.puk }) };
  const name = form.name.trim();
  if (!user) return { name, ...codes, pages: form.pages, display: form.display, must_change: form.mustChange };
  return {
    id: user.id, ...codes,
    ...(name === user.name ? {} : { name }),
    ...(form.pages.join() === user.pages.join() ? {} : { pages: form.pages }),
    ...(form.display === user.display ? {} : { display: form.display }),
    ...(form.disabled === user.disabled ? {} : { disabled: form.disabled }),
    ...(form.mustChange === user.must_change ? {} : { must_change: form.mustChange }),
  };
}

// "Firefox, Linux" out of a User-Agent: the names that people know. Order matters: Chrome's also says Safari.
const BROWSERS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\bEdg(?:A|iOS)?\//, 'Edge'], [/\bOPR\//, 'Opera'], [/\bSamsungBrowser\//, 'Samsung Internet'], [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bCriOS\/|\bHeadlessChrome\//, 'Chrome'], [/\bSafari\//, 'Safari'],
];
const SYSTEMS: ReadonlyArray<readonly [RegExp, string]> = [
  [/\biPhone\b/, 'iPhone'], [/\biPad\b/, 'iPad'], [/\bAndroid\b/, 'Android'], [/\bWindows\b/, 'Windows'], [/\bMac OS X\b/, 'macOS'], [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

export function agentName(agent: string): string | null {
  const find = (table: ReadonlyArray<readonly [RegExp, string]>): string | undefined => table.find(([pattern]) => pattern.test(agent))?.[1];
  const named = [find(BROWSERS), find(SYSTEMS)].filter((one) => one !== undefined).join(', ');
  return named === '' ? null : named;
}
