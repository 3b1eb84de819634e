// What a tile of the home page says instead of what its page is about, when there is something to say now.
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { want } from '../api/link';
import { linkUp } from '../format/freshness';
import { t } from '../i18n/i18n';
import { useStore } from '../store/store';
import { Icon } from '../ui/icon';
import { useLive } from './greenup/live';

interface NowProps { about: string }

// Devices that do not answer or report a fault; nothing while all are well, or nothing is known.
export function InstallationNow({ about }: NowProps): JSX.Element {
  useEffect(() => want(['config/device/+', 'device/+/status'], 1), []);
  const devices = useStore((state) => state.devices);
  const statuses = useStore((state) => state.deviceStatus);
  const up = useStore((state) => linkUp(state.link));
  const failing = [...devices.keys()].filter((id) => ['error', 'fault'].includes(statuses.get(id)?.state ?? '')).length;
  if (!up || failing === 0) return <span class="muted">{about}</span>;
  return <span class="tile-warn" data-test="tile-now"><Icon name="stateError" />{t('ui.home.failing', { count: failing, total: devices.size })}</span>;
}

// Who charges and who waits, while Green'Up is in control and what it says is fresh.
export function GreenupNow({ about }: NowProps): JSX.Element {
  useEffect(() => want(['greenup/status'], 1), []);
  const { status, is } = useLive();
  const count = (what: 'charge' | 'wait'): number => (status?.stations ?? []).filter((one) => one.state === what).length;
  if (is !== 'fresh' || status?.mode !== 'run') return <span class="muted">{about}</span>;
  return <span class="numbers" data-test="tile-now">{t('ui.home.charging', { charging: count('charge'), waiting: count('wait') })}</span>;
}
