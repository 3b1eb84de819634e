// Server configuration: how well the gateway is (SYS-07).
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call, want } from '../../api/link';
import { gatewayTime } from '../../format/clock';
import { ageWords } from '../../format/freshness';
import { formatNumber } from '../../format/number';
import { showTime } from '../../format/time';
import type { ServiceStatus } from '../../generated/types';
import { language, lookUp, reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Icon, type IconName } from '../../ui/icon';
import { useNow } from '../../ui/now';
import { StateMark } from '../../ui/state_mark';
import { Tabs } from '../../ui/tabs';
import type { PageProps } from '../registry';
import {
  ON_TIME_MS, healthOf, type BusView, type DevicesView, type Exit, type Finding, type Health as HealthView, type HistoryView, type MachineView, type ServiceView,
} from './model';
import { BackupPage } from './backup';
import { FtpPage } from './ftp';
import { UsersPage } from './users';
import { showBytes, showDuration, showMs } from './words';
import '../../style/health.css';
import '../../style/users.css';

const TOPICS = ['config/bus/+', 'config/device/+', 'bus/+/status', 'device/+/status'];

// What a service said last before it went, and when this page saw it go: its will does not tell.
interface Memory { last: Map<string, ServiceStatus>; gone: Map<string, number> }

function useMemory(services: ReadonlyMap<string, ServiceStatus>, now: number): Memory {
  const memory = useRef<Memory>({ last: new Map(), gone: new Map() }).current;
  for (const [name, status] of services) {
    if (status.online) {
      memory.last.set(name, status);
      memory.gone.delete(name);
    } else if (memory.last.has(name) && !memory.gone.has(name)) memory.gone.set(name, now);
  }
  return memory;
}

// Times and ages as this gateway's clock tells them, in the zone of the site.
interface Clock { now: number; zone: string | undefined }

const timeOf = (timestamp: string | number, clock: Clock): string =>
  showTime(new Date(timestamp).toISOString(), language(), clock.zone, new Date(clock.now)) ?? '–';
const ageOf = (ms: number): string => {
  const { key, n } = ageWords(ms);
  return t(`ui.age.${key}`, { n });
};

const serviceName = (name: string): string => lookUp(`ui.health.service.${name}`) ?? name;

const lateText = (ms: number, locale: string): string =>
  (ms < ON_TIME_MS ? t('ui.health.on_time') : t('ui.health.late', { time: showMs(ms, locale) }));

function exitText(exit: Exit): string {
  switch (exit.is) {
    case 'signal': return t(exit.number === 9 ? 'ui.health.exit.killed' : 'ui.health.exit.signal', { number: exit.number, name: exit.name });
    case 'code': return t(exit.code === 0 ? 'ui.health.exit.itself' : 'ui.health.exit.code', { code: exit.code });
    case 'hung': return t('ui.health.exit.hung', { seconds: exit.seconds });
    case 'not_ready': return t('ui.health.exit.not_ready', { seconds: exit.seconds });
    case 'stopped': return t('ui.health.exit.stopped');
    case 'other': return exit.text;
  }
}

function findingText(finding: Finding, clock: Clock): string {
  const locale = language();
  switch (finding.is) {
    case 'service_offline': case 'service_missing': return t(`ui.health.finding.${finding.is}`, { service: serviceName(finding.service) });
    case 'service_restarted': {
      const text = t('ui.health.finding.service_restarted', { service: serviceName(finding.service), time: timeOf(finding.since, clock) });
      return finding.exit ? `${text} ${t('ui.health.last_exit', { reason: exitText(finding.exit) })}` : text;
    }
    case 'service_late': return t('ui.health.finding.service_late', { service: serviceName(finding.service), time: showMs(finding.ms, locale) });
    case 'bus_error': {
      const text = t('ui.health.finding.bus_error', { bus: finding.bus });
      return finding.reason ? `${text} ${reasonText(finding.reason)}` : text;
    }
    case 'bus_full': return `${t('ui.health.finding.bus_full', { bus: finding.bus })} ${reasonText(finding.reason)}`;
    case 'bus_load': return t('ui.health.finding.bus_load', { bus: finding.bus, pct: formatNumber(finding.pct, 0, locale) });
    case 'bus_late': return t('ui.health.finding.bus_late', { bus: finding.bus, time: showMs(finding.ms, locale) });
    case 'devices': return finding.count === 1 ? t('ui.health.finding.device') : t('ui.health.finding.devices', { count: finding.count });
    case 'disk': return t('ui.health.finding.disk', { free: showBytes(finding.free, locale) });
    case 'sample_old': return t('ui.health.finding.sample_old', { age: ageOf(finding.age) });
    case 'cpu': return t('ui.health.finding.cpu', { pct: formatNumber(finding.pct, 0, locale), time: showDuration(finding.seconds, locale) });
    case 'file': case 'sample_none': case 'clock': return t(`ui.health.finding.${finding.is}`);
  }
}

const LEVELS: { readonly [K in HealthView['level'] | 'unknown']: IconName } = {
  good: 'stateOn', warn: 'stateError', bad: 'stateFault', unknown: 'stateUnknown',
};

function Overall({ health, online, clock }: { health: HealthView; online: boolean; clock: Clock }): JSX.Element {
  const level = online ? health.level : 'unknown';
  return (
    <section class={`card overall overall-${level}`} data-test="overall" data-level={level}>
      <div class="overall-head" role="status"><Icon name={LEVELS[level]} /><h1>{t(`ui.health.overall.${level}`)}</h1></div>
      {online && health.findings.length > 0 && (
        <ul>
          {health.findings.map((finding, at) => (
            <li key={at} class={`finding finding-${finding.level}`} data-test="finding" data-finding={finding.is}>
              <Icon name={LEVELS[finding.level]} />
              <span>{findingText(finding, clock)}{finding.is === 'devices' && <> <a href="#/installation">{t('page.installation')}</a></>}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Facts({ children }: { children: ComponentChildren }): JSX.Element {
  return <span class="fact-line"><span class="muted numbers">{children}</span></span>;
}
const Fact = ({ bad, children }: { bad?: boolean; children: ComponentChildren }): JSX.Element =>
  <span class={bad ? 'fact fact-bad' : 'fact'}>{children}</span>;

// A state in words of its own, with the shapes of all states.
function Mark({ good, word }: { good: boolean; word: string }): JSX.Element {
  return <span class={`state state-${good ? 'on' : 'fault'}`}><Icon name={good ? 'stateOn' : 'stateFault'} /><span>{word}</span></span>;
}

function Service({ view, gone, clock }: { view: ServiceView; gone: number | undefined; clock: Clock }): JSX.Element {
  const { name, state, status } = view;
  const locale = language();
  const online = state === 'online';
  const restarts = status?.restarts ?? 0;
  return (
    <li class="health-row" data-test="service" data-service={name} data-state={state} data-restarts={restarts}>
      <span class="health-name">{serviceName(name)}</span>
      <Mark good={online} word={t(`ui.health.state.${state}`)} />
      <Facts>
        {online && status?.since !== undefined && <Fact>{t('ui.device.since', { time: timeOf(status.since, clock) })}</Fact>}
        {!online && gone !== undefined && <Fact bad>{t('ui.device.since', { time: timeOf(gone, clock) })}</Fact>}
        {status?.version !== undefined && <Fact>{t('ui.health.version', { version: status.version })}</Fact>}
        {online && status?.rss_bytes !== undefined && <Fact>{t('ui.health.memory_of', { size: showBytes(status.rss_bytes, locale) })}</Fact>}
        {online && status?.late_ms !== undefined && <Fact bad={view.late}>{lateText(status.late_ms, locale)}</Fact>}
      </Facts>
      {restarts > 0 && (
        <p class="health-note" data-test="restarts">
          {restarts === 1 ? t('ui.health.restart') : t('ui.health.restarts', { count: restarts })}
          {view.exit && ` ${t('ui.health.last_exit', { reason: exitText(view.exit) })}`}
        </p>
      )}
    </li>
  );
}

// Counted by the broker itself.
function BrokerFacts({ broker }: { broker: NonNullable<ServiceStatus['broker']> }): JSX.Element {
  const locale = language();
  const rate = (value: number): string => formatNumber(value, value < 10 ? 1 : 0, locale);
  return (
    <>
      {broker.clients !== null && <Fact>{t('ui.health.broker_clients', { count: broker.clients })}</Fact>}
      {broker.received_s !== null && broker.sent_s !== null
        && <Fact>{t('ui.health.broker_messages', { received: rate(broker.received_s), sent: rate(broker.sent_s) })}</Fact>}
      {broker.heap_bytes !== null && <Fact>{t('ui.health.memory_of', { size: showBytes(broker.heap_bytes, locale) })}</Fact>}
    </>
  );
}

interface ServicesProps { views: readonly ServiceView[]; gone: Memory['gone']; broker: ServiceStatus['broker']; online: boolean; clock: Clock }

function Services({ views, gone, broker, online, clock }: ServicesProps): JSX.Element {
  return (
    <section class="card health-card">
      <h2>{t('ui.health.services')}</h2>
      <ul>
        <li class="health-row" data-test="broker" data-state={online ? 'online' : 'offline'}>
          <span class="health-name">{t('ui.health.service.broker')}</span>
          <Mark good={online} word={t(online ? 'ui.health.state.online' : 'ui.health.state.offline')} />
          <Facts>{online && broker ? <BrokerFacts broker={broker} /> : <Fact>{t('ui.health.broker_why')}</Fact>}</Facts>
        </li>
        {views.map((view) => <Service key={view.name} view={view} gone={gone.get(view.name)} clock={clock} />)}
      </ul>
    </section>
  );
}

function Bus({ view }: { view: BusView }): JSX.Element {
  const { bus, status, state } = view;
  const locale = language();
  const ms = (value: number | null | undefined): string => (typeof value === 'number' ? showMs(value, locale) : '–');
  return (
    <li class="health-row" data-test="health-bus" data-bus={bus.id} data-state={state}>
      <span class="health-name">{bus.name}</span>
      <StateMark of="bus" state={state} />
      {state === 'on' && status && (
        <Facts>
          <Fact bad={view.loaded}>{t('ui.bus.load')} {typeof status.load_pct === 'number' ? `${formatNumber(status.load_pct, status.load_pct < 10 ? 1 : 0, locale)} %` : '–'}</Fact>
          <Fact>{t('ui.bus.cycle')} {ms(status.cycle_ms)}</Fact>
          <Fact bad={view.late}>{typeof status.late_ms === 'number' ? lateText(status.late_ms, locale) : '–'}</Fact>
        </Facts>
      )}
      {status && (state === 'on' || state === 'error') && (
        <Facts>
          <Fact>{t('ui.health.polls', { count: formatNumber(status.polls ?? 0, 0, locale) })}</Fact>
          <Fact>{t('ui.health.errors', { count: formatNumber(status.errors ?? 0, 0, locale) })}</Fact>
        </Facts>
      )}
      {(state === 'on' || state === 'error') && status?.reason && <p class="health-note health-note-warn">{reasonText(status.reason)}</p>}
    </li>
  );
}

function Buses({ views, devices }: { views: readonly BusView[]; devices: DevicesView }): JSX.Element {
  return (
    <section class="card health-card">
      <h2>{t('ui.health.buses')}</h2>
      {views.length === 0 && <p class="muted">{t('ui.health.no_bus')}</p>}
      <ul>{views.map((view) => <Bus key={view.bus.id} view={view} />)}</ul>
      {devices.total > 0 && (
        <p class="health-foot" data-test="failing" data-count={devices.failing}>
          <span>{t('ui.home.failing', { count: devices.failing, total: devices.total })}</span> <a href="#/installation">{t('page.installation')}</a>
        </p>
      )}
    </section>
  );
}

function Row({ name, value, bad, test }: { name: string; value: string; bad?: boolean; test?: string }): JSX.Element {
  return (
    <div class="health-pair" data-test={test} data-bad={bad === true}>
      <dt>{name}</dt><dd class={bad ? 'numbers fact-bad' : 'numbers'}>{bad && <Icon name="stateError" />}{value}</dd>
    </div>
  );
}

// The button of SYS-07; the recorder works on in the background and tells how far it is.
function Optimise({ last, clock }: { last: ServiceStatus['optimise']; clock: Clock }): JSX.Element {
  const [refused, setRefused] = useState<string | null>(null);
  const locale = language();
  const running = last?.state === 'running';
  const start = async (): Promise<void> => {
    const answer = await call('recorder', 'optimise', {});
    setRefused(answer.is === 'error' ? reasonText(answer.reason) : answer.is === 'lost' ? t('ui.app.no_answer') : null);
  };
  const size = (bytes: number | undefined): string => (bytes === undefined ? '–' : showBytes(bytes, locale));
  const text = !last ? null
    : running ? t('ui.health.optimising', { percent: last.percent })
      : last.state === 'done' ? t('ui.health.optimised', { time: last.at === undefined ? '–' : timeOf(last.at, clock), before: size(last.before_bytes), after: size(last.after_bytes) })
        : last.reason ? reasonText(last.reason) : t('ui.health.optimise_failed');
  return (
    <div class="health-optimise">
      <button type="button" class="button" disabled={running} onClick={() => void start()} data-test="optimise">{t('ui.health.optimise')}</button>
      {text !== null && <span role="status" data-test="optimised" data-state={last?.state} class={last?.state === 'failed' ? 'fact-bad' : 'muted'}>{text}</span>}
      {running && <progress max={100} value={last.percent} aria-label={t('ui.health.optimise')} />}
      {refused !== null && <span role="alert" class="fact-bad" data-test="optimise-refused">{refused}</span>}
    </div>
  );
}

// Of the backup that the recorder makes each night: when, or why not.
function AutomaticBackup({ backup, clock }: { backup: NonNullable<ServiceStatus['backup']>; clock: Clock }): JSX.Element {
  const made = backup.at === null ? t('ui.health.none_yet') : t('ui.health.backup_at', { time: timeOf(backup.at, clock), size: showBytes(backup.bytes, language()) });
  const failed = backup.state === 'failed';
  const value = backup.state === 'running' ? t('ui.health.backup_running') : failed ? `${t('ui.health.backup_failed')} (${made})` : made;
  return <Row name={t('ui.health.backup')} value={value} bad={failed} test="automatic-backup" />;
}

interface HistoryProps { history: HistoryView; recorder: ServiceStatus | undefined; clock: Clock }

function History({ history, recorder, clock }: HistoryProps): JSX.Element {
  const locale = language();
  const size = (bytes: number | null): string => (bytes === null ? '–' : showBytes(bytes, locale));
  const last = history.last === null || history.age === null ? t('ui.health.none_yet') : `${timeOf(history.last, clock)} (${ageOf(history.age)})`;
  return (
    <section class="card health-card" data-test="history">
      <h2>{t('ui.health.history')}</h2>
      {!history.known && <p class="muted">{t('ui.health.no_recorder')}</p>}
      <dl>
        {history.known && <Row name={t('ui.health.last_sample')} value={last} bad={history.late} test="last-sample" />}
        {history.known && <Row name={t('ui.health.interval')} value={`${history.intervalMin} min`} />}
        {history.clock !== null && <Row name={t('ui.health.clock')} value={t(`ui.health.clock.${history.clock}`)} bad={history.clock === 'untrusted'} test="clock" />}
        {history.known && <Row name={t('ui.health.database')} value={size(history.bytes)} test="database" />}
        <Row name={t('ui.health.free')} value={size(history.free)} bad={history.freeLow} test="free" />
        {history.known && recorder?.backup && <AutomaticBackup backup={recorder.backup} clock={clock} />}
      </dl>
      {history.known && recorder?.backup?.state === 'failed' && recorder.backup.reason && <p class="health-note health-note-warn">{reasonText(recorder.backup.reason)}</p>}
      {history.known && <Optimise last={recorder?.optimise} clock={clock} />}
    </section>
  );
}

function Machine({ machine, clock }: { machine: MachineView; clock: Clock }): JSX.Element {
  const locale = language();
  const of = (free: number | null, total: number | null): string =>
    (free === null || total === null ? '–' : t('ui.health.free_of', { free: showBytes(free, locale), total: showBytes(total, locale) }));
  const since = (at: string | null): string => (at === null ? '–' : timeOf(at, clock));
  return (
    <section class="card health-card" data-test="machine">
      <h2>{t('ui.health.machine')}</h2>
      <dl>
        <Row name={t('ui.health.machine_since')} value={since(machine.since)} test="machine-since" />
        <Row name={t('ui.health.software_since')} value={since(machine.softwareSince)} test="software-since" />
        <Row name={t('ui.health.cpu')} value={machine.cpuPct === null ? '–' : `${formatNumber(machine.cpuPct, 0, locale)} %`} bad={machine.cpuHigh} test="cpu" />
        <Row name={t('ui.health.memory')} value={of(machine.memoryFree, machine.memoryTotal)} test="memory" />
        <Row name={t('ui.health.disk')} value={of(machine.diskFree, machine.diskTotal)} test="disk" />
      </dl>
    </section>
  );
}

function Health(): JSX.Element {
  useEffect(() => want(TOPICS, 1), []);
  const services = useStore((state) => state.services);
  const buses = useStore((state) => state.buses);
  const busStatus = useStore((state) => state.busStatus);
  const devices = useStore((state) => state.devices);
  const deviceStatus = useStore((state) => state.deviceStatus);
  const clockOffset = useStore((state) => state.clockOffset);
  const zone = useStore((state) => state.site?.tz);
  const online = useStore((state) => state.link.is === 'online');
  const now = gatewayTime({ services, clockOffset }, useNow(), Date.now());
  const memory = useMemory(services, now);
  const clock = { now, zone };
  const health = healthOf({ services, buses, busStatus, devices, deviceStatus }, memory.last, now);
  return (
    <div class="health" data-test="health">
      <Overall health={health} online={online} clock={clock} />
      <div class={online ? 'health-cards' : 'health-cards faded'}>
        <Services views={health.services} gone={memory.gone} broker={services.get('config')?.broker} online={online} clock={clock} />
        <Buses views={health.buses} devices={health.devices} />
        <History history={health.history} recorder={services.get('recorder')} clock={clock} />
        <Machine machine={health.machine} clock={clock} />
      </div>
    </div>
  );
}

export default function ServerPage({ rest }: PageProps): JSX.Element {
  useLanguage();
  const part = rest === 'users' || rest === 'backup' || rest === 'ftp' ? rest : 'state';
  return (
    <main class="page" id="main" tabIndex={-1}>
      {part !== 'state' && <h1 class="hidden">{t(`ui.${part}.title`)}</h1>}
      <Tabs label={t('page.server')} current={part} tabs={[
        { id: 'state', href: '#/server', title: t('ui.server.state'), icon: 'pulse' },
        { id: 'users', href: '#/server/users', title: t('ui.users.title'), icon: 'user' },
        { id: 'backup', href: '#/server/backup', title: t('ui.backup.title'), icon: 'download' },
        { id: 'ftp', href: '#/server/ftp', title: t('ui.ftp.title'), icon: 'link' },
      ]} />
      {part === 'users' ? <UsersPage /> : part === 'backup' ? <BackupPage /> : part === 'ftp' ? <FtpPage /> : <Health />}
    </main>
  );
}
