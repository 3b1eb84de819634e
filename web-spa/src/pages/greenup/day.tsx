// The last 24 hours: the currents of the site against its bands, and every charge with what happened to it.
import type { JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import type { Charges, SeriesAnswer } from '../../generated/types';
import type { ChargeRow } from '../../generated/types/charges';
import { formatNumber } from '../../format/number';
import { language, reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { FullScreen } from '../../ui/full_screen';
import { useHistoryTime } from '../../ui/now';
import { Notice } from '../../ui/notice';
import { Standing } from '../../ui/standing';
import { Table, type Column } from '../../ui/table';
import { useAsk } from '../../ui/ask';
import { useCharts } from '../../ui/use_charts';
import { useTime } from '../../ui/time';
import { CsvButton } from '../consumption/figure';
import type { Live } from './live';
import { axisEnd, bandAreas, curveOf, eventsOf, tableOf, type Point } from './model';
import { Troubles } from './overview';

const DAY_MS = 86_400_000;
const STEP_MS = 300_000; // asked anew every five minutes
const PHASES = [1, 2, 3] as const;

// The window ends at the next full five minutes, so that the question stays the same for a while.
function useWindow(): { from: string; to: string; fromMs: number; toMs: number } {
  const toMs = Math.ceil(useHistoryTime() / STEP_MS) * STEP_MS;
  const fromMs = toMs - DAY_MS;
  return { from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString(), fromMs, toMs };
}

function Plot({ live, charges }: { live: Live; charges: readonly ChargeRow[] }): JSX.Element {
  const root = useRef<HTMLElement>(null);
  const charts = useCharts();
  const zone = useStore((state) => state.site?.tz ?? 'UTC');
  const { from, to, fromMs, toMs } = useWindow();
  const meter = live.status?.meter.device ?? null;
  const ask = (phase: number): object | null => (meter === null ? null : { device: meter, quantity: `current_l${phase}`, from, to, points: 288 });
  const asked = [useAsk<SeriesAnswer>('series', ask(1)), useAsk<SeriesAnswer>('series', ask(2)), useAsk<SeriesAnswer>('series', ask(3))];
  const phases = live.status?.phases ?? [];
  const curves = PHASES.map((phase, i) => ({ key: `l${phase}`, name: `L${phase}`, color: `--phase-${phase}`, points: curveOf(asked[i]?.answer ?? null) }));
  const peak = Math.max(0, ...curves.flatMap((curve) => curve.points.map(([, value]) => value ?? 0)));
  const end = Math.ceil(Math.max(axisEnd(phases), peak * 1.05) / 10) * 10;
  const marks = useMemo(() => eventsOf(charges).map((one) => ({ at: one.at, name: one.kind })), [charges]);
  const table = tableOf(curves);
  return (
    <section class="card figure" ref={root} data-test="day-plot" data-points={curves.reduce((sum, curve) => sum + curve.points.filter(([, value]) => value !== null).length, 0)}>
      <header class="figure-head">
        <div class="figure-title"><h2>{t('ui.greenup.day.title')} <Standing /></h2></div>
        <div class="figure-tools"><CsvButton {...table} unit="A" /><FullScreen target={root} /></div>
      </header>
      {asked.some((one) => one.lost) && <Notice tone="warn">{t('ui.consumption.lost')}</Notice>}
      {charts ? <charts.Curves title={t('ui.greenup.day.title')} from={fromMs} to={toMs} series={curves} areas={bandAreas(phases[0], end)} marks={marks} end={end} unit="A" decimals={1} locale={language()} zone={zone} /> : <div class="chart chart-tall" />}
      <p class="gauge-legend muted">
        {curves.map((curve) => <span key={curve.key}><svg class="swatch" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" rx="2" fill={`var(${curve.color})`} /></svg>{curve.name}</span>)}
        <span>{t('ui.greenup.day.note')}</span>
      </p>
    </section>
  );
}

function useColumns(points: readonly Point[]): readonly Column<ChargeRow>[] {
  const locale = useLanguage();
  const time = useTime();
  return [
    { key: 'station', title: t('ui.greenup.part.station'), main: true, cell: (row) => points.find((one) => one.id === row.station)?.name ?? `#${row.station}` },
    { key: 'plugged', title: t('ui.greenup.plugged'), cell: (row) => time(row.plugged_at) },
    { key: 'ended', title: t('ui.greenup.ended'), cell: (row) => (row.under_way ? t('ui.greenup.going_on') : time(row.ended)) },
    { key: 'wh', title: t('ui.greenup.energy'), numeric: true, cell: (row) => (row.wh === null ? '–' : <>{formatNumber(row.wh / 1000, 2, locale)} <span class="unit">kWh</span></>) },
    { key: 'ah', title: t('ui.greenup.ah'), numeric: true, cell: (row) => <>{formatNumber(row.ah, 1, locale)} <span class="unit">Ah</span></> },
    { key: 'peak', title: t('ui.greenup.peak'), numeric: true, cell: (row) => <>{formatNumber(row.peak_a, 1, locale)} <span class="unit">A</span></> },
    {
      key: 'interruptions', title: t('ui.greenup.interruptions'),
      cell: (row) => (row.interruptions.length === 0 ? '–' : (
        <ul class="events">{row.interruptions.map((one) => <li key={one.at}><span class="muted numbers">{time(one.at)} – {one.until === null ? t('ui.greenup.going_on') : time(one.until)}</span><span>{reasonText(one.reason)}</span></li>)}</ul>
      )),
    },
  ];
}

export function Day({ live, points }: { live: Live; points: readonly Point[] }): JSX.Element {
  const { from, to } = useWindow();
  const asked = useAsk<Charges>('charges', { from, to, limit: 100 });
  const rows = asked.answer?.rows ?? [];
  const columns = useColumns(points);
  return (
    <div class="greenup-page">
      <Troubles live={live} />
      {live.status?.meter.device == null ? <p class="muted empty">{t('ui.greenup.day.no_meter')}</p> : <Plot live={live} charges={rows} />}
      <section class="card day-charges" data-test="day-charges">
        <h2>{t('ui.greenup.day.charges')}</h2>
        {asked.answer && rows.length === 0 && <p class="muted">{t('ui.greenup.day.none')}</p>}
        {rows.length > 0 && <Table caption={t('ui.greenup.day.charges')} columns={columns} rows={rows} rowKey={(row) => row.session} test="charge-row" />}
      </section>
    </div>
  );
}
