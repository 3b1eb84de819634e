// Alarm report (VIEW-09): date, device, address, type; newest first.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, want } from '../../api/link';
import type { Alarms } from '../../generated/types';
import type { AlarmRow } from '../../generated/types/alarms';
import { linkUp } from '../../format/freshness';
import { formatNumber } from '../../format/number';
import { lookUp, reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Choice } from '../../ui/choice';
import { SelectField, TextField } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { Standing } from '../../ui/standing';
import { Pager, Table, type Column } from '../../ui/table';
import { useTime } from '../../ui/time';
import { FIRST, argsOf, change, lasting, openSentence, pagesOf, type Question } from './model';
import '../../style/alarms.css';

const REFRESH_MS = 15_000;
const RETRY_MS = 3_000;
const SETTLE_MS = 700; // states come in bursts

// Asks when the question changes, when a state changes, and now and then.
function useAlarms(question: Question): { answer: Alarms | null; lost: boolean } {
  const [answer, setAnswer] = useState<Alarms | null>(null);
  const [lost, setLost] = useState(false);
  const [turn, setTurn] = useState(0);
  const online = useStore((state) => linkUp(state.link));
  const devices = useStore((state) => state.deviceStatus);
  const buses = useStore((state) => state.busStatus);
  useEffect(() => {
    const timer = setTimeout(() => setTurn((n) => n + 1), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [devices, buses]);
  useEffect(() => {
    if (!online) return undefined;
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    void call<Alarms>('recorder', 'alarms', argsOf(question)).then((reply) => {
      if (!current) return;
      setLost(reply.is !== 'ok');
      if (reply.is === 'ok') setAnswer(reply.value);
      timer = setTimeout(() => setTurn((n) => n + 1), reply.is === 'ok' ? REFRESH_MS : RETRY_MS);
    });
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [online, question, turn]);
  return { answer, lost };
}

function Name({ row }: { row: AlarmRow }): JSX.Element {
  const now = useStore((state) => (row.device === null ? null : state.devices.get(row.device) ?? null));
  const name = row.name === '' ? t('ui.alarms.gateway') : row.name;
  return (
    <span class="alarm-name">
      <Icon name={row.device !== null ? 'device' : row.bus !== null ? 'bus' : 'server'} />
      <span>{now && now.name !== name ? t('ui.alarms.renamed', { name, now: now.name }) : name}</span>
    </span>
  );
}

function useColumns(): readonly Column<AlarmRow>[] {
  const time = useTime();
  return [
    { key: 'at', title: t('ui.alarms.at'), sortable: true, cell: (row) => <span class="numbers nowrap">{time(row.at)}</span> },
    {
      key: 'type', title: t('ui.alarms.type'), sortable: true, main: true,
      cell: (row) => <span class={`alarm-type alarm-${lasting(row)}`}><Icon name={lasting(row) === 'active' ? 'stateError' : 'stateOn'} />{reasonText(row.reason)}</span>,
    },
    { key: 'device', title: t('ui.alarms.device'), sortable: true, cell: (row) => <Name row={row} /> },
    { key: 'address', title: t('ui.alarms.address'), sortable: true, cell: (row) => <span class="alarm-address numbers">{row.address}</span> },
    {
      key: 'until', title: t('ui.alarms.until'), sortable: true,
      cell: (row) => (row.until === null ? <strong class="alarm-active">{t('ui.alarms.goes_on')}</strong> : lasting(row) === 'moment' ? '–' : <span class="numbers nowrap">{time(row.until)}</span>),
    },
  ];
}

function Filters({ question, answer, set }: { question: Question; answer: Alarms | null; set: (what: Partial<Question>) => void }): JSX.Element {
  const types = (answer?.codes ?? []).map((one) => ({
    value: one.code, label: `${openSentence(lookUp(`reason.${one.code}`) ?? one.code)} (${one.count})`,
  }));
  return (
    <div class="alarm-filters">
      <Choice<'all' | 'active'> label={t('ui.alarms.which')} value={question.active ? 'active' : 'all'} test="which" onChange={(one) => set({ active: one === 'active' })}
        options={[['all', t('ui.alarms.all')], ['active', t('ui.alarms.only_active')]]} />
      <SelectField label={t('ui.alarms.type')} value={question.code} test="type" onChange={(code) => set({ code })} options={[{ value: '', label: t('ui.alarms.any_type') }, ...types]} />
      <TextField label={t('ui.alarms.search')} value={question.text} test="search" onChange={(text) => set({ text })} />
    </div>
  );
}

export default function AlarmsPage(): JSX.Element {
  const [question, setQuestion] = useState(FIRST);
  const { answer, lost } = useAlarms(question);
  const columns = useColumns();
  const locale = useLanguage();
  useEffect(() => want(['config/device/+', 'config/bus/+', 'device/+/status', 'bus/+/status'], 1), []);
  const set = (what: Partial<Question>): void => setQuestion((before) => change(before, what));
  const pages = pagesOf(answer?.total ?? 0);
  const none = answer !== null && answer.total === 0;
  const filtered = question.active || question.code !== '' || question.text !== '';
  return (
    <main class="page alarms" id="main" tabIndex={-1} data-test="alarms">
      <h1 class="hidden">{t('page.alarms')}</h1>
      <Filters question={question} answer={answer} set={set} />
      {lost && <Notice tone="warn" test="alarms-lost">{t('ui.alarms.lost')}</Notice>}
      {!answer && !lost && <p class="muted empty">{t('ui.alarms.waiting')}</p>}
      {none && <div class="empty"><Icon name="stateOn" /><h2>{t(filtered ? 'ui.alarms.none_found' : 'ui.alarms.none')}</h2></div>}
      {answer && !none && (
        <section class="card alarm-card">
          <p class="muted alarm-count numbers" data-test="alarm-count">{t('ui.alarms.count', { count: formatNumber(answer.total, 0, locale) })} <Standing /></p>
          <Table caption={t('page.alarms')} columns={columns} rows={answer.rows} rowKey={(row) => row.id} test="alarm" sort={{ key: question.sort, down: question.down }}
            onSort={(sort) => set({ sort: sort.key as Question['sort'], down: sort.down })} />
          <Pager page={question.page} pages={pages} onPage={(page) => setQuestion((before) => ({ ...before, page }))} />
        </section>
      )}
    </main>
  );
}
