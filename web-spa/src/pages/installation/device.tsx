// One device: what it is, how it is, what it measures.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { ConfigDevice } from '../../generated/types';
import { flowing } from '../../format/freshness';
import { quantity } from '../../format/quantity';
import { showTime } from '../../format/time';
import { reasonText, t, useLanguage, type MessageKey } from '../../i18n/i18n';
import { want } from '../../api/link';
import { useStore } from '../../store/store';
import { Icon } from '../../ui/icon';
import { StateMark, type StateName } from '../../ui/state_mark';
import { Blocks, fullName } from './blocks';
import { ChargeBlock, StateBlock } from './charge';
import { Commands } from './commands';
import { useJudge } from './judge';
import { Maintenance } from './maintenance';
import { addressOf, answering, deviceState, kindIcon } from './model';

export function Facts({ device }: { device: ConfigDevice }): JSX.Element {
  const bus = useStore((state) => state.buses.get(device.bus));
  const profile = useStore((state) => state.profiles.get(device.profile ?? ''));
  const fact = (label: MessageKey, value: string | undefined): JSX.Element | null =>
    value ? <div class="fact-pair"><dt>{t(label)}</dt><dd class="numbers">{value}</dd></div> : null;
  return (
    <dl class="facts">
      {fact('ui.device.family', profile?.family)}
      {fact('ui.device.model', profile?.model)}
      {fact('ui.device.bus', bus?.name)}
      {fact('ui.device.address', addressOf(device))}
      {fact('ui.device.id', String(device.id))}
      {fact('ui.device.confidence', profile?.confidence && t(`ui.device.confidence.${profile.confidence}`))}
    </dl>
  );
}

export function Status({ device, state }: { device: ConfigDevice; state: StateName }): JSX.Element {
  const status = useStore((all) => all.deviceStatus.get(device.id));
  const tz = useStore((all) => all.site?.tz);
  const flows = useStore(flowing);
  const locale = useLanguage();
  const since = status && showTime(status.since, locale, tz, new Date());
  return (
    <div class={flows ? `status status-${state}` : `status status-${state} faded`} data-test="status" data-state={state}>
      <StateMark of="device" state={state} />
      {since && <span class="muted numbers">{t('ui.device.since', { time: since })}</span>}
      {status?.reason && <p class="status-reason" data-test="reason">{reasonText(status.reason)}</p>}
      {!!status?.refused?.length && (
        <p class="muted" data-test="refused">{t('ui.device.refused', { names: status.refused.map((name) => fullName(quantity(name))).join(', ') })}</p>
      )}
      {state === 'off' && !status?.reason && <p class="status-reason">{t('ui.device.off_why')}</p>}
      {state === 'unconfigured' && !status?.reason && <p class="status-reason">{t('ui.device.unconfigured_why')}</p>}
    </div>
  );
}

function Live({ device, state }: { device: ConfigDevice; state: StateName }): JSX.Element {
  const measures = useStore((all) => all.measures.get(device.id));
  const charge = useStore((all) => all.charges.get(device.id));
  const inputs = useStore((all) => all.deviceStates.get(device.id));
  const said = useStore((all) => all.deviceStatus.get(device.id)?.reason?.code);
  const by = useJudge(device.id, answering(state));
  if (!measures && !charge && !inputs) return <p class="muted empty">{t('ui.device.no_measures')}</p>;
  return (
    <>
      {charge && <ChargeBlock charge={charge} by={by} said={said} />}
      {inputs && <StateBlock state={inputs} device={device} by={by} />}
      {measures && <Blocks measures={measures} by={by} leads={!charge} />}
    </>
  );
}

export function Device({ id }: { id: number }): JSX.Element {
  const device = useStore((state) => state.devices.get(id));
  const status = useStore((state) => state.deviceStatus.get(id));
  const profile = useStore((state) => state.profiles.get(device?.profile ?? ''));
  const known = useStore((state) => state.link.is === 'online');
  const title = useRef<HTMLHeadingElement>(null);
  useEffect(() => want([`device/${id}/measures/+`], 0), [id]);
  useEffect(() => title.current?.focus({ preventScroll: true }), [id, device === undefined]);
  if (!device) return <p class="muted empty">{t(known ? 'ui.installation.gone' : 'ui.installation.waiting')}</p>;
  const state = deviceState(device, status);
  return (
    <article class="device" data-test="device-page" data-device={id}>
      <a class="button quiet back" href="#/installation" data-test="back"><Icon name="back" />{t('ui.app.back')}</a>
      <header class="device-head">
        <span class="device-icon"><Icon name={kindIcon(profile?.kind)} /></span>
        <h1 tabIndex={-1} ref={title}>{device.name}</h1>
      </header>
      <Status device={device} state={state} />
      {state !== 'off' && state !== 'unconfigured' && <Live device={device} state={state} />}
      {state !== 'off' && state !== 'unconfigured' && <Commands device={device} />}
      {profile?.kind === 'station' && <Maintenance device={device} />}
      <Facts device={device} />
    </article>
  );
}
