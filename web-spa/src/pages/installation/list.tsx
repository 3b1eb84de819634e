// The list of devices, by bus, by panel or all. Each line watches its own slice of the store.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { flowing } from '../../format/freshness';
import { formatNumber } from '../../format/number';
import { quantity } from '../../format/quantity';
import { reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import type { ConfigBus, ConfigDevice, ConfigProfile } from '../../generated/types';
import { Icon } from '../../ui/icon';
import { BreakerMark, StateMark, stateWord } from '../../ui/state_mark';
import { chargeWord, readingOf } from './charge';
import { LinkMark } from '../links/mark';
import { linkedDevices } from '../links/model';
import { useJudge } from './judge';
import { CHARGE_GROUP, addressOf, answering, arrange, busAddress, busState, deviceState, functionsOf, headline, kindIcon, type Arrangement, type Group } from './model';
import { Value, judge, useScale, type Judge } from './value';

function BusHead({ bus }: { bus: ConfigBus }): JSX.Element {
  const status = useStore((state) => state.busStatus.get(bus.id));
  const flows = useStore(flowing);
  const locale = useLanguage();
  const figure = (value: number | null | undefined, unit: string): string | null =>
    typeof value === 'number' ? `${formatNumber(value, value < 10 ? 1 : 0, locale)} ${unit}` : null;
  const load = figure(status?.load_pct, '%');
  const cycle = figure(status?.cycle_ms, 'ms');
  return (
    <header class="group-head" data-test="bus" data-bus={bus.id}>
      <Icon name="bus" />
      <span class="group-text">
        <h2>{bus.name}</h2>
        <span class="fact-line"><span class="muted numbers">
          {busAddress(bus) !== '' && <span class="fact">{busAddress(bus)}</span>}
          {status?.state === 'on' && load !== null && <span class="fact">{t('ui.bus.load')} {load}</span>}
          {status?.state === 'on' && cycle !== null && <span class="fact">{t('ui.bus.cycle')} {cycle}</span>}
        </span></span>
      </span>
      <span class={flows ? undefined : 'faded'}><StateMark of="bus" state={busState(bus, status)} /></span>
      {status?.reason && <p class="group-reason" data-test="reason">{reasonText(status.reason)}</p>}
    </header>
  );
}

// The one number of a line: power (a charge point tells its own), else a counter.
function Headline({ id, by }: { id: number; by: Judge }): JSX.Element | null {
  const measures = useStore((state) => state.measures.get(id));
  const charge = useStore((state) => state.charges.get(id));
  const power = charge ? readingOf(charge, charge.power) : undefined;
  const lead = power ? null : headline(measures);
  const reading = power ?? lead?.reading;
  const scale = useScale(lead ? quantity(lead.name).measure : 'power_w', [reading]);
  return reading ? <span class="line-value"><Value reading={reading} scale={scale} by={by} name={lead?.name ?? 'power'} unit /></span> : null;
}

// What a charge point is doing.
function ChargeWord({ id, by }: { id: number; by: Judge }): JSX.Element | null {
  const charge = useStore((state) => state.charges.get(id));
  if (!charge) return null;
  const fresh = judge({ value: 0, upMs: charge.up_ms, group: CHARGE_GROUP }, by);
  return <span class={`fact line-charge value-${fresh}`} data-fresh={fresh}>{chargeWord(charge.state)}</span>;
}

// Open, closed or tripped, of a device that protects something.
function Breaker({ id }: { id: number }): JSX.Element | null {
  const breaker = useStore((state) => state.deviceStates.get(id)?.breaker);
  return breaker ? <BreakerMark is={breaker} short /> : null;
}

const FUNCTIONS = [['measure', 'measures'], ['state', 'tells'], ['command', 'obeys']] as const;

// What it does, behind its name: measures, tells a state, takes commands.
function FunctionMarks({ profile }: { profile: ConfigProfile | undefined }): JSX.Element {
  const functions = functionsOf(profile);
  return (
    <span class="functions">
      {FUNCTIONS.filter(([name]) => functions[name]).map(([name, icon]) => (
        <span key={name} title={t(`ui.function.${name}`)} data-function={name}><Icon name={icon} /><span class="hidden">{t(`ui.function.${name}`)}</span></span>
      ))}
    </span>
  );
}

interface LineProps { device: ConfigDevice; chosen: boolean; showBus: boolean; linked: boolean }

function Line({ device, chosen, showBus, linked }: LineProps): JSX.Element {
  const status = useStore((state) => state.deviceStatus.get(device.id));
  const profile = useStore((state) => state.profiles.get(device.profile ?? ''));
  const bus = useStore((state) => state.buses.get(device.bus));
  const state = deviceState(device, status);
  const by = useJudge(device.id, answering(state));
  const read = state !== 'off' && state !== 'unconfigured';
  const where = [showBus ? bus?.name : undefined, addressOf(device)].filter((one) => one !== undefined && one !== '').join(' · ');
  return (
    <li>
      <a class={chosen ? 'line line-chosen' : 'line'} href={`#/installation/${device.id}`} aria-current={chosen ? 'true' : undefined}
        data-test="device" data-device={device.id} data-state={state}>
        <span class="line-icon"><Icon name={kindIcon(profile?.kind)} /></span>
        <span class="line-text">
          <span class="line-name"><bdi class="line-called">{device.name}</bdi>{read && <Breaker id={device.id} />}<FunctionMarks profile={profile} />{linked && <LinkMark />}</span>
          <span class="muted line-about">
            {state !== 'on' && <span class={`fact line-word state-${state}`}>{stateWord('device', state)}</span>}
            {read && <ChargeWord id={device.id} by={by} />}
            {where !== '' && <span class="fact numbers">{where}</span>}
            {profile?.model && <span class="fact">{profile.model}</span>}
          </span>
        </span>
        {read && <Headline id={device.id} by={by} />}
        <span class={by.flows ? 'line-state' : 'line-state faded'}><StateMark of="device" state={state} short /></span>
      </a>
    </li>
  );
}

function GroupHead({ group }: { group: Group }): JSX.Element | null {
  if (group.bus) return <BusHead bus={group.bus} />;
  if (group.kind === 'all') return null;
  const name = group.panel?.name ?? t(group.kind === 'no_bus' ? 'ui.installation.no_bus' : 'ui.installation.no_panel');
  return (
    <header class="group-head" data-test="panel">
      <Icon name="panel" />
      <span class="group-text"><h2>{name}</h2>{group.panel?.place && <span class="muted">{group.panel.place}</span>}</span>
    </header>
  );
}

const ARRANGEMENTS = [['bus', 'ui.installation.by_bus'], ['panel', 'ui.installation.by_panel'], ['all', 'ui.installation.all']] as const;

export function DeviceList({ chosen }: { chosen: number | null }): JSX.Element {
  const [arrangement, setArrangement] = useState<Arrangement>('bus');
  const [search, setSearch] = useState('');
  const buses = useStore((state) => state.buses);
  const devices = useStore((state) => state.devices);
  const panels = useStore((state) => state.panels);
  const profiles = useStore((state) => state.profiles);
  const online = useStore((state) => state.link.is === 'online');
  const links = useStore((state) => state.links);
  const linked = useMemo(() => linkedDevices(links, devices), [links, devices]);
  const groups = useMemo(() => arrange({ buses, devices, panels, profiles }, arrangement, search),
    [buses, devices, panels, profiles, arrangement, search]);
  return (
    <div class="list" data-test="list">
      <div class="list-tools">
        <div class="choice" role="group" aria-label={t('ui.installation.view')}>
          {ARRANGEMENTS.map(([value, label]) => (
            <button type="button" key={value} aria-pressed={arrangement === value} onClick={() => setArrangement(value)} data-test={`arrange-${value}`}>{t(label)}</button>
          ))}
        </div>
        <label class="search">
          <Icon name="search" />
          <span class="hidden">{t('ui.installation.search')}</span>
          <input type="search" class="input" placeholder={t('ui.installation.search')} value={search} onInput={(event) => setSearch(event.currentTarget.value)} data-test="search" />
        </label>
      </div>
      {groups.map((group) => (
        <section key={group.key} class="card group" data-test="group">
          <GroupHead group={group} />
          {group.devices.length === 0
            ? <p class="muted group-empty">{t('ui.installation.no_devices')}</p>
            : (
              <ul class="lines">
                {group.devices.map((device) => (
                  <Line key={device.id} device={device} chosen={device.id === chosen} showBus={arrangement !== 'bus'} linked={linked.has(device.id)} />
                ))}
              </ul>
            )}
        </section>
      ))}
      {groups.length === 0 && <Nothing search={search} online={online} />}
    </div>
  );
}

function Nothing({ search, online }: { search: string; online: boolean }): JSX.Element {
  if (search.trim() !== '') return <p class="muted empty">{t('ui.installation.none_found', { text: search.trim() })}</p>;
  if (!online) return <p class="muted empty">{t('ui.installation.waiting')}</p>;
  return <div class="empty"><Icon name="device" /><h2>{t('ui.installation.empty')}</h2><p>{t('ui.installation.empty_why')}</p></div>;
}
