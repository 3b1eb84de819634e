// Consumption / total (VIEW-02): energy of today and yesterday by hour and circuit.
import type { ComponentType, JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { call, want } from '../../api/link';
import { formatNumber } from '../../format/number';
import type { Consumption } from '../../generated/types';
import { language, lookUp, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import type { ChartProps } from './chart';
import { circuitName, dayBefore, dayOf, hoursKnown, localDate, SPANS, totalUntil, type Day, type Which } from './model';
import '../../style/consumption.css';

const RETRY_MS = 5_000;
const REFRESH_MS = 60_000;
// Eight hues of like lightness that stay apart for every kind of colour vision (after Okabe and Ito); then again.
const COLORS = ['#0072b2', '#e69f00', '#009e73', '#cc79a7', '#56b4e9', '#d55e00', '#8a7d00', '#7b6fb0'];
const OTHER = '#8a96a0';

const kwh = (wh: number): string => `${formatNumber(wh / 1000, 2, language())} kWh`;
const colorOf = (circuit: number, known: readonly number[]): string =>
  (circuit === 0 ? OTHER : COLORS[known.indexOf(circuit) % COLORS.length] ?? OTHER);

// Asks when the page opens, when the link comes back, and when the recorder has stored something new.
function useAnswer(zone: string | null): { answer: Consumption | null; lost: boolean } {
  const [answer, setAnswer] = useState<Consumption | null>(null);
  const [lost, setLost] = useState(false);
  const [turn, setTurn] = useState(0);
  const online = useStore((state) => state.link.is === 'online');
  const stored = useStore((state) => {
    const last = state.services.get('recorder')?.last_sample;
    return typeof last === 'string' ? last : '';
  });
  useEffect(() => {
    if (!online || zone === null) return undefined;
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const from = dayBefore(localDate(Date.now(), zone));
    void call<Consumption>('recorder', 'consumption', { by: 'hour', from, spans: SPANS }).then((reply) => {
      if (!current) return;
      setLost(reply.is !== 'ok');
      if (reply.is === 'ok') setAnswer(reply.value);
      timer = setTimeout(() => setTurn((n) => n + 1), reply.is === 'ok' ? REFRESH_MS : RETRY_MS);
    });
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [online, zone, stored, turn]);
  return { answer, lost };
}

function useChart(): ComponentType<ChartProps> | null {
  const [chart, setChart] = useState<{ is: ComponentType<ChartProps> } | null>(null);
  useEffect(() => {
    let current = true;
    import('./chart').then((module) => { if (current) setChart({ is: module.default }); }, () => undefined);
    return () => { current = false; };
  }, []);
  return chart?.is ?? null;
}

function Legend({ day, names, colors }: { day: Day; names: readonly string[]; colors: readonly string[] }): JSX.Element {
  const most = Math.max(...day.totals, 1);
  return (
    <section class="card legend">
      <h2>{t('ui.consumption.by_circuit')}</h2>
      <ul>
        {day.circuits.map((circuit, at) => (
          <li key={circuit} data-test={`circuit-${circuit}`}>
            <span class="legend-name">{names[at]}</span>
            <span class="legend-value">{kwh(day.totals[at] ?? 0)}</span>
            <svg class="legend-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
              <rect width={(100 * (day.totals[at] ?? 0)) / most} height="4" rx="2" fill={colors[at]} />
            </svg>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Table({ day, names }: { day: Day; names: readonly string[] }): JSX.Element {
  const cell = (value: number | null): string => (value === null ? '–' : formatNumber(value / 1000, 2, language()));
  return (
    <details class="card table">
      <summary>{t('ui.consumption.table')}</summary>
      <div class="table-scroll">
        <table>
          <thead><tr><th>{t('ui.consumption.hour')}</th>{names.map((name) => <th key={name}>{name}</th>)}<th>{t('ui.consumption.total')}</th></tr></thead>
          <tbody>
            {day.hours.map((hour) => (
              <tr key={hour.start}><th>{hour.label} h{hour.recovered ? ' *' : ''}</th>{hour.values.map((value, at) => <td key={day.circuits[at]}>{cell(value)}</td>)}<td>{cell(hour.total)}</td></tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function Summary({ day, other, which, until, zone }: { day: Day; other: Day; which: Which; until: string | null; zone: string }): JSX.Element {
  const known = hoursKnown(day);
  const running = which === 'today' && until !== null;
  const time = until === null ? '' : new Intl.DateTimeFormat(language(), { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(Date.parse(until));
  const otherName = t(which === 'today' ? 'ui.consumption.yesterday' : 'ui.consumption.today');
  return (
    <header class="summary">
      <p class="summary-total" data-test="total">{kwh(day.total)}</p>
      {running && <p class="muted">{t('ui.consumption.until', { time })}</p>}
      {other.total > 0 && known > 0 && (
        <p class="muted">{t('ui.consumption.compared', { day: otherName, value: kwh(totalUntil(other, known)) })}</p>
      )}
    </header>
  );
}

export default function ConsumptionPage(): JSX.Element {
  const [which, setWhich] = useState<Which>('today');
  const zone = useStore((state) => state.site?.tz ?? null);
  const circuits = useStore((state) => state.circuits);
  const { answer, lost } = useAnswer(zone);
  const Chart = useChart();
  useEffect(() => want(['config/circuit/+'], 1), []);
  const days = useMemo(() => {
    if (!answer || zone === null) return null;
    const today = localDate(Date.now(), zone);
    return { today: dayOf(answer, today, zone), yesterday: dayOf(answer, dayBefore(today), zone) };
  }, [answer, zone]);
  const order = useMemo(() => [...new Set((answer?.circuits ?? []).map((one) => one.circuit))].sort((a, b) => a - b).filter((id) => id !== 0), [answer]);
  const choices: readonly [Which, string][] = [['today', t('ui.consumption.today')], ['yesterday', t('ui.consumption.yesterday')]];
  const day = days?.[which];
  const other = days?.[which === 'today' ? 'yesterday' : 'today'];
  const names = (day?.circuits ?? []).map((id) => circuitName(circuits.get(id), id, lookUp, t('ui.consumption.other')));
  const colors = (day?.circuits ?? []).map((id) => colorOf(id, order));
  const otherName = t(which === 'today' ? 'ui.consumption.yesterday' : 'ui.consumption.today');
  const dayName = t(which === 'today' ? 'ui.consumption.today' : 'ui.consumption.yesterday');
  return (
    <main class="page consumption" id="main" tabIndex={-1} data-test="consumption">
      <div class="choice" role="group" aria-label={t('ui.consumption.day')}>
        {choices.map(([value, label]) => (
          <button type="button" key={value} aria-pressed={which === value} onClick={() => setWhich(value)} data-test={`day-${value}`}>{label}</button>
        ))}
      </div>
      {lost && <Notice tone="warn">{t('ui.consumption.lost')}</Notice>}
      {!day && !lost && <p class="muted empty">{t('ui.consumption.waiting')}</p>}
      {day && day.circuits.length === 0 && (
        <div class="empty"><Icon name="consumption" /><h2>{t('ui.consumption.nothing')}</h2>{which === 'today' && <p>{t('ui.consumption.first')}</p>}</div>
      )}
      {day && other && zone !== null && day.circuits.length > 0 && (
        <>
          <section class="card chart-card">
            <Summary day={day} other={other} which={which} until={answer?.until ?? null} zone={zone} />
            {Chart ? <Chart day={day} other={other} names={names} colors={colors} otherName={otherName} title={t('ui.consumption.chart', { day: dayName })} locale={language()} />
              : <div class="chart" />}
            {day.recovered && <p class="muted">* {t('ui.consumption.recovered')}</p>}
          </section>
          <Legend day={day} names={names} colors={colors} />
          <Table day={day} names={names} />
        </>
      )}
    </main>
  );
}
