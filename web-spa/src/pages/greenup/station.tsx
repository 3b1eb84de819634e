// What several pages say of one charge point: its state, its limit with the sentence, its marks.
import type { JSX } from 'preact';
import type { GreenupStation } from '../../generated/types/greenup_status';
import { formatNumber } from '../../format/number';
import { reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Badge } from '../../ui/badge';
import { Icon, type IconName } from '../../ui/icon';
import { StateMark } from '../../ui/state_mark';
import { deviceState } from '../installation/model';
import { largestCurrent, type Point } from './model';

const STATE_ICON: { readonly [S in GreenupStation['state']]: IconName } = { free: 'station', wait: 'pause', charge: 'bolt', idle: 'vehicle' };

export const StationIcon = ({ station }: { station: GreenupStation | undefined }): JSX.Element => (
  <span class={`station-icon station-${station?.state ?? 'unknown'}`}><Icon name={station ? STATE_ICON[station.state] : 'station'} /></span>
);

export const stationWord = (station: GreenupStation | undefined): string => t(`ui.greenup.state.${station?.state ?? 'unknown'}`);

export function Marks({ point }: { point: Point }): JSX.Element {
  const { station } = point;
  const status = useStore((state) => state.deviceStatus.get(point.id));
  const state = deviceState(point.device, status);
  return (
    <span class="marks">
      {station?.priority && <Badge tone="accent" icon="priority" test="priority-mark">{t('ui.greenup.priority')}</Badge>}
      {station?.queue != null && <Badge icon="queue" test="queue">{t('ui.greenup.queue', { n: station.queue })}</Badge>}
      {station?.hold && <Badge tone="warn" icon="pause">{t('ui.greenup.held')}</Badge>}
      {station?.disobeys && <Badge tone="bad" icon="stateFault">{t('ui.greenup.disobeys')}</Badge>}
      {(station?.lost || state !== 'on') && <StateMark of="device" state={station?.lost && state === 'on' ? 'error' : state} />}
    </span>
  );
}

// The current against the limit and the rated current, and why it is so.
export function Limit({ station, fresh }: { station: GreenupStation; fresh: boolean }): JSX.Element {
  const locale = useLanguage();
  const current = largestCurrent(station);
  const rated = formatNumber(station.rated_a, 0, locale);
  const share = (value: number): number => Math.max(0, Math.min(100, (value / Math.max(1, station.rated_a)) * 100));
  return (
    <div class={fresh ? 'limit' : 'limit limit-old'}>
      <p class="limit-line numbers">
        <span><strong>{current === null ? '–' : formatNumber(current, 1, locale)}</strong> <span class="unit">A</span></span>
        <span class="muted">{station.limit_a > 0 ? t('ui.greenup.limit_of', { limit: formatNumber(station.limit_a, 1, locale), rated }) : t('ui.greenup.limit_none', { rated })}</span>
      </p>
      <svg class="limit-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">
        <rect class="limit-ground" x="0" y="1.5" width="100" height="5" />
        <rect class="limit-allowed" x="0" y="1.5" width={share(station.limit_a)} height="5" />
        <rect class="limit-used" x="0" y="1.5" width={share(current ?? 0)} height="5" />
        <rect class="limit-mark" x={Math.max(0, share(station.limit_a) - 0.6)} y="0" width="0.6" height="8" />
      </svg>
      <p class="limit-why" data-test="limit-why">{reasonText(station.reason)}</p>
    </div>
  );
}

export function Guarantee({ station }: { station: GreenupStation }): JSX.Element | null {
  const locale = useLanguage();
  if (station.state === 'free') return null;
  const had = formatNumber(station.session_ah, 1, locale);
  const promised = formatNumber(station.guaranteed_ah, 0, locale);
  return <p class="muted numbers guarantee">{t(station.session_ah >= station.guaranteed_ah ? 'ui.greenup.guarantee_had' : 'ui.greenup.guarantee', { had, promised })}</p>;
}
