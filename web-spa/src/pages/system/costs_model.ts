// Tariffs and cost rules as forms have them (CST-01, CST-02), and the year they come to.
import type { ConfigCostRule, ConfigTariff, TariffCalendarAnswer } from '../../generated/types';
import { readNumber } from '../../format/number';
import { merged } from './model';

export type Service = ConfigTariff['service'];
export const SERVICES: readonly Service[] = ['electricity', 'gas', 'water'];
export const PRICES_MAX = 5;
export const TARIFFS_MAX = 5;

const typed = (text: string): unknown => readNumber(text) ?? text.trim(); // what is no number goes to the gateway, which says so

// ---- Tariffs ------------------------------------------------------------------------------------------------------------

export interface PriceForm { price: string; from: string }
export interface TariffForm { name: string; color: string; prices: readonly PriceForm[] }

export const tariffForm = (tariff: ConfigTariff | null): TariffForm => ({
  name: tariff?.name ?? '', color: tariff?.color ?? '#0f766e',
  prices: (tariff?.prices ?? [{ price: '' }]).map((one) => ({ price: String(one.price), from: 'from' in one ? one.from ?? '' : '' })),
});

export const tariffValue = (form: TariffForm, stored: ConfigTariff | null, service: Service): object => merged(stored, {
  service, name: form.name.trim(), color: form.color,
  prices: form.prices.filter((one) => one.price.trim() !== '').map((one) => ({ price: typed(one.price), ...(one.from === '' ? {} : { from: one.from }) })),
});

// ---- Rules --------------------------------------------------------------------------------------------------------------

export interface RuleForm { tariff: string; fromDate: string; toDate: string; yearly: boolean; from: string; to: string; weekdays: readonly number[] }
const EVERY_DAY: readonly number[] = [1, 2, 3, 4, 5, 6, 7];

export const ruleForm = (rule: ConfigCostRule | null, tariff: number | undefined): RuleForm => ({
  tariff: String(rule?.tariff ?? tariff ?? ''), fromDate: rule?.from_date ?? '', toDate: rule?.to_date ?? '', yearly: rule?.yearly ?? false,
  from: rule?.from ?? '00:00', to: rule?.to ?? '23:59', weekdays: (rule?.weekdays as readonly number[] | undefined) ?? EVERY_DAY,
});

export const ruleValue = (form: RuleForm, stored: ConfigCostRule | null, service: Service): object => merged(stored, {
  service, tariff: Number(form.tariff),
  from_date: form.fromDate || undefined, to_date: form.toDate || undefined, yearly: form.yearly || undefined,
  from: form.from || undefined, to: form.to || undefined,
  weekdays: form.weekdays.length === EVERY_DAY.length ? undefined : [...form.weekdays].sort((a, b) => a - b),
});

// The rules of all services in the order of the list; the first true one of a service counts.
export const inOrder = (rules: Iterable<ConfigCostRule>): ConfigCostRule[] => [...rules].sort((a, b) => a.order - b.order);

// Where in the whole list a rule has to stand to change places with its neighbour of the same service; null: there is none.
export function placeAfterMove(all: readonly ConfigCostRule[], rule: ConfigCostRule, up: boolean): number | null {
  const at = all.indexOf(rule);
  const step = up ? -1 : 1;
  for (let i = at + step; i >= 0 && i < all.length; i += step) if (all[i]!.service === rule.service) return i;
  return null;
}

// ---- The year -----------------------------------------------------------------------------------------------------------

export interface Stripe { day: number; from: number; to: number; tariff: number } // day of the year from 0; minutes of the local day

// Segments as stripes of local days.
export function stripes(answer: TariffCalendarAnswer, year: number, timeZone: string): Stripe[] {
  const format = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const first = Date.UTC(year, 0, 1);
  const local = (stamp: string): { day: number; minute: number } => {
    const part = Object.fromEntries(format.formatToParts(new Date(stamp)).map((one) => [one.type, Number(one.value)]));
    return { day: Math.round((Date.UTC(part['year']!, part['month']! - 1, part['day']!) - first) / 86_400_000), minute: part['hour']! * 60 + part['minute']! };
  };
  const found: Stripe[] = [];
  answer.segments.forEach((segment, index) => {
    const from = local(segment.start);
    const to = local(answer.segments[index + 1]?.start ?? answer.end);
    for (let day = from.day; day <= to.day; day++) {
      const begin = day === from.day ? from.minute : 0;
      const end = day === to.day ? to.minute : 1440;
      if (end > begin) found.push({ day, from: begin, to: end, tariff: segment.tariff });
    }
  });
  return found;
}
