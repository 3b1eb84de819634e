// One figure: its sum, the chart, what is not what it seems, the same as a table; full screen and datalogger.csv.
import type { ComponentChildren, JSX } from 'preact';
import { useMemo, useRef } from 'preact/hooks';
import { formatNumber } from '../../format/number';
import { language, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Explain } from '../../ui/explain';
import { download } from '../../ui/download';
import { FullScreen } from '../../ui/full_screen';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { Standing } from '../../ui/standing';
import { useCharts } from '../../ui/use_charts';
import { csvOf, csvOptions, notesOf, spanLabels, spanTotals, spansKnown, sum, unitFor, type By, type Series, type SpanOf, type Unit } from './model';

export interface FigureProps {
  title: string;
  by: By;
  spans: readonly SpanOf[];
  series: readonly Series[];
  flags: readonly number[];
  unit: string;      // of the values: Wh, dm3 or a currency
  until: string | null;
  stacked?: boolean;
  labels?: readonly string[]; // of the spans, where the clock does not name them
  sums?: boolean;    // false: what is shown has no meaningful sum
  before?: readonly (number | null)[]; // sums of the period before
  running?: boolean; // the period is not over
  children?: ComponentChildren;        // beside the legend
  test?: string;
}

export const show = (value: number | null, unit: Unit): string => (value === null ? '–' : `${formatNumber(value / unit.factor, unit.decimals, language())} ${unit.name}`);

function Legend({ series, unit }: { series: readonly Series[]; unit: Unit }): JSX.Element {
  const most = Math.max(...series.map((one) => one.total ?? 0), 1e-9);
  return (
    <ul class="legend">
      {series.map((one) => (
        <li key={one.key} data-test={`series-${one.key}`}>
          <span class="legend-name">{one.name}</span>
          <span class="legend-value numbers">{show(one.total, unit)}</span>
          <svg class="legend-bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
            <rect width={(100 * Math.max(0, one.total ?? 0)) / most} height="4" fill={`var(${one.color})`} />
          </svg>
        </li>
      ))}
    </ul>
  );
}

function DataTable({ labels, series, totals, unit, flags, by }: { labels: readonly string[]; series: readonly Series[]; totals: readonly (number | null)[] | null; unit: Unit; flags: readonly number[]; by: By }): JSX.Element {
  const cell = (value: number | null | undefined): string => (value == null ? '–' : formatNumber(value / unit.factor, unit.decimals, language()));
  return (
    <details class="figure-table">
      <summary><Icon name="next" class="fold" />{t('ui.consumption.table')}</summary>
      <div class="table-scroll" tabIndex={0} role="region" aria-label={t('ui.consumption.table')}>
        <table>
          <thead><tr><th scope="col">{t(`ui.consumption.by.${by}`)}</th>{series.map((one) => <th key={one.key} scope="col">{one.name} <span class="unit">{unit.name}</span></th>)}{totals && <th scope="col">{t('ui.consumption.sum')}</th>}</tr></thead>
          <tbody>
            {labels.map((label, i) => (
              <tr key={i}><th scope="row">{label}{(flags[i] ?? 0) !== 0 ? ' *' : ''}</th>{series.map((one) => <td key={one.key}>{cell(one.values[i])}</td>)}{totals && <td>{cell(totals[i])}</td>}</tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

// What happened to some of the spans; tapped, it is explained.
export function Notes({ flags, labels }: { flags: readonly number[]; labels: readonly string[] }): JSX.Element | null {
  const notes = notesOf(flags);
  if (notes.length === 0) return null;
  return (
    <ul class="notes" data-test="notes">
      {notes.map((note) => (
        <li key={note.flag}>
          <Explain text={t(`ui.flag.${note.flag}_why`)} test={`note-${note.flag}`}>
            <Icon name={note.flag === 'gap' ? 'stateError' : 'info'} /><span><strong>{t(`ui.flag.${note.flag}`)}</strong> {note.at.slice(0, 6).map((i) => labels[i]).join(', ')}{note.at.length > 6 && ' …'}</span>
          </Explain>
        </li>
      ))}
    </ul>
  );
}

function Summary({ total, unit, before, known, until, running }: { total: number | null; unit: Unit; before: readonly (number | null)[] | undefined; known: number; until: string | null; running: boolean }): JSX.Element {
  const zone = useStore((state) => state.site?.tz);
  const time = until === null ? null : new Intl.DateTimeFormat(language(), { ...(zone ? { timeZone: zone } : {}), hour: '2-digit', minute: '2-digit', hourCycle: 'h23' }).format(Date.parse(until));
  // A period that is running is compared with the same part of the one before.
  const then = before === undefined ? null : sum(running ? before.slice(0, known) : before);
  const change = total !== null && then !== null && then > 0 ? Math.round((total / then - 1) * 100) : null;
  return (
    <div class="summary">
      <p class="summary-total numbers" data-test="total">{show(total, unit)}</p>
      {running && time !== null && <p class="muted">{t('ui.consumption.until', { time })}</p>}
      {then !== null && (
        <p class="muted" data-test="before">
          {t(running ? 'ui.consumption.before_until' : 'ui.consumption.before', { value: show(then, unit) })}
          {change !== null && <strong class="summary-change numbers"> {change > 0 ? '+' : ''}{formatNumber(change, 0, language())} %</strong>}
        </p>
      )}
    </div>
  );
}

// What is shown, as a file (VIEW-07).
export function CsvButton({ spans, series, flags, unit }: Pick<FigureProps, 'spans' | 'series' | 'flags' | 'unit'>): JSX.Element {
  const zone = useStore((state) => state.site?.tz ?? 'UTC');
  const csv = useStore((state) => state.settings.get('csv'));
  const save = (): void => download('datalogger.csv', csvOf(spans, series, flags, unit, zone, csvOptions(csv)), 'text/csv;charset=utf-8');
  return <button type="button" class="button quiet icon-only" onClick={save} aria-label={t('ui.consumption.csv')} title={t('ui.consumption.csv')} data-test="csv"><Icon name="download" /></button>;
}

export function Figure(props: FigureProps): JSX.Element {
  const { title, by, spans, series, flags, until, before, running, stacked, sums, test } = props;
  const root = useRef<HTMLElement>(null);
  const charts = useCharts();
  const zone = useStore((state) => state.site?.tz ?? 'UTC');
  const locale = language();
  const labels = useMemo(() => props.labels ?? spanLabels(spans, by, zone, locale), [spans, by, zone, locale, props.labels]);
  const totals = useMemo(() => spanTotals(series, spans.length), [series, spans]);
  const largest = Math.max(0, ...(stacked === false ? series.flatMap((one) => one.values.map((value) => value ?? 0)) : totals.map((one) => one ?? 0)));
  const total = sum(totals);
  const unit = unitFor(props.unit, Math.max(largest, total ?? 0) >= 1000 && props.unit === 'Wh' ? Math.max(largest, 1000) : largest);
  const scaled = (values: readonly (number | null)[]): (number | null)[] => values.map((value) => (value === null ? null : value / unit.factor));
  return (
    <section class="card figure" ref={root} data-test={test ?? 'figure'}>
      <header class="figure-head">
        <div class="figure-title"><h2>{title} <Standing /></h2>{sums !== false && <Summary total={total} unit={unit} before={before} known={spansKnown(totals)} until={until} running={running === true} />}</div>
        <div class="figure-tools">
          <CsvButton spans={spans} series={series} flags={flags} unit={props.unit} />
          <FullScreen target={root} />
        </div>
      </header>
      <div class={series.length > 1 || props.children ? 'figure-body' : 'figure-body figure-alone'}>
        {charts ? <charts.Bars title={title} labels={labels.map((label, i) => ((flags[i] ?? 0) !== 0 ? `${label} *` : label))} stacked={stacked !== false} unit={unit.name} decimals={unit.decimals} locale={language()}
          series={series.map((one) => ({ ...one, values: scaled(one.values) }))} {...(before ? { before: { name: t('ui.consumption.previous'), values: scaled(before) } } : {})} /> : <div class="chart" />}
        {(series.length > 1 || props.children) && <div class="figure-side">{props.children}<Legend series={series} unit={unit} /></div>}
      </div>
      <Notes flags={flags} labels={labels} />
      <DataTable labels={labels} series={series} totals={stacked === false ? null : totals} unit={unit} flags={flags} by={by} />
    </section>
  );
}

// What is shown while there is no figure: why not.
export function Nothing({ asked, first }: { asked: { answer: unknown; lost: boolean; refused: unknown }; first: boolean }): JSX.Element | null {
  const clock = useStore((state) => state.services.get('recorder')?.clock);
  if (asked.refused) return null; // said by Refused
  if (asked.lost) return <Notice tone="warn" test="recorder-lost">{t('ui.consumption.lost')}</Notice>;
  if (!asked.answer) return <p class="muted empty">{t('ui.consumption.waiting')}</p>;
  const why = clock === 'untrusted' || clock === 'waiting' ? 'ui.consumption.no_clock' : 'ui.consumption.first';
  return <div class="empty" data-test="nothing"><Icon name="consumption" /><h2>{t('ui.consumption.nothing')}</h2>{first && <p data-why={why}>{t(why)}</p>}</div>;
}
