// Maintenance of a charge point (VIEW-01): its errors, whether and how it is held to a limit, a ceiling. Comes only with the
// Green'Up page (USR-02).
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { order, want } from '../../api/link';
import type { Charge, ConfigDevice } from '../../generated/types';
import { formatNumber, readNumber } from '../../format/number';
import { reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { NumberField } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { useTime } from '../../ui/time';
import { EndedNote, OnOff, useCommand } from './commands';

const Line = ({ label, children, test }: { label: string; children: ComponentChildren; test?: string }): JSX.Element => (
  <div class="health-pair" data-test={test}><dt>{label}</dt><dd>{children}</dd></div>
);

function Ceiling({ id }: { id: number }): JSX.Element {
  const station = useStore((state) => state.greenup?.stations.find((one) => one.id === id));
  const locale = useLanguage();
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const cap = station?.cap_a ?? null;
  const send = async (value: number | null): Promise<void> => {
    const sent = await order(id, { cap_a: value });
    setProblem(sent ? null : t('ui.app.no_answer'));
    if (sent) setText('');
  };
  const submit = (): void => {
    const value = readNumber(text);
    if (value === null || value < 0) setProblem(t('ui.greenup.problem.number'));
    else void send(value);
  };
  return (
    <form class="ceiling" noValidate onSubmit={(event) => { event.preventDefault(); submit(); }}>
      <NumberField label={t('ui.maintenance.cap')} hint={cap === null ? t('ui.maintenance.cap_why') : t('ui.maintenance.cap_now', { cap: formatNumber(cap, 1, locale) })} unit="A" value={text} onChange={setText} error={problem} test="cap" />
      <span class="ceiling-acts">
        <button type="submit" class="button primary" disabled={text.trim() === ''} data-test="cap-set">{t('ui.maintenance.set')}</button>
        <button type="button" class="button" disabled={cap === null} onClick={() => void send(null)} data-test="cap-remove">{t('ui.maintenance.remove')}</button>
      </span>
    </form>
  );
}

type Switch = 'plug' | 'socket';
const useCharge = (id: number): Charge | undefined => useStore((state) => state.charges.get(id));

// What is known of it: what the station says; else what it was last told, which is not the same.
function known(charge: Charge | undefined, which: Switch, time: (at: string) => string): string {
  const now = charge?.[which];
  const told = charge?.told?.[which];
  if (typeof now === 'boolean') return t(now ? 'ui.state.on' : 'ui.state.off');
  if (now === null) return t('ui.value.none');
  return told ? t('ui.maintenance.told', { state: t(told.on ? 'ui.state.on' : 'ui.state.off'), time: time(told.ts) }) : t('ui.maintenance.plug_unknown');
}

// The EV plug and the domestic socket, of stations whose profile says how they are switched, or where they are read.
function Plugs({ device }: { device: ConfigDevice }): JSX.Element | null {
  const commands = useStore((state) => state.profiles.get(device.profile ?? '')?.commands);
  const charge = useCharge(device.id);
  const time = useTime();
  const { ended, send } = useCommand(device.id);
  const there = (['plug', 'socket'] as const).filter((one) => commands?.includes(one) || charge?.[one] !== undefined);
  if (there.length === 0) return null;
  return (
    <ul class="outputs">
      {there.map((one) => (
        <li class="output" key={one} data-test={one} data-now={String(charge?.[one] ?? 'unknown')}>
          <span class="output-name"><strong>{t(`ui.maintenance.${one}`)}</strong><span class="muted">{known(charge, one, time)}</span></span>
          {commands?.includes(one) && <OnOff label={t(`ui.maintenance.${one}`)} now={charge?.[one]} busy={ended.is === 'busy'} send={(on) => send({ [one]: on })} test={one} />}
        </li>
      ))}
      <li><EndedNote ended={ended} /></li>
    </ul>
  );
}

function Inside({ device }: { device: ConfigDevice }): JSX.Element {
  const charge = useCharge(device.id);
  const status = useStore((state) => state.deviceStatus.get(device.id));
  const locale = useLanguage();
  useEffect(() => want(['greenup/status'], 1), []);
  const limit = charge?.lease?.limit_a;
  const lease = charge?.lease?.state ?? 'none';
  const watchdog = charge?.watchdog;
  const errors = charge?.errors ?? [];
  return (
    <section class="card block" data-test="maintenance">
      <header class="block-head"><h2>{t('ui.maintenance.title')}</h2></header>
      <dl>
        <Line label={t('ui.maintenance.station_error')} test="station-error">{status?.reason ? <><Icon name="stateFault" />{reasonText(status.reason)}</> : t('ui.maintenance.none')}</Line>
        <Line label={t('ui.maintenance.charge_error')} test="charge-error">{errors.length > 0 ? errors.map((one) => <span key={one.code}>{reasonText(one)}</span>) : t('ui.maintenance.none')}</Line>
        {charge?.writable !== undefined && <Line label={t('ui.maintenance.limit')}>{charge.writable ? t('ui.maintenance.limit_yes') : charge.not_writable ? reasonText(charge.not_writable) : t('ui.maintenance.limit_no')}</Line>}
        {charge?.released !== undefined && <Line label={t('ui.maintenance.released')} test="released">{charge.released === null ? t('ui.value.none') : t(charge.released ? 'ui.maintenance.limit_yes' : 'ui.maintenance.limit_no')}</Line>}
        {charge?.lease && <Line label={t('ui.maintenance.lease')} test="lease">{t(`ui.maintenance.lease.${lease}`, { limit: limit == null ? '–' : formatNumber(limit, 1, locale) })}</Line>}
        {watchdog && (
          <Line label={t('ui.greenup.watchdog')}>
            {t(`ui.greenup.watchdog.${watchdog.state}`)}
            {watchdog.state === 'verified' && watchdog.fallback_a !== undefined && `: ${t('ui.maintenance.watchdog_when', { fallback: formatNumber(watchdog.fallback_a, 1, locale), seconds: watchdog.timeout_s ?? 0 })}`}
          </Line>
        )}
      </dl>
      <Plugs device={device} />
      <Ceiling id={device.id} />
    </section>
  );
}

export function Maintenance({ device }: { device: ConfigDevice }): JSX.Element | null {
  const allowed = useStore((state) => state.visit.at === 'inside' && state.visit.session.pages.includes('greenup'));
  return allowed ? <Inside device={device} /> : null;
}
