// Management: start or wait, normal or priority, of the charge under way only (GRU-05).
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../../api/link';
import type { ControllerOverride, Reason } from '../../generated/types';
import { reasonText, t } from '../../i18n/i18n';
import { Choice } from '../../ui/choice';
import { Notice } from '../../ui/notice';
import type { Live } from './live';
import { filterPoints, overrideOf, wishOf, type Point, type Wish } from './model';
import { Overview, Troubles } from './overview';
import { PointFilter } from './point_filter';
import { Guarantee, Limit, Marks, StationIcon, stationWord } from './station';

function Card({ point, fresh }: { point: Point; fresh: boolean }): JSX.Element {
  const { station } = point;
  const [failed, setFailed] = useState<Reason | 'lost' | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async (what: object): Promise<void> => {
    setBusy(true);
    const answer = await call<ControllerOverride>('controller', 'override', { device: point.id, ...what });
    setBusy(false);
    setFailed(answer.is === 'ok' ? null : answer.is === 'lost' ? 'lost' : answer.reason);
  };
  return (
    <li class="card manage" data-test="manage" data-device={point.id} data-state={station?.state ?? 'unknown'}>
      <header class="manage-head">
        <StationIcon station={station} />
        <span class="manage-name"><h2>{point.name}</h2><span class="muted">{stationWord(station)}</span></span>
        <Marks point={point} />
      </header>
      {station && <Limit station={station} fresh={fresh} />}
      {station && <Guarantee station={station} />}
      {station && (
        <div class="manage-acts">
          <Choice<Wish> label={t('ui.greenup.wish')} value={wishOf(station)} disabled={busy} test={`wish-${point.id}`} onChange={(wish) => void send(overrideOf(wish))}
            options={[['auto', t('ui.greenup.wish.auto')], ['start', t('ui.greenup.wish.start')], ['wait', t('ui.greenup.wish.wait')]]} />
          <Choice<'normal' | 'priority'> label={t('ui.greenup.priority_of')} value={station.priority ? 'priority' : 'normal'} disabled={busy} test={`prio-${point.id}`}
            onChange={(one) => void send({ priority: one === 'priority' })} options={[['normal', t('ui.greenup.normal')], ['priority', t('ui.greenup.priority')]]} />
        </div>
      )}
      {failed !== null && <Notice tone="bad" test="override-failed">{failed === 'lost' ? t('ui.app.no_answer') : reasonText(failed)}</Notice>}
    </li>
  );
}

export function Manage({ live, points }: { live: Live; points: readonly Point[] }): JSX.Element {
  const [filter, setFilter] = useState('all');
  const shown = filterPoints(points, filter);
  return (
    <div class="greenup-page">
      <Troubles live={live} />
      <Overview live={live} compact />
      <div class="greenup-bar"><PointFilter points={points} value={filter} onChange={setFilter} /><p class="muted">{t('ui.greenup.manage_note')}</p></div>
      <ul class="manages">{shown.map((point) => <Card key={point.id} point={point} fresh={live.is === 'fresh'} />)}</ul>
      {shown.length === 0 && <p class="muted empty">{t('ui.greenup.none')}</p>}
    </div>
  );
}
