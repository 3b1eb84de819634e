// Cost of consumption (CST-01, CST-02): tariffs with prices by date, rules in their order, and the year they come to.
import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { call } from '../../api/link';
import type { ConfigCostRule, ConfigTariff, TariffCalendarAnswer } from '../../generated/types';
import { language, reasonText, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Badge } from '../../ui/badge';
import { Choice } from '../../ui/choice';
import { CheckField, NumberField, SelectField, TextField, errorOf } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { useSave } from '../../ui/save';
import {
  PRICES_MAX, SERVICES, TARIFFS_MAX, inOrder, placeAfterMove, ruleForm, ruleValue, stripes, tariffForm, tariffValue,
  type PriceForm, type RuleForm, type Service, type TariffForm,
} from './costs_model';
import { useForm } from './form';
import { hrefOf, merged, type Where } from './model';
import { Foot, Remove } from './saving';
import '../../style/costs.css';

const CALENDAR_WAIT_MS = 800; // the recorder hears of a change a moment later than this page

const Swatch = ({ color }: { color: string | undefined }): JSX.Element => <svg class="cost-swatch" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" rx="2" fill={color ?? '#888888'} /></svg>;

const weekdayName = (day: number): string => new Intl.DateTimeFormat(language(), { weekday: 'short', timeZone: 'UTC' }).format(Date.UTC(2024, 0, day)); // 1 January 2024 was a Monday
const dateText = (date: string, yearly: boolean): string => new Intl.DateTimeFormat(language(), { day: 'numeric', month: 'short', ...(yearly ? {} : { year: 'numeric' }), timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`));

function ruleText(rule: ConfigCostRule): string {
  const yearly = rule.yearly === true;
  const ends = [rule.from_date, rule.to_date].map((one) => (one === undefined ? '…' : dateText(one, yearly)));
  const period = rule.from_date === undefined && rule.to_date === undefined ? '' : ends[0] === ends[1] ? ends[0]! : ends.join(' – ');
  const days = (rule.weekdays as readonly number[] | undefined)?.map(weekdayName).join(' ') ?? t('ui.costs.every_day');
  return [`${rule.from ?? '00:00'}–${rule.to ?? '23:59'}`, days, period, yearly ? t('ui.costs.yearly') : ''].filter((one) => one !== '').join(' · ');
}

// ---- The lists ----------------------------------------------------------------------------------------------------------

// What the gateway's own engine says of a year; null: not yet known.
function useCalendar(service: Service, year: number): TariffCalendarAnswer | null {
  const [answer, setAnswer] = useState<TariffCalendarAnswer | null>(null);
  const rules = useStore((state) => state.costRules);
  const online = useStore((state) => state.link.is === 'online');
  useEffect(() => {
    if (!online) return undefined;
    let current = true;
    const ask = (): void => void call<TariffCalendarAnswer>('recorder', 'tariff_calendar', { service, year }).then((reply) => { if (current && reply.is === 'ok') setAnswer(reply.value); });
    const first = setTimeout(ask, answer === null ? 0 : CALENDAR_WAIT_MS);
    const again = setInterval(ask, 60_000);
    return () => { current = false; clearTimeout(first); clearInterval(again); };
  }, [service, year, rules, online]);
  return answer;
}

function Year({ calendar, year, onYear }: { calendar: TariffCalendarAnswer | null; year: number; onYear: (year: number) => void }): JSX.Element {
  const zone = useStore((state) => state.site?.tz ?? 'UTC');
  const tariffs = useStore((state) => state.tariffs);
  const drawn = useMemo(() => (calendar === null ? [] : stripes(calendar, year, zone)), [calendar, year, zone]);
  const months = Array.from({ length: 12 }, (_, month) => ({ day: (Date.UTC(year, month, 1) - Date.UTC(year, 0, 1)) / 86_400_000, name: new Intl.DateTimeFormat(language(), { month: 'narrow', timeZone: 'UTC' }).format(Date.UTC(year, month, 1)) }));
  return (
    <section class="card cost-year" data-test="cost-year" data-year={year}>
      <header class="part-head"><h2>{t('ui.costs.year')}</h2>
        <span class="cost-steps">
          <button type="button" class="button quiet icon-only" aria-label={String(year - 1)} onClick={() => onYear(year - 1)}><Icon name="back" /></button>
          <span class="numbers">{year}</span>
          <button type="button" class="button quiet icon-only" aria-label={String(year + 1)} onClick={() => onYear(year + 1)}><Icon name="next" /></button>
        </span>
      </header>
      <svg viewBox="0 -90 1100 1550" preserveAspectRatio="none" class="cost-calendar" role="img" aria-label={t('ui.costs.year_about')} data-test="calendar" data-stripes={drawn.length}>
        {months.map((one) => <text key={one.day} x={one.day * 3 + 4} y="-20" class="cost-month">{one.name}</text>)}
        <rect x="0" y="0" width="1098" height="1440" class="cost-none" />
        {drawn.filter((one) => one.tariff !== 0).map((one) => <rect key={`${one.day}-${one.from}`} x={one.day * 3} y={one.from} width="3" height={one.to - one.from} fill={tariffs.get(one.tariff)?.color ?? '#888888'} data-tariff={one.tariff} />)}
      </svg>
      <p class="muted">{t('ui.costs.year_about')}</p>
    </section>
  );
}

function TariffLines({ service, chosen }: { service: Service; chosen: string }): JSX.Element {
  const all = useStore((state) => state.tariffs);
  const tariffs = [...all.values()].filter((one) => one.service === service).sort((a, b) => a.id - b.id);
  return (
    <section class="card group" data-test="tariffs">
      <header class="group-head">
        <span class="group-text"><h2>{t('ui.costs.tariffs')}</h2><span class="muted">{t('ui.costs.tariffs_why')}</span></span>
        {tariffs.length < TARIFFS_MAX && <a class="button" href={hrefOf('costs', `tariff-new-${service}`)} data-test="add-tariff"><Icon name="add" />{t('ui.system.add')}</a>}
      </header>
      <ul class="lines">{tariffs.map((one) => (
        <li key={one.id}>
          <a class={chosen === `tariff-${one.id}` ? 'line line-chosen' : 'line'} href={hrefOf('costs', `tariff-${one.id}`)} data-test="tariff" data-id={one.id}>
            <span class="line-icon"><Swatch color={one.color} /></span>
            <span class="line-text"><span class="line-name"><bdi class="line-called">{one.name}</bdi></span><span class="line-about muted">{one.prices.map((price) => [String(price.price), price.from === undefined ? '' : dateText(price.from, false)].filter((part) => part !== '').join(' · ')).join(', ')}</span></span>
          </a>
        </li>
      ))}</ul>
      {tariffs.length === 0 && <p class="group-empty muted">{t('ui.system.nothing_yet')}</p>}
    </section>
  );
}

function RuleLines({ service, chosen, active }: { service: Service; chosen: string; active: number | null }): JSX.Element {
  const tariffs = useStore((state) => state.tariffs);
  const stored = useStore((state) => state.costRules);
  const { saving, begin, save } = useSave();
  const all = inOrder(stored.values());
  const rules = all.filter((one) => one.service === service);
  const move = (rule: ConfigCostRule, up: boolean): void => {
    begin();
    void save([{ kind: 'cost_rule', id: rule.id, value: merged(rule, {}), index: placeAfterMove(all, rule, up)! }]);
  };
  const any = [...tariffs.values()].some((one) => one.service === service);
  return (
    <section class="card group" data-test="rules">
      <header class="group-head">
        <span class="group-text"><h2>{t('ui.costs.rules')}</h2><span class="muted">{t('ui.costs.rules_why')}</span></span>
        {any && <a class="button" href={hrefOf('costs', `rule-new-${service}`)} data-test="add-rule"><Icon name="add" />{t('ui.system.add')}</a>}
      </header>
      {saving.reason && <Notice tone="bad">{reasonText(saving.reason)}</Notice>}
      <ul class="lines">{rules.map((rule) => (
        <li key={rule.id} class="cost-rule" data-test="rule" data-id={rule.id} data-active={rule.id === active}>
          <a class={chosen === `rule-${rule.id}` ? 'line line-chosen' : 'line'} href={hrefOf('costs', `rule-${rule.id}`)} data-test="rule-link">
            <span class="line-icon"><Swatch color={tariffs.get(rule.tariff)?.color} /></span>
            <span class="line-text"><span class="line-name"><bdi class="line-called">{tariffs.get(rule.tariff)?.name ?? `#${rule.tariff}`}</bdi></span><span class="line-about muted">{ruleText(rule)}</span></span>
            {rule.id === active && <Badge tone="good" icon="play">{t('ui.costs.active')}</Badge>}
          </a>
          <button type="button" class="button quiet icon-only" aria-label={t('ui.costs.up')} title={t('ui.costs.up')} disabled={placeAfterMove(all, rule, true) === null || saving.state === 'busy'} onClick={() => move(rule, true)} data-test="rule-up"><Icon name="up" /></button>
          <button type="button" class="button quiet icon-only" aria-label={t('ui.costs.down')} title={t('ui.costs.down')} disabled={placeAfterMove(all, rule, false) === null || saving.state === 'busy'} onClick={() => move(rule, false)} data-test="rule-down"><Icon name="down" /></button>
        </li>
      ))}</ul>
      {rules.length === 0 && <p class="group-empty muted">{t('ui.system.nothing_yet')}</p>}
    </section>
  );
}

export function CostList({ chosen }: { chosen: string }): JSX.Element {
  const [service, setService] = useState<Service>('electricity');
  const [year, setYear] = useState(() => new Date().getFullYear());
  const calendar = useCalendar(service, year);
  return (
    <div class="list" data-test="costs">
      <Choice label={t('ui.consumption.service')} value={service} options={SERVICES.map((one) => [one, t(`ui.service.${one}`)] as const)} onChange={setService} test="service" />
      <RuleLines service={service} chosen={chosen} active={calendar?.rule ?? null} />
      <TariffLines service={service} chosen={chosen} />
      <Year calendar={calendar} year={year} onYear={setYear} />
    </div>
  );
}

// ---- A tariff -----------------------------------------------------------------------------------------------------------

const Back = (): JSX.Element => <a class="button quiet back" href={hrefOf('costs')} data-test="back"><Icon name="back" />{t('ui.app.back')}</a>;

function TariffEdit({ tariff, service }: { tariff: ConfigTariff | null; service: Service }): JSX.Element {
  const currency = useStore((state) => state.site?.currency ?? 'EUR');
  const state = useForm<TariffForm>(tariff, () => tariffForm(tariff), (now) => [{ kind: 'tariff', id: tariff?.id ?? null, value: tariffValue(now, tariff, service) }]);
  const { form, set, saving } = state;
  const price = (at: number, change: Partial<PriceForm>): void => set({ prices: form.prices.map((one, index) => (index === at ? { ...one, ...change } : one)) });
  const submit = async (): Promise<void> => {
    const ids = await state.submit();
    if (ids !== null && tariff === null && ids[0] != null) location.hash = hrefOf('costs', `tariff-${ids[0]}`);
  };
  const erase = async (): Promise<void> => { if (await state.run([{ kind: 'tariff', id: tariff!.id, value: null }])) location.hash = hrefOf('costs'); };
  return (
    <div class="system-form" data-test="tariff-form" data-id={tariff?.id ?? 'new'}>
      <header class="form-head"><Back /><h1>{tariff?.name ?? t('ui.costs.tariff_new')}</h1></header>
      <form class="card system-part" onSubmit={(event) => { event.preventDefault(); void submit(); }} noValidate>
        <div class="fields">
          <TextField label={t('ui.system.name')} value={form.name} maxLength={63} onChange={(name) => set({ name })} error={errorOf(saving.reason, 'name')} test="name" />
          <label class="field"><span class="field-label">{t('ui.costs.color')}</span><input type="color" class="cost-color" value={form.color} onInput={(event) => set({ color: event.currentTarget.value })} data-test="color" /></label>
        </div>
        {form.prices.map((one, at) => (
          <div class="fields" key={at} data-test="price-row">
            <NumberField label={t('ui.costs.price')} unit={`${currency}/${service === 'electricity' ? 'kWh' : 'm³'}`} value={one.price} onChange={(text) => price(at, { price: text })} error={errorOf(saving.reason, `prices/${at}`)} test="price" />
            <TextField type="date" label={t('ui.costs.valid_from')} value={one.from} onChange={(from) => price(at, { from })} test="price-from" {...(form.prices.length === 1 ? { hint: t('ui.costs.no_date_needed') } : {})} />
          </div>
        ))}
        {form.prices.length < PRICES_MAX && <button type="button" class="button" onClick={() => set({ prices: [...form.prices, { price: '', from: '' }] })} data-test="add-price"><Icon name="add" />{t('ui.costs.add_price')}</button>}
        <Foot saving={saving} fields={['name', 'prices']} onMine={state.mine} onTheirs={state.theirs} />
      </form>
      {tariff && <div class="part-row"><Remove name={tariff.name} busy={saving.state === 'busy'} onErase={() => void erase()} /></div>}
    </div>
  );
}

// ---- A rule -------------------------------------------------------------------------------------------------------------

function RuleEdit({ rule, service }: { rule: ConfigCostRule | null; service: Service }): JSX.Element {
  const all = useStore((state) => state.tariffs);
  const tariffs = [...all.values()].filter((one) => one.service === service);
  const state = useForm<RuleForm>(rule, () => ruleForm(rule, tariffs[0]?.id), (now) => [{ kind: 'cost_rule', id: rule?.id ?? null, value: ruleValue(now, rule, service), ...(rule === null ? { index: 0 } : {}) }]);
  const { form, set, saving } = state;
  const day = (one: number, on: boolean): void => set({ weekdays: on ? [...form.weekdays, one] : form.weekdays.filter((other) => other !== one) });
  const submit = async (): Promise<void> => {
    const ids = await state.submit();
    if (ids !== null && rule === null && ids[0] != null) location.hash = hrefOf('costs', `rule-${ids[0]}`);
  };
  const erase = async (): Promise<void> => { if (await state.run([{ kind: 'cost_rule', id: rule!.id, value: null }])) location.hash = hrefOf('costs'); };
  return (
    <div class="system-form" data-test="rule-form" data-id={rule?.id ?? 'new'}>
      <header class="form-head"><Back /><h1>{t(rule === null ? 'ui.costs.rule_new' : 'ui.costs.rule')}</h1></header>
      <form class="card system-part" onSubmit={(event) => { event.preventDefault(); void submit(); }} noValidate>
        <SelectField label={t('ui.costs.tariff')} value={form.tariff} options={tariffs.map((one) => ({ value: String(one.id), label: one.name }))} onChange={(tariff) => set({ tariff })} error={errorOf(saving.reason, 'tariff')} test="rule-tariff" />
        <div class="fields">
          <TextField type="time" label={t('ui.costs.from')} value={form.from} onChange={(from) => set({ from })} error={errorOf(saving.reason, 'from')} test="from" />
          <TextField type="time" label={t('ui.costs.to')} hint={t('ui.costs.to_why')} value={form.to} onChange={(to) => set({ to })} error={errorOf(saving.reason, 'to')} test="to" />
        </div>
        <div class="fields">
          <TextField type="date" label={t('ui.costs.first_day')} value={form.fromDate} onChange={(fromDate) => set({ fromDate })} error={errorOf(saving.reason, 'from_date')} test="from-date" />
          <TextField type="date" label={t('ui.costs.last_day')} value={form.toDate} onChange={(toDate) => set({ toDate })} error={errorOf(saving.reason, 'to_date')} test="to-date" />
        </div>
        <CheckField label={t('ui.costs.yearly')} checked={form.yearly} onChange={(yearly) => set({ yearly })} test="yearly" />
        <fieldset class="cost-days"><legend>{t('ui.costs.weekdays')}</legend>
          {[1, 2, 3, 4, 5, 6, 7].map((one) => <CheckField key={one} label={weekdayName(one)} checked={form.weekdays.includes(one)} onChange={(on) => day(one, on)} test={`day-${one}`} />)}
        </fieldset>
        <Foot saving={saving} fields={['tariff', 'from', 'to', 'from_date', 'to_date']} onMine={state.mine} onTheirs={state.theirs} />
      </form>
      {rule && <div class="part-row"><Remove name={all.get(rule.tariff)?.name ?? ''} busy={saving.state === 'busy'} onErase={() => void erase()} /></div>}
    </div>
  );
}

// "tariff-71", "rule-81", "tariff-new-gas".
export function CostEdit({ where, gone }: { where: Where; gone: JSX.Element }): JSX.Element {
  const [what = '', which = '', fresh = ''] = where.id.split('-');
  const tariff = useStore((state) => state.tariffs.get(Number(which)));
  const rule = useStore((state) => state.costRules.get(Number(which)));
  const service = SERVICES.find((one) => one === fresh);
  if (what === 'tariff' && (tariff || service)) return <TariffEdit key={where.id} tariff={tariff ?? null} service={tariff?.service ?? service!} />;
  if (what === 'rule' && (rule || service)) return <RuleEdit key={where.id} rule={rule ?? null} service={rule?.service ?? service!} />;
  return gone;
}
