// What a report is of: what can be chosen, which days, what is asked. Pure.
import type { ConfigCircuit, ConfigDevice, ConfigProfile, ConfigZone } from '../../generated/types';
import { addDays, addMonths, endOf, startOf } from '../../format/period';

export const SCOPES = ['devices', 'stations', 'zones', 'circuits'] as const;
export type Scope = (typeof SCOPES)[number];
export const GROUPINGS = ['minutes', 'hours', 'days'] as const;
export type Grouping = (typeof GROUPINGS)[number];
export const PERIODS = ['today', 'month', 'last_month', 'year', 'last_year', 'own'] as const;
export type PeriodName = (typeof PERIODS)[number];

export interface Item { readonly id: number; readonly name: string }

interface Things {
  readonly devices: ReadonlyMap<number, ConfigDevice>;
  readonly profiles: ReadonlyMap<string, ConfigProfile>;
  readonly zones: ReadonlyMap<number, ConfigZone>;
  readonly circuits: ReadonlyMap<number, ConfigCircuit>;
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
const sorted = (items: readonly Item[]): Item[] => [...items].sort((a, b) => collator.compare(a.name, b.name) || a.id - b.id);

const COUNTED = new Set(['active_energy_import', 'active_power', 'volume']); // without a counter, power is summed up

function measures(device: ConfigDevice, profiles: Things['profiles']): boolean {
  const quantities = profiles.get(device.profile ?? '')?.quantities;
  return quantities === undefined || quantities.some((one) => COUNTED.has(one));
}

export function itemsOf(scope: Scope, things: Things, circuitName: (id: number) => string): readonly Item[] {
  switch (scope) {
    case 'zones': return sorted([...things.zones.values()].map(({ id, name }) => ({ id, name })));
    case 'circuits': return sorted([...things.circuits.keys()].map((id) => ({ id, name: circuitName(id) })));
    case 'devices': case 'stations': {
      const wanted = scope === 'stations';
      return sorted([...things.devices.values()]
        .filter((device) => (things.profiles.get(device.profile ?? '')?.kind === 'station') === wanted && measures(device, things.profiles))
        .map(({ id, name }) => ({ id, name })));
    }
  }
}

export const found = (items: readonly Item[], text: string): readonly Item[] =>
  items.filter((one) => one.name.toLocaleLowerCase().includes(text.trim().toLocaleLowerCase()));

// The days of a named period, both inclusive; none is after today.
export function daysOf(period: Exclude<PeriodName, 'own'>, today: string): { from: string; to: string } {
  const whole = (span: 'month' | 'year', date: string): { from: string; to: string } => ({ from: startOf(date, span), to: addDays(endOf(date, span), -1) });
  switch (period) {
    case 'today': return { from: today, to: today };
    case 'month': return { from: startOf(today, 'month'), to: today };
    case 'last_month': return whole('month', addMonths(startOf(today, 'month'), -1));
    case 'year': return { from: startOf(today, 'year'), to: today };
    case 'last_year': return whole('year', addMonths(startOf(today, 'year'), -12));
  }
}

export interface Question {
  readonly scope: Scope;
  readonly all: boolean;
  readonly ids: ReadonlySet<number>; // unless all
  readonly period: PeriodName;
  readonly from: string;
  readonly to: string;
  readonly by: Grouping;
  readonly cost: boolean;
}

export const first = (today: string): Question => ({ scope: 'devices', all: true, ids: new Set(), period: 'month', ...daysOf('month', today), by: 'minutes', cost: false });

export const changeScope = (question: Question, scope: Scope): Question => ({ ...question, scope, all: true, ids: new Set() });
export const changePeriod = (question: Question, period: PeriodName, today: string): Question => ({ ...question, period, ...(period === 'own' ? {} : daysOf(period, today)) });
export const changeDay = (question: Question, what: { from?: string; to?: string }): Question => ({ ...question, ...what, period: 'own' });

export function toggle(question: Question, id: number): Question {
  const ids = new Set(question.ids);
  if (!ids.delete(id)) ids.add(id);
  return { ...question, ids };
}

export type Problem = 'nothing' | 'none_chosen' | 'date' | 'dates';

export function problemOf(question: Question, items: readonly Item[]): Problem | null {
  if (items.length === 0) return 'nothing';
  if (!question.all && !items.some((one) => question.ids.has(one.id))) return 'none_chosen';
  if (question.from === '' || question.to === '') return 'date';
  return question.to < question.from ? 'dates' : null;
}

// What is deleted meanwhile is no longer asked for; all of them: no list, so that what history alone knows is in it too.
export function argsOf({ scope, all, ids, from, to, by, cost }: Question, items: readonly Item[]): object {
  return { action: 'start', scope, from, to, by, cost, ...(all ? {} : { ids: items.filter((one) => ids.has(one.id)).map((one) => one.id) }) };
}
