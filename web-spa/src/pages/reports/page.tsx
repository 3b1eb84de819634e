// Reports and download (RPT-01): what, which days, how; the recorder makes reportdata.zip, the browser fetches it.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, want } from '../../api/link';
import { linkUp } from '../../format/freshness';
import { formatNumber } from '../../format/number';
import type { Reason, ReportAnswer } from '../../generated/types';
import { lookUp, reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Choice } from '../../ui/choice';
import { CheckField, SelectField, TextField } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { useNow } from '../../ui/now';
import { circuitName, localDate } from '../consumption/model';
import { showBytes } from '../server/words';
import { GROUPINGS, PERIODS, SCOPES, argsOf, changeDay, changePeriod, changeScope, first, found, itemsOf, problemOf, toggle, type Item, type Question } from './model';
import '../../style/reports.css';

const TOPICS = ['config/device/+', 'config/profile/+', 'config/circuit/+', 'config/zone/+', 'config/settings/sampling'] as const;
const BUSY_MS = 400;
const IDLE_MS = 15_000;
const SEARCH_FROM = 12; // of so many a name is looked for
const INTERVAL_MIN = 10;

interface Making { answer: ReportAnswer | null; refused: Reason | null; lost: boolean; act: (args: object) => void }

// How far this session's report is: often while it is being made. It goes on while the page is left.
function useMaking(): Making {
  const [answer, setAnswer] = useState<ReportAnswer | null>(null);
  const [refused, setRefused] = useState<Reason | null>(null);
  const [lost, setLost] = useState(false);
  const [turn, setTurn] = useState(0);
  const online = useStore((state) => linkUp(state.link));
  useEffect(() => {
    if (!online) return undefined;
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    void call<ReportAnswer>('recorder', 'report', { action: 'status' }).then((reply) => {
      if (!current) return;
      setLost(reply.is !== 'ok');
      if (reply.is === 'ok') setAnswer(reply.value);
      const busy = reply.is === 'ok' && (reply.value.state === 'running' || reply.value.state === 'waiting');
      timer = setTimeout(() => setTurn((n) => n + 1), busy ? BUSY_MS : IDLE_MS);
    });
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [online, turn]);
  const act = (args: object): void => {
    setRefused(null);
    void call<ReportAnswer>('recorder', 'report', args).then((reply) => {
      setLost(reply.is === 'lost');
      if (reply.is === 'ok') setAnswer(reply.value);
      if (reply.is === 'error') setRefused(reply.reason);
      setTurn((n) => n + 1);
    });
  };
  return { answer, refused, lost, act };
}

interface PartProps { question: Question; set: (next: Question) => void }

function Items({ question, set, items }: PartProps & { items: readonly Item[] }): JSX.Element {
  const [text, setText] = useState('');
  return (
    <section class="card report-part" data-test="report-items">
      <h2>{t('ui.reports.of')}</h2>
      <SelectField label={t('ui.reports.kind')} value={question.scope} test="scope" options={SCOPES.map((one) => ({ value: one, label: t(`ui.reports.scope.${one}`) }))}
        onChange={(one) => { setText(''); set(changeScope(question, one as Question['scope'])); }} />
      <Choice<'all' | 'some'> label={t('ui.reports.which')} value={question.all ? 'all' : 'some'} test="which" onChange={(one) => set({ ...question, all: one === 'all' })}
        options={[['all', t('ui.reports.all', { number: items.length })], ['some', t('ui.reports.some')]]} />
      {!question.all && items.length > SEARCH_FROM && <TextField label={t('ui.reports.search')} value={text} onChange={setText} test="report-search" />}
      {!question.all && (
        <ul class="report-items">
          {found(items, text).map((one) => (
            <li key={one.id}><CheckField label={one.name} checked={question.ids.has(one.id)} onChange={() => set(toggle(question, one.id))} test={`report-item-${one.id}`} /></li>
          ))}
        </ul>
      )}
      {!question.all && <p class="muted" role="status">{t('ui.reports.chosen', { number: items.filter((one) => question.ids.has(one.id)).length, of: items.length })}</p>}
    </section>
  );
}

function Options({ question, set, today, children }: PartProps & { today: string; children: ComponentChildren }): JSX.Element {
  const minutes = Number(useStore((state) => state.settings.get('sampling'))?.interval_min ?? INTERVAL_MIN);
  const names = { minutes: t('ui.reports.by.minutes', { minutes }), hours: t('ui.reports.by.hours'), days: t('ui.reports.by.days') };
  return (
    <section class="card report-part">
      <h2>{t('ui.reports.time')}</h2>
      <SelectField label={t('ui.reports.period')} value={question.period} test="period" options={PERIODS.map((one) => ({ value: one, label: t(`ui.reports.period.${one}`) }))}
        onChange={(one) => set(changePeriod(question, one as Question['period'], today))} />
      <div class="report-days">
        <TextField label={t('ui.reports.from')} type="date" value={question.from} test="from" onChange={(from) => set(changeDay(question, { from }))} />
        <TextField label={t('ui.reports.to')} type="date" value={question.to} test="to" onChange={(to) => set(changeDay(question, { to }))} />
      </div>
      <div class="field">
        <span class="report-label">{t('ui.reports.by')}</span>
        <Choice label={t('ui.reports.by')} value={question.by} test="by" onChange={(by) => set({ ...question, by })} options={GROUPINGS.map((one) => [one, names[one]] as const)} />
      </div>
      <CheckField label={t('ui.reports.cost')} hint={t('ui.reports.cost_why')} checked={question.cost} onChange={(cost) => set({ ...question, cost })} test="cost" />
      {children}
    </section>
  );
}

function Progress({ answer, act }: { answer: ReportAnswer; act: Making['act'] }): JSX.Element {
  const locale = useLanguage();
  const text = answer.state === 'waiting' ? t('ui.reports.waiting') : t('ui.reports.running', { percent: formatNumber(answer.percent, 0, locale) });
  return (
    <div class="report-making" data-test="making" data-state={answer.state}>
      <p role="status">{text}</p>
      <progress max={100} {...(answer.state === 'waiting' ? {} : { value: answer.percent })} aria-label={text} />
      <button type="button" class="button" onClick={() => act({ action: 'cancel' })} data-test="report-cancel"><Icon name="close" />{t('ui.app.cancel')}</button>
    </div>
  );
}

function Ready({ answer, act }: { answer: ReportAnswer; act: Making['act'] }): JSX.Element {
  const locale = useLanguage();
  return (
    <div class="report-making" data-test="report-ready" data-size={answer.size}>
      <Notice tone="good"><p>{t('ui.reports.ready', { file: 'reportdata.zip', size: showBytes(answer.size, locale) })}</p><p class="field-hint">{t('ui.reports.kept')}</p></Notice>
      <div class="report-buttons">
        <a class="button primary" href="/api/report" download="reportdata.zip" data-test="report-download"><Icon name="download" />{t('ui.reports.download')}</a>
        <button type="button" class="button" onClick={() => act({ action: 'cancel' })} data-test="report-again">{t('ui.reports.again')}</button>
      </div>
    </div>
  );
}

function Make({ question, items, making }: { question: Question; items: readonly Item[]; making: Making }): JSX.Element {
  const { answer, act, refused, lost } = making;
  if (answer?.state === 'running' || answer?.state === 'waiting') return <Progress answer={answer} act={act} />;
  if (answer?.state === 'ready') return <Ready answer={answer} act={act} />;
  const problem = problemOf(question, items);
  const reason = refused ?? (answer?.state === 'failed' ? answer.reason ?? null : null);
  return (
    <div class="report-making">
      {problem !== null && <p class="muted" data-test="report-problem" role="status">{t(`ui.reports.problem.${problem}`)}</p>}
      {reason && <Notice tone="bad" test="refused">{reasonText(reason)}</Notice>}
      {lost && <Notice tone="warn" test="report-lost">{t('ui.app.no_answer')}</Notice>}
      <button type="button" class="button primary" disabled={problem !== null || answer === null} data-test="report-make" onClick={() => act(argsOf(question, items))}>{t('ui.reports.make')}</button>
    </div>
  );
}

function Inside({ zone }: { zone: string }): JSX.Element {
  useNow();
  const today = localDate(Date.now(), zone);
  const [question, set] = useState(() => first(today));
  const making = useMaking();
  const devices = useStore((state) => state.devices);
  const profiles = useStore((state) => state.profiles);
  const zones = useStore((state) => state.zones);
  const circuits = useStore((state) => state.circuits);
  const items = itemsOf(question.scope, { devices, profiles, zones, circuits }, (id) => circuitName(circuits.get(id), id, lookUp, t('ui.consumption.other')));
  return (
    <div class="report-form">
      <Items question={question} set={set} items={items} />
      <Options question={question} set={set} today={today}><Make question={question} items={items} making={making} /></Options>
    </div>
  );
}

export default function ReportsPage(): JSX.Element {
  useLanguage();
  const zone = useStore((state) => state.site?.tz ?? null);
  useEffect(() => want(TOPICS, 1), []);
  return (
    <main class="page" id="main" tabIndex={-1} data-test="reports">
      <h1 class="hidden">{t('page.reports')}</h1>
      {zone === null ? <p class="muted empty">{t('ui.consumption.waiting')}</p> : <Inside zone={zone} />}
    </main>
  );
}
