// The link function (LNK-01): which EMS module acts on an event of which other. Read only: links are programmed with the
// modules' own software.
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { want } from '../../api/link';
import type { ConfigDevice } from '../../generated/types';
import { t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { StateMark } from '../../ui/state_mark';
import { deviceState, kindIcon } from '../installation/model';
import { inError, picture, placeOf, type End, type Row } from './model';
import '../../style/links.css';

const TOPICS = ['config/bus/+', 'config/device/+', 'config/profile/+', 'device/+/status', 'device/+/links'];

function Module({ device }: { device: ConfigDevice }): JSX.Element {
  const status = useStore((state) => state.deviceStatus.get(device.id));
  const profile = useStore((state) => state.profiles.get(device.profile ?? ''));
  const buses = useStore((state) => state.buses);
  return (
    <span class="pair-module" data-device={device.id}>
      <span class="line-icon"><Icon name={kindIcon(profile?.kind)} /></span>
      <span class="line-text">
        <span class="line-name">{device.name}</span>
        <span class="muted numbers line-about">{[profile?.model, placeOf(device, buses)].filter(Boolean).join(' · ')}</span>
      </span>
      <StateMark of="device" state={deviceState(device, status)} short />
    </span>
  );
}

function Absent({ text }: { text: string }): JSX.Element {
  return <span class="pair-module pair-absent"><span class="line-icon"><Icon name="stateUnknown" /></span><span class="line-text">{text}</span></span>;
}

function EndOf({ end }: { end: End }): JSX.Element {
  const bus = useStore((state) => (end.is === 'missing' ? state.buses.get(end.bus)?.name ?? '' : ''));
  if (end.is === 'device') return <Module device={end.device} />;
  if (end.is === 'unknown') return <Absent text={t('ui.links.unknown')} />;
  return <Absent text={t('ui.links.missing', { address: end.address, bus })} />;
}

function Link({ row }: { row: Row }): JSX.Element {
  const bad = inError(row);
  return (
    <li class="pair" data-test="module-link" data-bad={bad}>
      <EndOf end={row.event} />
      <span class="pair-arrow">
        <Icon name="next" />
        {bad && <span class="pair-error" title={t('ui.links.in_error')} data-test="link-error"><Icon name="stateError" /><span class="hidden">{t('ui.links.in_error')}</span></span>}
      </span>
      <EndOf end={row.action} />
      {(row.error ?? 0) !== 0 && <p class="pair-why">{t('ui.links.error', { error: String(row.error) })}</p>}
    </li>
  );
}

function Modules({ devices, title, why, test }: { devices: readonly ConfigDevice[]; title: string; why: string; test: string }): JSX.Element | null {
  if (devices.length === 0) return null;
  return (
    <section class="card group" data-test={test}>
      <header class="group-head"><Icon name="info" /><span class="group-text"><h2>{title}</h2><span class="muted">{why}</span></span></header>
      <ul class="lines">{devices.map((one) => <li key={one.id} class="pair-alone" data-test={`${test}-module`}><Module device={one} /></li>)}</ul>
    </section>
  );
}

export function Links(): JSX.Element {
  useEffect(() => want(TOPICS, 1), []);
  const buses = useStore((state) => state.buses);
  const devices = useStore((state) => state.devices);
  const profiles = useStore((state) => state.profiles);
  const links = useStore((state) => state.links);
  const online = useStore((state) => state.link.is === 'online');
  const all = useMemo(() => picture({ buses, devices, profiles }, links), [buses, devices, profiles, links]);
  if (!online && all.modules === 0) return <p class="muted empty">{t('ui.app.loading')}</p>;
  if (all.modules === 0) {
    return <div class="empty" data-test="links-no-modules"><Icon name="link" /><h2>{t('ui.links.no_modules')}</h2><p>{t('ui.links.no_modules_why')}</p></div>;
  }
  const readable = all.modules > all.unreadable.length;
  return (
    <div class="links" data-test="links">
      <Notice tone="neutral">{t('ui.links.why')}</Notice>
      {readable && (
        <section class="card group">
          <header class="pair-heads"><h2>{t('ui.links.events')}</h2><h2>{t('ui.links.actions')}</h2></header>
          {all.rows.length > 0
            ? <ul class="pair-list">{all.rows.map((row) => <Link key={row.key} row={row} />)}</ul>
            : <p class="muted group-empty" data-test="links-none">{t(all.waiting.length > 0 ? 'ui.links.waiting' : 'ui.links.none')}</p>}
        </section>
      )}
      <Modules devices={all.waiting} title={t('ui.links.waiting_title')} why={t('ui.links.waiting')} test="links-waiting" />
      <Modules devices={all.unreadable} title={t('ui.links.not_readable')} why={t('ui.links.not_readable_why')} test="links-unreadable" />
    </div>
  );
}
