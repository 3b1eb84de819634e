// The histogram: hours of a day, stacked by circuit, and the other day's total as a line. ECharts is loaded with it.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { BarChart, LineChart } from 'echarts/charts';
import { GridComponent, TooltipComponent } from 'echarts/components';
import * as echarts from 'echarts/core';
import { CanvasRenderer } from 'echarts/renderers';
import { formatNumber } from '../../format/number';
import type { Day } from './model';

echarts.use([BarChart, LineChart, GridComponent, TooltipComponent, CanvasRenderer]);

export interface ChartProps {
  readonly day: Day;
  readonly other: Day;
  readonly names: readonly string[]; // of day.circuits
  readonly colors: readonly string[];
  readonly otherName: string;
  readonly title: string;
  readonly locale: string;
}

const kwh = (wh: number | null): number | null => (wh === null ? null : wh / 1000);
const token = (element: Element, name: string): string => getComputedStyle(element).getPropertyValue(name).trim();

function series({ day, other, names, colors, otherName }: ChartProps, line: string): echarts.EChartsCoreOption[] {
  const bars = names.map((name, at) => ({
    type: 'bar', name, stack: 'day', color: colors[at] ?? line, barCategoryGap: '22%', emphasis: { focus: 'series' },
    data: day.hours.map((hour) => kwh(hour.values[at] ?? null)),
  }));
  const before = {
    type: 'line', name: otherName, step: 'middle', symbol: 'none', color: line, lineStyle: { width: 1.5, type: 'dashed' },
    data: day.hours.map((_, i) => kwh(other.hours[i]?.total ?? null)), z: 5,
  };
  return [...bars, before];
}

function option(props: ChartProps, element: Element): echarts.EChartsCoreOption {
  const text = token(element, '--text');
  const muted = token(element, '--muted');
  const line = token(element, '--line');
  const surface = token(element, '--surface');
  return {
    animation: false,
    textStyle: { fontFamily: 'system-ui, sans-serif', color: text },
    grid: { left: 8, right: 8, top: 28, bottom: 4, containLabel: true },
    // renderMode richText: an HTML tooltip would need inline styles, which the content security policy forbids.
    tooltip: {
      trigger: 'axis', renderMode: 'richText', confine: true, backgroundColor: surface, borderColor: line, textStyle: { color: text, fontSize: 13 },
      axisPointer: { type: 'shadow' },
      valueFormatter: (value: unknown) => (typeof value === 'number' ? `${formatNumber(value, 2, props.locale)} kWh` : '–'),
    },
    xAxis: {
      type: 'category', data: props.day.hours.map((hour) => `${hour.label} h`), axisTick: { show: false },
      axisLine: { lineStyle: { color: line } }, axisLabel: { color: muted, hideOverlap: true },
    },
    yAxis: {
      type: 'value', name: 'kWh', nameTextStyle: { color: muted, align: 'left' },
      axisLabel: { color: muted, formatter: (value: number) => new Intl.NumberFormat(props.locale).format(value) },
      splitLine: { lineStyle: { color: line } },
    },
    series: series(props, muted),
  };
}

export default function Chart(props: ChartProps): JSX.Element {
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
    const draw = (): void => chart.current?.setOption(option(props, place.current!), { notMerge: true });
    draw();
    const scheme = matchMedia('(prefers-color-scheme: dark)');
    scheme.addEventListener('change', draw);
    return () => scheme.removeEventListener('change', draw);
  }, [props]);
  return <div class="chart" ref={place} role="img" aria-label={props.title} data-test="chart" />;
}
