// Consumption (VIEW-02 to VIEW-07): total, global, partial, comparison, details, tariffs; one period for all of them.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { want } from '../../api/link';
import type { Span } from '../../format/period';
import { t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { DateNav } from '../../ui/date_nav';
import { useHistoryTime } from '../../ui/now';
import { Tabs } from '../../ui/tabs';
import type { PageProps } from '../registry';
import { localDate } from './model';
import { Tariffs } from './tariffs';
import { Comparison, Details, Global, Partial, Total, WhatChoice, type Period, type What } from './views';
import '../../style/consumption.css';

const TOPICS = ['config/bus/+', 'config/circuit/+', 'config/zone/+', 'config/device/+', 'config/profile/+', 'config/tariff/+', 'config/settings/csv', 'device/+/status'] as const;
const VIEWS = ['total', 'global', 'partial', 'compare', 'details', 'tariffs'] as const;
const ICONS = { total: 'consumption', global: 'bolt', partial: 'panel', compare: 'compare', details: 'meter', tariffs: 'tag' } as const;

const useToday = (zone: string): string => localDate(useHistoryTime(), zone);

function Chosen({ view, period, what }: { view: (typeof VIEWS)[number]; period: Period; what: What }): JSX.Element {
  switch (view) {
    case 'total': return <Total period={period} what={what} />;
    case 'global': return <Global period={period} what={what} />;
    case 'partial': return <Partial period={period} what={what} />;
    case 'compare': return <Comparison period={period} what={what} />;
    case 'details': return <Details period={period} what={what} />;
    case 'tariffs': return <Tariffs period={period} />;
  }
}

function Inside({ zone, view }: { zone: string; view: (typeof VIEWS)[number] }): JSX.Element {
  const today = useToday(zone);
  const [span, setSpan] = useState<Span>('day');
  const [date, setDate] = useState<string | null>(null); // null: today, whatever day that is
  const [what, setWhat] = useState<What>('amount');
  const period = { span, date: date ?? today, today, zone };
  return (
    <>
      <div class="period">
        <DateNav span={span} date={period.date} today={today} onChange={(nextSpan, nextDate) => {
          setSpan(nextSpan);
          setDate(nextDate === today ? null : nextDate);
        }} />
        {view !== 'tariffs' && <WhatChoice what={what} onChange={setWhat} />}
      </div>
      <Chosen view={view} period={period} what={what} />
    </>
  );
}

export default function ConsumptionPage({ rest }: PageProps): JSX.Element {
  const view = VIEWS.find((one) => one === rest) ?? 'total';
  const zone = useStore((state) => state.site?.tz ?? null);
  useEffect(() => want(TOPICS, 1), []);
  return (
    <main class="page consumption" id="main" tabIndex={-1} data-test="consumption" data-view={view}>
      <h1 class="hidden">{t('page.consumption')}</h1>
      <Tabs label={t('page.consumption')} current={view} tabs={VIEWS.map((one) => ({ id: one, href: `#/consumption/${one}`, title: t(`ui.consumption.view.${one}`), icon: ICONS[one] }))} />
      {zone === null ? <p class="muted empty">{t('ui.consumption.waiting')}</p> : <Inside zone={zone} view={view} />}
    </main>
  );
}
