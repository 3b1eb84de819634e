// Details: the bands, and one charge point: the point itself, its charge, what is known of it (manual 8.3.1).
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ChargeSession } from '../../generated/types';
import type { GreenupStation } from '../../generated/types/greenup_status';
import { formatNumber } from '../../format/number';
import { reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { Tabs } from '../../ui/tabs';
import { useTime } from '../../ui/time';
import { ChargeBlock } from '../installation/charge';
import { Facts, Status } from '../installation/device';
import { useJudge } from '../installation/judge';
import { answering, deviceState } from '../installation/model';
import type { Live } from './live';
import { filterPoints, largestCurrent, type Point } from './model';
import { Overview, Troubles } from './overview';
import { PointFilter } from './point_filter';
import { Guarantee, Limit, Marks, StationIcon, stationWord } from './station';

const PARTS = ['station', 'charge', 'info'] as const;
type Part = (typeof PARTS)[number];
export const readPart = (text: string | undefined): Part => PARTS.find((one) => one === text) ?? 'station';

function Line({ point, chosen, part }: { point: Point; chosen: boolean; part: Part }): JSX.Element {
  const { station } = point;
  const locale = useLanguage();
  const now = station && (station.state === 'charge' || station.state === 'idle') ? largestCurrent(station) : null;
  return (
    <li>
      <a class={chosen ? 'line line-chosen' : 'line'} href={`#/greenup/details/${point.id}/${part}`} aria-current={chosen ? 'true' : undefined} data-test="point" data-device={point.id} data-state={station?.state ?? 'unknown'}>
        <StationIcon station={station} />
        <span class="line-text">
          <span class="line-name"><bdi class="line-called">{point.name}</bdi></span>
          <span class="muted line-why">{station && station.state !== 'free' ? reasonText(station.reason) : stationWord(station)}</span>
        </span>
        <span class="line-now numbers">
          {station?.priority && <Icon name="priority" class="priority-star" />}
          {now !== null && <><strong>{formatNumber(now, 1, locale)}</strong> <span class="unit">A</span></>}
        </span>
        <Icon name="next" class="tile-next" />
      </a>
    </li>
  );
}

const Pair = ({ label, children }: { label: string; children: ComponentChildren }): JSX.Element => (
  <div class="health-pair"><dt>{label}</dt><dd class="numbers">{children}</dd></div>
);

function StationPart({ point, station, fresh }: { point: Point; station: GreenupStation; fresh: boolean }): JSX.Element {
  const locale = useLanguage();
  const status = useStore((state) => state.deviceStatus.get(point.id));
  const phase = (value: number | null): string => (value === null ? '–' : formatNumber(value, 1, locale));
  return (
    <section class="card block">
      {point.device && <Status device={point.device} state={deviceState(point.device, status)} />}
      <Limit station={station} fresh={fresh} />
      <dl>
        <Pair label={t('ui.greenup.currents')}>{station.current_a.map((value, i) => <span key={i} class="phase-value"><span class="muted">L{i + 1}</span> {phase(value)}</span>)} <span class="unit">A</span></Pair>
        <Pair label={t('ui.greenup.level')}>{t(`ui.greenup.level.${station.level as 0 | 1 | 2 | 3}`)}</Pair>
        {station.cap_a != null && <Pair label={t('ui.greenup.cap')}>{formatNumber(station.cap_a, 1, locale)} <span class="unit">A</span></Pair>}
        <Pair label={t('ui.greenup.priority_of')}>{t(station.priority ? 'ui.greenup.priority' : 'ui.greenup.normal')}{station.priority !== station.priority_default && ` (${t('ui.greenup.this_charge')})`}</Pair>
        <Pair label={t('ui.greenup.watchdog')}>{t(`ui.greenup.watchdog.${station.watchdog}`)}</Pair>
      </dl>
    </section>
  );
}

function SessionFacts({ session, station }: { session: ChargeSession; station: GreenupStation | undefined }): JSX.Element {
  const locale = useLanguage();
  const time = useTime();
  return (
    <section class="card block" data-test="session">
      <header class="block-head"><h2>{t(session.ended === null ? 'ui.greenup.session' : 'ui.greenup.session_last')}</h2></header>
      <dl>
        <Pair label={t('ui.greenup.plugged')}>{time(session.plugged_at)}</Pair>
        <Pair label={t('ui.greenup.started')}>{time(session.started)}</Pair>
        {session.ended !== null && <Pair label={t('ui.greenup.ended')}>{time(session.ended)}</Pair>}
        <Pair label={t('ui.greenup.energy')}>{session.wh === null ? '–' : formatNumber(session.wh / 1000, 2, locale)} <span class="unit">kWh</span></Pair>
        <Pair label={t('ui.greenup.ah')}>{formatNumber(session.ah, 1, locale)} <span class="unit">Ah</span></Pair>
        <Pair label={t('ui.greenup.peak')}>{formatNumber(session.peak_a, 1, locale)} <span class="unit">A</span></Pair>
      </dl>
      {station && <Guarantee station={station} />}
      <h3 class="block-sub">{t('ui.greenup.interruptions')}</h3>
      {session.interruptions.length === 0 && <p class="muted">{t('ui.greenup.no_interruptions')}</p>}
      <ul class="events">
        {session.interruptions.map((one) => (
          <li key={one.at}><span class="muted numbers">{time(one.at)} – {one.until === null ? t('ui.greenup.going_on') : time(one.until)}</span><span>{reasonText(one.reason)}</span></li>
        ))}
      </ul>
    </section>
  );
}

function ChargePart({ point }: { point: Point }): JSX.Element {
  const session = useStore((state) => state.sessions.get(point.id));
  const charge = useStore((state) => state.charges.get(point.id));
  const status = useStore((state) => state.deviceStatus.get(point.id));
  const by = useJudge(point.id, answering(deviceState(point.device, status)));
  return (
    <>
      {charge && <ChargeBlock charge={charge} by={by} said={status?.reason?.code} />}
      {session ? <SessionFacts session={session} station={point.station} /> : <p class="muted empty">{t('ui.greenup.no_session')}</p>}
    </>
  );
}

function InfoPart({ point }: { point: Point }): JSX.Element {
  const locale = useLanguage();
  const time = useTime();
  const { station } = point;
  return (
    <section class="card block">
      <dl>
        {station && <Pair label={t('ui.charge.rated')}>{formatNumber(station.rated_a, 0, locale)} <span class="unit">A</span></Pair>}
        {station && <Pair label={t('ui.greenup.watchdog')}>{t(`ui.greenup.watchdog.${station.watchdog}`)}</Pair>}
        {station && <Pair label={t('ui.greenup.guaranteed')}>{formatNumber(station.guaranteed_ah, 0, locale)} <span class="unit">Ah</span></Pair>}
      </dl>
      {station && station.watchdog !== 'verified' && <Notice tone="warn">{t('ui.greenup.watchdog.why')}</Notice>}
      {(station?.accepted ?? []).length > 0 && <h3 class="block-sub">{t('ui.greenup.accepted')}</h3>}
      <ul class="events" data-test="accepted">
        {(station?.accepted ?? []).map((one) => (
          <li key={one.code}>
            <span class="muted numbers">{t('ui.greenup.accepted_by', { account: one.account, time: time(one.at) })}</span>
            <span>{reasonText({ code: one.code, text: one.text })}</span>
          </li>
        ))}
      </ul>
      {point.device && <Facts device={point.device} />}
    </section>
  );
}

function Chosen({ point, part, live }: { point: Point; part: Part; live: Live }): JSX.Element {
  const tabs = PARTS.map((one) => ({ id: one, href: `#/greenup/details/${point.id}/${one}`, title: t(`ui.greenup.part.${one}`) }));
  return (
    <article class="device" data-test="point-page" data-device={point.id}>
      <a class="button quiet back" href="#/greenup/details" data-test="back"><Icon name="back" />{t('ui.app.back')}</a>
      <header class="device-head"><StationIcon station={point.station} /><h2 class="device-title">{point.name}</h2><Marks point={point} /></header>
      <Tabs label={t('ui.greenup.part')} tabs={tabs} current={part} />
      {part === 'station' && (point.station ? <StationPart point={point} station={point.station} fresh={live.is === 'fresh'} /> : <p class="muted empty">{t('ui.greenup.unknown_station')}</p>)}
      {part === 'charge' && <ChargePart point={point} />}
      {part === 'info' && <InfoPart point={point} />}
    </article>
  );
}

export function Details({ live, points, chosen, part }: { live: Live; points: readonly Point[]; chosen: number | null; part: Part }): JSX.Element {
  const [filter, setFilter] = useState('all');
  const shown = filterPoints(points, filter);
  const point = points.find((one) => one.id === chosen) ?? shown[0];
  return (
    <div class="greenup-page">
      <Troubles live={live} />
      <Overview live={live} />
      <div class={chosen === null ? 'installation' : 'installation installation-chosen'}>
        <div class="list">
          <PointFilter points={points} value={filter} onChange={setFilter} />
          <ul class="card lines">{shown.map((one) => <Line key={one.id} point={one} chosen={one === point} part={part} />)}</ul>
          {shown.length === 0 && <p class="muted empty">{t('ui.greenup.none')}</p>}
        </div>
        <div class="detail">{point && <Chosen key={point.id} point={point} part={part} live={live} />}</div>
      </div>
    </div>
  );
}
