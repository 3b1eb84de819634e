// Total, global, partial, comparison, details (VIEW-02 to VIEW-05). Each asks for its period and draws it.
import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { want } from '../../api/link';
import { sameSpan, spanName, type Span } from '../../format/period';
import type { CompareAnswer, HistoryAnswer } from '../../generated/types';
import { lookUp, reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Choice } from '../../ui/choice';
import { SelectField, type Option } from '../../ui/field';
import { Notice } from '../../ui/notice';
import { Blocks } from '../installation/blocks';
import { useJudge } from '../installation/judge';
import { answering, deviceState } from '../installation/model';
import { useAsk, type Asked } from '../../ui/ask';
import { Figure, Nothing } from './figure';
import { Quality } from './quality';
import { SERVICES, SERVICE_COLOR, circuitName, joinFlags, periodQuestion, seriesColor, seriesOf, spanTotals, type Row, type Series, type Service } from './model';

export interface Period { readonly span: Span; readonly date: string; readonly today: string; readonly zone: string }
export type What = 'amount' | 'cost';

const running = (period: Period): boolean => sameSpan(period.date, period.today, period.span);
const question = (period: Period): object => periodQuestion(period.span, period.date, period.zone);

type HistoryRow = HistoryAnswer['rows'][number];
const rowOf = (row: HistoryRow, what: What): Row => ({ id: row.id, values: what === 'cost' ? row.costs ?? row.values.map(() => null) : row.values, total: what === 'cost' ? row.cost ?? null : row.total });
const before = (rows: readonly HistoryRow[], what: What, count: number): (number | null)[] =>
  spanTotals(rows.map((row) => ({ values: (what === 'cost' ? row.previous?.costs : row.previous?.values) ?? [] })), count);
const unitOf = (answer: HistoryAnswer, rows: readonly HistoryRow[], what: What): string => (what === 'cost' ? answer.currency ?? '' : rows[0]?.unit ?? 'Wh');

export function Refused({ asked }: { asked: Asked<unknown> }): JSX.Element | null {
  return asked.refused ? <Notice tone="bad" test="refused">{reasonText(asked.refused)}</Notice> : null;
}

export const WhatChoice = ({ what, onChange }: { what: What; onChange: (what: What) => void }): JSX.Element => (
  <Choice<What> label={t('ui.consumption.what')} value={what} test="what" onChange={onChange} options={[['amount', t('ui.consumption.amount')], ['cost', t('ui.consumption.cost')]]} />
);

interface HistoryFigureProps { answer: HistoryAnswer; rows: readonly HistoryRow[]; what: What; period: Period; title: string; name: (id: number) => string; ids: readonly number[]; color?: string; test?: string }

function HistoryFigure({ answer, rows, what, period, title, name, ids, color, test }: HistoryFigureProps): JSX.Element {
  const names = [...ids, ...rows.map((row) => name(row.id))].join('\n'); // circuits and zones may come after the answer
  const series = useMemo(() => seriesOf(rows.map((row) => rowOf(row, what)), name, ids).map((one): Series => (color ? { ...one, color } : one)), [rows, what, names]);
  return (
    <Figure title={title} by={answer.by} spans={answer.spans} series={series} flags={joinFlags(rows, answer.spans.length)} unit={unitOf(answer, rows, what)} until={answer.until}
      before={before(rows, what, answer.spans.length)} running={running(period)} {...(test ? { test } : {})} />
  );
}

export function useCircuitName(): (id: number) => string {
  const circuits = useStore((state) => state.circuits);
  return (id) => circuitName(circuits.get(id), id, lookUp, t('ui.consumption.other'));
}

const keysOf = (table: ReadonlyMap<number, unknown>): number[] => [...table.keys()];

// ---- Total ------------------------------------------------------------------------------------------------------

export function Total({ period, what }: { period: Period; what: What }): JSX.Element {
  const asked = useAsk<HistoryAnswer>('history', { ...question(period), group: 'circuit', service: 'electricity', previous: true, cost: what === 'cost' });
  const circuits = useStore((state) => state.circuits);
  const name = useCircuitName();
  const { answer } = asked;
  if (!answer || answer.rows.length === 0) return <><Refused asked={asked} /><Nothing asked={asked} first={running(period)} /></>;
  return <HistoryFigure answer={answer} rows={answer.rows} what={what} period={period} title={t('ui.consumption.by_circuit')} name={name} ids={keysOf(circuits)} />;
}

// ---- Global -----------------------------------------------------------------------------------------------------

const serviceName = (service: Service): string => t(`ui.service.${service}`);

export function Global({ period, what }: { period: Period; what: What }): JSX.Element {
  const asked = useAsk<HistoryAnswer>('history', { ...question(period), group: 'service', previous: true, cost: what === 'cost' });
  const { answer } = asked;
  if (!answer || answer.rows.length === 0) return <><Refused asked={asked} /><Nothing asked={asked} first={running(period)} /></>;
  if (what === 'cost') {
    const series = answer.rows.map((row): Series => ({ key: row.service, name: serviceName(row.service), color: SERVICE_COLOR[row.service], ...rowOf(row, 'cost') }));
    return <Figure title={t('ui.consumption.view.global')} by={answer.by} spans={answer.spans} series={series} flags={joinFlags(answer.rows, answer.spans.length)} unit={answer.currency ?? ''} until={answer.until} before={before(answer.rows, 'cost', answer.spans.length)} running={running(period)} />;
  }
  return (
    <div class="figures">
      {SERVICES.map((service) => {
        const rows = answer.rows.filter((row) => row.service === service);
        return rows.length > 0 && <HistoryFigure key={service} answer={answer} rows={rows} what={what} period={period} title={serviceName(service)} name={() => serviceName(service)} ids={[]} color={SERVICE_COLOR[service]} test={`figure-${service}`} />;
      })}
    </div>
  );
}

// ---- Partial ----------------------------------------------------------------------------------------------------

export function Partial({ period, what }: { period: Period; what: What }): JSX.Element {
  const [zone, setZone] = useState('all');
  const [circuit, setCircuit] = useState('all');
  const zones = useStore((state) => state.zones);
  const circuits = useStore((state) => state.circuits);
  const devices = useStore((state) => state.devices);
  const circuitNameOf = useCircuitName();
  const service: Service = circuit === 'gas' || circuit === 'water' ? circuit : 'electricity';
  const one = /^\d+$/.test(circuit);
  const group = zone === 'all' ? 'zone' : one || service !== 'electricity' ? 'device' : 'circuit';
  const asked = useAsk<HistoryAnswer>('history', {
    ...question(period), group, service, previous: true, cost: what === 'cost', ...(zone === 'all' ? {} : { zone: Number(zone) }), ...(one ? { circuit: Number(circuit) } : {}),
  });
  const names: { readonly [G in typeof group]: (id: number) => string } = {
    zone: (id) => (id === 0 ? t('ui.consumption.no_zone') : zones.get(id)?.name ?? `#${id}`), circuit: circuitNameOf, device: (id) => devices.get(id)?.name ?? `#${id}`,
  };
  const ids = { zone: keysOf(zones), circuit: keysOf(circuits), device: keysOf(devices) }[group];
  const zoneOptions: Option[] = [{ value: 'all', label: t('ui.consumption.all_zones') }, ...[...zones.values()].map((each) => ({ value: String(each.id), label: each.name })), { value: '0', label: t('ui.consumption.no_zone') }];
  const circuitOptions: Option[] = [
    { value: 'all', label: t('ui.consumption.all_circuits') }, ...keysOf(circuits).map((id) => ({ value: String(id), label: circuitNameOf(id) })), { value: '0', label: t('ui.consumption.other') },
    { value: 'gas', label: serviceName('gas') }, { value: 'water', label: serviceName('water') },
  ];
  const { answer } = asked;
  return (
    <>
      <div class="fields">
        <SelectField label={t('ui.consumption.zone')} value={zone} options={zoneOptions} onChange={setZone} test="zone" />
        <SelectField label={t('ui.consumption.circuit')} value={circuit} options={circuitOptions} onChange={setCircuit} test="circuit" />
      </div>
      <Refused asked={asked} />
      {answer && answer.rows.length > 0
        ? <HistoryFigure key={group} answer={answer} rows={answer.rows} what={what} period={period} title={t(`ui.consumption.by_${group}`)} name={names[group]} ids={ids} />
        : <Nothing asked={asked} first={running(period)} />}
    </>
  );
}

// ---- Comparison -------------------------------------------------------------------------------------------------

export function useDeviceOptions(): readonly Option[] {
  const devices = useStore((state) => state.devices);
  const profiles = useStore((state) => state.profiles);
  return useMemo(() => {
    const counts = (quantities: readonly string[]): boolean => quantities.some((one) => one === 'active_energy_import' || one === 'volume');
    return [...devices.values()].filter((device) => counts(profiles.get(device.profile ?? '')?.quantities ?? [])).sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }))
      .map((device) => ({ value: String(device.id), label: device.name }));
  }, [devices, profiles]);
}

export function Comparison({ period, what }: { period: Period; what: What }): JSX.Element {
  const options = useDeviceOptions();
  const devices = useStore((state) => state.devices);
  const [chosen, setChosen] = useState<readonly [string, string]>(['', '']);
  const [totals, setTotals] = useState<'totals' | 'details'>('details');
  const a = chosen[0] || (options[0]?.value ?? '');
  const b = chosen[1] || (options.find((one) => one.value !== a)?.value ?? '');
  const ready = a !== '' && b !== '' && a !== b;
  const asked = useAsk<CompareAnswer>('compare', ready ? { ...question(period), devices: [Number(a), Number(b)] } : null);
  const { answer } = asked;
  const cost = what === 'cost' || answer?.only_cost === true;
  const series = (answer?.rows ?? []).map((row, i): Series => ({
    key: String(row.device), name: devices.get(row.device)?.name ?? `#${row.device}`, color: seriesColor(i),
    values: (cost ? row.costs : row.values) ?? row.costs, total: cost ? row.cost : row.total,
  }));
  const locale = useLanguage();
  const together = useMemo(() => [spanName(period.date, period.span, locale)], [period.date, period.span, locale]);
  const flags = joinFlags(answer?.rows ?? [], answer?.spans.length ?? 0);
  const whole = answer && answer.spans.length > 0 ? [{ start: answer.spans[0]!.start, end: answer.spans[answer.spans.length - 1]!.end }] : [];
  return (
    <>
      <div class="fields">
        <SelectField label={t('ui.consumption.first_device')} value={a} options={options} onChange={(one) => setChosen([one, b])} test="device-a" />
        <SelectField label={t('ui.consumption.second_device')} value={b} options={options.filter((one) => one.value !== a)} onChange={(one) => setChosen([a, one])} test="device-b" />
        <div class="field field-bottom"><Choice<'totals' | 'details'> label={t('ui.consumption.how')} value={totals} onChange={setTotals} test="compare" options={[['totals', t('ui.consumption.totals')], ['details', t('ui.consumption.details')]]} /></div>
      </div>
      {!ready && <p class="muted empty">{t('ui.consumption.two_devices')}</p>}
      <Refused asked={asked} />
      {answer?.only_cost && <Notice tone="accent" test="only-cost">{t('ui.consumption.only_cost')}</Notice>}
      {ready && (answer && series.some((one) => one.values.some((value) => value !== null))
        ? <Figure title={t('ui.consumption.view.compare')} by={answer.by} spans={totals === 'totals' ? whole : answer.spans} flags={totals === 'totals' ? [flags.reduce((all, one) => all | one, 0)] : flags} {...(totals === 'totals' ? { labels: together } : {})}
          series={totals === 'totals' ? series.map((one) => ({ ...one, values: [one.total] })) : series} unit={cost ? answer.currency ?? '' : answer.unit ?? 'Wh'} until={answer.until} stacked={false} sums={false} />
        : <Nothing asked={asked} first={running(period)} />)}
    </>
  );
}

// ---- Details ----------------------------------------------------------------------------------------------------

function LiveMeasures({ id }: { id: number }): JSX.Element | null {
  const device = useStore((state) => state.devices.get(id));
  const status = useStore((state) => state.deviceStatus.get(id));
  const measures = useStore((state) => state.measures.get(id));
  const by = useJudge(id, answering(deviceState(device, status)));
  useEffect(() => want([`device/${id}/measures/+`], 0), [id]);
  if (!measures) return <p class="muted empty">{t('ui.device.no_measures')}</p>;
  return <div class="detail"><Blocks measures={measures} by={by} leads={false} /></div>;
}

export function Details({ period, what }: { period: Period; what: What }): JSX.Element {
  const options = useDeviceOptions();
  const devices = useStore((state) => state.devices);
  const [chosen, setChosen] = useState('');
  const id = chosen || (options[0]?.value ?? '');
  const asked = useAsk<HistoryAnswer>('history', id === '' ? null : { ...question(period), group: 'device', device: Number(id), previous: true, cost: what === 'cost' });
  const { answer } = asked;
  const name = (one: number): string => devices.get(one)?.name ?? `#${one}`;
  return (
    <>
      <div class="fields"><SelectField label={t('ui.consumption.device')} value={id} options={options} onChange={setChosen} test="device" /></div>
      <Refused asked={asked} />
      {answer && answer.rows.length > 0
        ? answer.rows.map((row) => <HistoryFigure key={`${row.service}${row.unit}`} answer={answer} rows={[row]} what={what} period={period} title={name(row.id)} name={name} ids={[]} color={SERVICE_COLOR[row.service]} />)
        : <Nothing asked={asked} first={running(period)} />}
      {id !== '' && <Quality key={`quality${id}`} id={Number(id)} />}
      {id !== '' && <section class="live-part"><h2>{t('ui.consumption.live')}</h2><LiveMeasures key={id} id={Number(id)} /></section>}
    </>
  );
}

