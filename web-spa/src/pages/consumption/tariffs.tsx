// Costs by tariff (VIEW-06): a pie of the whole installation, histograms of one device; tariffs can be ticked off.
import type { JSX } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import type { TariffsAnswer } from '../../generated/types';
import { language, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { sameSpan } from '../../format/period';
import { Choice } from '../../ui/choice';
import { CheckField, SelectField } from '../../ui/field';
import { FullScreen } from '../../ui/full_screen';
import { Notice } from '../../ui/notice';
import { Standing } from '../../ui/standing';
import { useCharts } from '../../ui/use_charts';
import { useAsk } from '../../ui/ask';
import { CsvButton, Figure, Nothing, Notes, show } from './figure';
import { OTHER_COLOR, SERVICES, periodQuestion, seriesColor, spanLabels, unitFor, type Series, type Service } from './model';
import { Refused, useDeviceOptions, type Period } from './views';

interface Part extends Series { readonly cost: number; readonly share: number }

// Tariffs with costs, the unpriced last.
function usePartsOf(answer: TariffsAnswer | null): readonly Part[] {
  const tariffs = useStore((state) => state.tariffs);
  return useMemo(() => {
    const order = [...tariffs.keys()].sort((a, b) => a - b);
    return (answer?.tariffs ?? []).filter((one) => one.tariff !== 0 || one.total > 0).map((one): Part => ({
      key: String(one.tariff), name: one.tariff === 0 ? t('ui.consumption.unpriced') : tariffs.get(one.tariff)?.name ?? `#${one.tariff}`,
      color: one.tariff === 0 ? OTHER_COLOR : seriesColor(order.indexOf(one.tariff)), values: one.costs, total: one.cost, cost: one.cost, share: one.total,
    })).sort((a, b) => Number(a.key === '0') - Number(b.key === '0') || b.cost - a.cost);
  }, [answer, tariffs]);
}

function Ticks({ parts, off, toggle }: { parts: readonly Part[]; off: ReadonlySet<string>; toggle: (key: string) => void }): JSX.Element {
  return (
    <fieldset class="ticks"><legend>{t('ui.consumption.tariffs_shown')}</legend>
      {parts.map((part) => <CheckField key={part.key} label={<span class="tick-name"><svg class="swatch" viewBox="0 0 8 8" aria-hidden="true"><rect width="8" height="8" rx="2" fill={`var(${part.color})`} /></svg>{part.name}</span>} checked={!off.has(part.key)} onChange={() => toggle(part.key)} test={`tariff-${part.key}`} />)}
    </fieldset>
  );
}

function PieFigure({ answer, parts, children }: { answer: TariffsAnswer; parts: readonly Part[]; children: JSX.Element }): JSX.Element {
  const root = useRef<HTMLElement>(null);
  const charts = useCharts();
  const unit = unitFor(answer.currency, 0);
  const amount = unitFor(answer.unit, Math.max(1000, ...parts.map((part) => part.share)));
  const priced = parts.filter((part) => part.key !== '0');
  const cost = priced.length === 0 ? null : priced.reduce((sum, part) => sum + part.cost, 0); // nothing has a price: no sum
  const zone = useStore((state) => state.site?.tz ?? 'UTC');
  const labels = spanLabels(answer.spans, answer.by, zone, language());
  return (
    <section class="card figure" ref={root} data-test="figure">
      <header class="figure-head">
        <div class="figure-title"><h2>{t('ui.consumption.cost_by_tariff')} <Standing /></h2><div class="summary"><p class="summary-total numbers" data-test="total">{show(cost, unit)}</p></div></div>
        <div class="figure-tools"><CsvButton spans={answer.spans} series={parts} flags={answer.flags} unit={answer.currency} /><FullScreen target={root} /></div>
      </header>
      <div class="figure-body">
        {charts ? <charts.Pie title={t('ui.consumption.cost_by_tariff')} unit={unit.name} decimals={2} locale={language()} parts={priced.filter((part) => part.cost > 0).map((part) => ({ ...part, value: part.cost }))} /> : <div class="chart" />}
        <div class="figure-side">
          {children}
          <dl class="tariff-sums">{parts.map((part) => <div key={part.key} class="health-pair"><dt>{part.name}</dt><dd class="numbers">{show(part.key === '0' ? null : part.cost, unit)} <span class="muted">{show(part.share, amount)}</span></dd></div>)}</dl>
        </div>
      </div>
      <Notes flags={answer.flags} labels={labels} />
    </section>
  );
}

export function Tariffs({ period }: { period: Period }): JSX.Element {
  const [service, setService] = useState<Service>('electricity');
  const [device, setDevice] = useState('all');
  const [off, setOff] = useState<ReadonlySet<string>>(new Set());
  const devices = useDeviceOptions();
  const asked = useAsk<TariffsAnswer>('tariffs', { ...periodQuestion(period.span, period.date, period.zone), service, ...(device === 'all' ? {} : { device: Number(device) }) });
  const { answer } = asked;
  const parts = usePartsOf(answer);
  const shown = parts.filter((part) => !off.has(part.key));
  const running = sameSpan(period.date, period.today, period.span);
  const toggle = (key: string): void => setOff((before) => new Set(before.has(key) ? [...before].filter((one) => one !== key) : [...before, key]));
  const ticks = <Ticks parts={parts} off={off} toggle={toggle} />;
  return (
    <>
      <div class="fields">
        <div class="field field-bottom"><Choice<Service> label={t('ui.consumption.service')} value={service} onChange={setService} test="service" options={SERVICES.map((one) => [one, t(`ui.service.${one}`)] as const)} /></div>
        <SelectField label={t('ui.consumption.device')} value={device} onChange={setDevice} options={[{ value: 'all', label: t('ui.consumption.whole') }, ...devices]} test="tariff-device" />
      </div>
      <Refused asked={asked} />
      {answer?.rebuilding && <Notice tone="accent">{t('ui.consumption.rebuilding')}</Notice>}
      {!answer || parts.length === 0 ? <Nothing asked={asked} first={running} />
        : device === 'all' ? <PieFigure answer={answer} parts={shown}>{ticks}</PieFigure>
          : <Figure title={t('ui.consumption.cost_by_tariff')} by={answer.by} spans={answer.spans} series={shown} flags={answer.flags} unit={answer.currency} until={answer.until} running={running}>{ticks}</Figure>}
      {answer && answer.unpriced > 0 && <p class="muted">{t('ui.consumption.unpriced_note', { value: show(answer.unpriced, unitFor(answer.unit, Math.max(1000, answer.unpriced))) })}</p>}
    </>
  );
}
