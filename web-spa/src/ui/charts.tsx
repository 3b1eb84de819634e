// Charts, loaded with the first page that draws one. Colours are tokens, resolved when drawn, so that light and dark follow.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { BarChart, LineChart, PieChart } from 'echarts/charts';
import { GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { formatNumber } from '../format/number';

echarts.use([BarChart, LineChart, PieChart, GridComponent, MarkAreaComponent, MarkLineComponent, TooltipComponent, CanvasRenderer]);

type Ink = (token: string) => string;
type Option = echarts.EChartsCoreOption;

interface CanvasProps { title: string; option: (ink: Ink) => Option; tall?: boolean }

function Canvas({ title, option, tall }: CanvasProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<echarts.ECharts | null>(null);
  useEffect(() => {
    const element = place.current!;
    const made = echarts.init(element, undefined, { renderer: 'canvas' });
    chart.current = made;
    const watcher = new ResizeObserver(() => made.resize());
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      made.dispose();
      chart.current = null;
    };
  }, []);
  useEffect(() => {
    const draw = (): void => {
      const style = getComputedStyle(place.current!);
      chart.current?.setOption(option((token) => style.getPropertyValue(token).trim()), { notMerge: true });
    };
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => scheme.removeEventListener('change', draw);
  }, [option]);
  return <div class={tall ? 'chart chart-tall' : 'chart'} ref={place} role="img" aria-label={title} data-test="chart" />;
}

// renderMode richText: an HTML tooltip would need inline styles, which the content security policy forbids.
const tooltip = (ink: Ink, more: object): object => ({
  renderMode: 'richText', confine: true, backgroundColor: ink('--surface'), borderColor: ink('--line-strong'), textStyle: { color: ink('--text'), fontSize: 13 }, ...more,
});
const base = (ink: Ink): object => ({ animation: false, textStyle: { fontFamily: 'system-ui, sans-serif', color: ink('--text') } });

const valueAxis = (ink: Ink, unit: string, locale: string): object => ({
  type: 'value', name: unit, nameTextStyle: { color: ink('--muted'), align: 'left' },
  axisLabel: { color: ink('--muted'), formatter: (value: number) => new Intl.NumberFormat(locale, { maximumFractionDigits: 3 }).format(value) },
  splitLine: { lineStyle: { color: ink('--line') } },
});

export interface BarSeries { readonly key: string; readonly name: string; readonly color: string; readonly values: readonly (number | null)[] }

export interface BarsProps {
  readonly title: string;
  readonly labels: readonly string[];
  readonly series: readonly BarSeries[]; // in the unit shown
  readonly stacked: boolean;
  readonly before?: { readonly name: string; readonly values: readonly (number | null)[] };
  readonly unit: string;
  readonly decimals: number;
  readonly locale: string;
  readonly onChoose?: (index: number) => void;
}

export function Bars(props: BarsProps): JSX.Element {
  const { labels, series, stacked, before, unit, decimals, locale, title } = props;
  const option = (ink: Ink): Option => ({
    ...base(ink),
    grid: { left: 8, right: 8, top: 28, bottom: 4, containLabel: true },
    tooltip: tooltip(ink, {
      trigger: 'axis', axisPointer: { type: 'shadow' },
      valueFormatter: (value: unknown) => (typeof value === 'number' ? `${formatNumber(value, decimals, locale)} ${unit}` : '–'),
    }),
    xAxis: { type: 'category', data: labels, axisTick: { show: false }, axisLine: { lineStyle: { color: ink('--line-strong') } }, axisLabel: { color: ink('--muted'), hideOverlap: true } },
    yAxis: valueAxis(ink, unit, locale),
    series: [
      ...series.map((one) => ({
        type: 'bar', name: one.name, ...(stacked ? { stack: 'all' } : {}), color: ink(one.color), barCategoryGap: '22%', barGap: '8%', barMaxWidth: 56, emphasis: { focus: 'series' }, data: one.values,
      })),
      ...(before ? [{
        type: 'line', name: before.name, step: 'middle', symbol: 'none', color: ink('--muted'), lineStyle: { width: 1.5, type: 'dashed' }, data: before.values, z: 5,
      }] : []),
    ],
  });
  return <Canvas title={title} option={option} />;
}

export interface PieProps {
  readonly title: string;
  readonly parts: ReadonlyArray<{ readonly key: string; readonly name: string; readonly color: string; readonly value: number }>;
  readonly unit: string;
  readonly decimals: number;
  readonly locale: string;
}

export function Pie({ title, parts, unit, decimals, locale }: PieProps): JSX.Element {
  const option = (ink: Ink): Option => ({
    ...base(ink),
    tooltip: tooltip(ink, { trigger: 'item', valueFormatter: (value: unknown) => (typeof value === 'number' ? `${formatNumber(value, decimals, locale)} ${unit}` : '–') }),
    series: [{
      type: 'pie', radius: ['42%', '78%'], emptyCircleStyle: { color: ink('--line') }, itemStyle: { borderColor: ink('--surface'), borderWidth: 2 }, label: { color: ink('--text'), formatter: ({ name, percent }: { name: string; percent: number }) => `${name}: ${formatNumber(percent, 0, locale)} %` },
      labelLine: { lineStyle: { color: ink('--line-strong') } }, data: parts.map((one) => ({ name: one.name, value: one.value, itemStyle: { color: one.color.startsWith('--') ? ink(one.color) : one.color } })),
    }],
  });
  return <Canvas title={title} option={option} />;
}

export interface CurvesProps {
  readonly title: string;
  readonly from: number; // ms since 1970
  readonly to: number;
  readonly series: ReadonlyArray<{ readonly key: string; readonly name: string; readonly color: string; readonly points: ReadonlyArray<readonly [number, number | null]>; readonly step?: boolean; readonly dashed?: boolean }>;
  readonly areas?: ReadonlyArray<{ readonly color: string; readonly from: number; readonly to: number }>; // across, by value
  readonly marks?: ReadonlyArray<{ readonly at: number; readonly name: string }>;
  readonly end?: number; // of the value axis
  readonly unit: string;
  readonly decimals: number;
  readonly locale: string;
  readonly zone: string;
}

export function Curves({ title, from, to, series, areas, marks, end, unit, decimals, locale, zone }: CurvesProps): JSX.Element {
  const time = new Intl.DateTimeFormat(locale, { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  const option = (ink: Ink): Option => ({
    ...base(ink),
    grid: { left: 8, right: 12, top: 28, bottom: 4, containLabel: true },
    tooltip: tooltip(ink, { trigger: 'axis', valueFormatter: (value: unknown) => (typeof value === 'number' ? `${formatNumber(value, decimals, locale)} ${unit}` : '–') }),
    xAxis: { type: 'time', min: from, max: to, axisLabel: { color: ink('--muted'), hideOverlap: true, formatter: (at: number) => time.format(at) }, axisLine: { lineStyle: { color: ink('--line-strong') } }, axisPointer: { label: { show: false } } },
    yAxis: { ...valueAxis(ink, unit, locale), ...(end === undefined ? {} : { max: end }) },
    series: series.map((one, i) => ({
      type: 'line', name: one.name, color: ink(one.color), showSymbol: false, connectNulls: false, data: one.points, lineStyle: { width: 2, ...(one.dashed ? { type: 'dashed' } : {}) }, ...(one.step ? { step: 'end' } : {}),
      ...(i === 0 ? {
        markArea: { silent: true, data: (areas ?? []).map((area) => [{ yAxis: area.from, itemStyle: { color: ink(area.color), opacity: 0.55 } }, { yAxis: area.to }]) },
        markLine: { silent: true, symbol: 'none', lineStyle: { color: ink('--faint'), type: 'dotted' }, label: { show: false }, data: (marks ?? []).map((mark) => ({ xAxis: mark.at })) },
      } : {}),
    })),
  });
  return <Canvas title={title} option={option} tall />;
}
