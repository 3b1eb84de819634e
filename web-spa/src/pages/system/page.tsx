// System configuration (USR-02): buses and devices; circuits, zones and panels; costs; links between modules. On a phone the list, then the form.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, want } from '../../api/link';
import type { ConfigBus, ConfigDevice, ProfileList } from '../../generated/types';
import { reasonText, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Icon } from '../../ui/icon';
import { StateMark } from '../../ui/state_mark';
import { Tabs } from '../../ui/tabs';
import { busAddress, busState, deviceState, kindIcon } from '../installation/model';
import { Links } from '../links/page';
import type { PageProps } from '../registry';
import { Bus } from './bus_form';
import { CostEdit, CostList } from './costs';
import { Device } from './device_form';
import { byAddress, byName, hrefOf, readWhere, unitText, type DeviceForm, type Profile, type Where } from './model';
import { PlaceEdit, PlaceList, type PlacePage } from './places';
import { Undo } from './saving';
import { TableEdit, TableList } from './tables';
import '../../style/installation.css';
import '../../style/system.css';

const TOPICS = ['config/bus/+', 'config/device/+', 'config/panel/+', 'config/circuit/+', 'config/zone/+', 'config/tariff/+', 'config/cost_rule/+', 'config/profile/+', 'bus/+/status', 'device/+/status'];

function DeviceLine({ device, chosen }: { device: ConfigDevice; chosen: boolean }): JSX.Element {
  const status = useStore((state) => state.deviceStatus.get(device.id));
  const profile = useStore((state) => state.profiles.get(device.profile ?? ''));
  const reason = status?.reason && device.on !== false ? reasonText(status.reason) : null;
  return (
    <li>
      <a class={chosen ? 'line line-chosen' : 'line'} href={hrefOf('devices', device.id)} data-test="device-line" data-device={device.id}>
        <span class="line-icon"><Icon name={kindIcon(profile?.kind)} /></span>
        <span class="line-text">
          <span class="line-name"><bdi class="line-called">{device.name}</bdi></span>
          <span class="line-about muted">{[unitText(device), profile?.model ?? t('ui.system.device.no_model'), t('ui.system.id', { id: device.id })].join(' · ')}</span>
          {reason !== null && <span class="line-reason">{reason}</span>}
        </span>
        <StateMark of="device" state={deviceState(device, status)} short />
      </a>
    </li>
  );
}

function BusCard({ bus, where }: { bus: ConfigBus; where: Where }): JSX.Element {
  const status = useStore((state) => state.busStatus.get(bus.id));
  const all = useStore((state) => state.devices);
  const devices = [...all.values()].filter((one) => one.bus === bus.id).sort(byAddress);
  return (
    <section class="card group" data-test="bus-card" data-bus={bus.id}>
      <header class="group-head">
        <Icon name="bus" />
        <a class="group-text bus-link" href={hrefOf('buses', bus.id)} data-test="bus-link">
          <h2>{bus.name}</h2>
          <span class="muted numbers">{[busAddress(bus), t('ui.system.id', { id: bus.id })].join(' · ')}</span>
        </a>
        <StateMark of="bus" state={busState(bus, status)} />
        <a class="button quiet icon-only" href={hrefOf('devices', 'new', bus.id)} aria-label={t('ui.system.device.add')} title={t('ui.system.device.add')} data-test="add-device-here"><Icon name="add" /></a>
        {status?.reason && <p class="group-reason">{reasonText(status.reason)}</p>}
      </header>
      {devices.length > 0 ? <ul class="lines">{devices.map((one) => <DeviceLine key={one.id} device={one} chosen={where.tab === 'devices' && where.id === String(one.id)} />)}</ul>
        : <p class="group-empty muted">{t('ui.system.bus.empty')}</p>}
    </section>
  );
}

function BusList({ where }: { where: Where }): JSX.Element {
  const buses = useStore((state) => state.buses);
  return (
    <div class="list">
      <div class="part-row">
        <a class="button primary" href={hrefOf('buses', 'new')} data-test="add-bus"><Icon name="add" />{t('ui.system.bus.add')}</a>
        <Undo />
      </div>
      {[...buses.values()].sort(byName).map((bus) => <BusCard key={bus.id} bus={bus} where={where} />)}
    </div>
  );
}

// Every profile there is; null: not yet known. And how to ask anew.
function useProfiles(): [ProfileList | null, () => void] {
  const [list, setList] = useState<ProfileList | null>(null);
  const [turn, setTurn] = useState(0);
  const online = useStore((state) => state.link.is === 'online');
  useEffect(() => {
    if (online) void call<ProfileList>('config', 'profiles', {}).then((answer) => { if (answer.is === 'ok') setList(answer.value); });
  }, [online, turn]);
  return [list, () => setTurn((n) => n + 1)];
}

const Empty = ({ text }: { text: string }): JSX.Element => <div class="empty detail-empty"><Icon name="settings" /><p>{text}</p></div>;

function Detail({ where, list, onChanged }: { where: Where; list: ProfileList | null; onChanged: () => void }): JSX.Element {
  const profiles: readonly Profile[] | null = list?.profiles ?? null;
  const { tab, id, more } = where;
  const bus = useStore((state) => state.buses.get(Number(id)));
  const device = useStore((state) => state.devices.get(Number(id)));
  const place = useStore((state) => (tab === 'panels' ? state.panels : tab === 'circuits' ? state.circuits : state.zones).get(Number(id)));
  const fresh = id === 'new';
  const online = useStore((state) => state.link.is === 'online');
  if (!online && !bus && !device && !place) return <Empty text={t('ui.app.loading')} />;
  if (id === '') return <Empty text={t('ui.system.choose_left')} />;
  if (tab === 'tables') return list === null ? <Empty text={t('ui.app.loading')} /> : <TableEdit where={where} list={list} onChanged={onChanged} gone={<Empty text={t('ui.system.gone')} />} />;
  if (tab === 'costs') return <CostEdit where={where} gone={<Empty text={t('ui.system.gone')} />} />;
  if (tab === 'buses' && (fresh || bus)) return <Bus key={`bus-${id}`} bus={fresh ? null : bus!} />;
  if (tab === 'devices' && (fresh || device)) {
    if (profiles === null) return <Empty text={t('ui.app.loading')} />;
    const [onBus = '', unit = '', profile = '', side = ''] = more;
    const preset: Partial<DeviceForm> = { bus: onBus, address: unit, profile, side };
    return <Device key={`device-${id}-${more.join('-')}`} device={fresh ? null : device!} preset={preset} profiles={profiles} />;
  }
  if (tab !== 'buses' && tab !== 'devices' && (fresh || place)) return <PlaceEdit key={`${tab}-${id}`} page={tab as PlacePage} place={fresh ? null : place!} />;
  return <Empty text={t('ui.system.gone')} />;
}

const Frame = ({ chosen, list, children }: { chosen: boolean; list: JSX.Element; children: ComponentChildren }): JSX.Element => (
  <div class={chosen ? 'system system-chosen' : 'system'}>
    <div class="system-list">{list}</div>
    <div class="detail">{children}</div>
  </div>
);

export default function SystemPage({ rest }: PageProps): JSX.Element {
  const where = readWhere(rest);
  const [list, refresh] = useProfiles();
  useEffect(() => want(TOPICS, 1), []);
  useEffect(() => window.scrollTo(0, 0), [where.tab, where.id]); // what was chosen is read from its top
  const tab = where.tab === 'devices' ? 'buses' : where.tab;
  const page = (['panels', 'circuits', 'zones'] as const).find((one) => one === tab);
  return (
    <main class="page" id="main" tabIndex={-1} data-test="system">
      {where.id === '' && <h1 class="hidden">{t('page.system')}</h1>}
      <Tabs label={t('page.system')} current={tab === 'costs' || tab === 'links' || tab === 'tables' ? tab : page ?? 'buses'} tabs={[
        { id: 'buses', href: hrefOf('buses'), title: t('ui.system.buses'), icon: 'bus' },
        { id: 'circuits', href: hrefOf('circuits'), title: t('ui.system.circuits'), icon: 'bolt' },
        { id: 'zones', href: hrefOf('zones'), title: t('ui.system.zones_tab'), icon: 'home' },
        { id: 'panels', href: hrefOf('panels'), title: t('ui.system.panels'), icon: 'panel' },
        { id: 'costs', href: hrefOf('costs'), title: t('ui.costs.title'), icon: 'tag' },
        { id: 'links', href: hrefOf('links'), title: t('ui.links.title'), icon: 'link' },
        { id: 'tables', href: hrefOf('tables'), title: t('ui.tables.title'), icon: 'meter' },
      ]} />
      {tab === 'links' ? <Links /> : <Frame chosen={where.id !== ''} list={tab === 'costs' ? <CostList chosen={where.id} /> : tab === 'tables' ? <TableList profiles={list?.profiles ?? null} chosen={where.id} /> : page ? <PlaceList page={page} chosen={where.id} /> : <BusList where={where} />}>
        <Detail where={where} list={list} onChanged={refresh} />
      </Frame>}
    </main>
  );
}
