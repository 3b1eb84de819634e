// Green'Up (GRU-06): details, management, the last 24 hours, configuration, priorities.
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { want } from '../../api/link';
import { t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Tabs } from '../../ui/tabs';
import type { PageProps } from '../registry';
import { Configuration } from './configuration';
import { Day } from './day';
import { Details, readPart } from './details';
import { useLive } from './live';
import { Manage } from './manage';
import { pointsOf } from './model';
import { Priorities } from './priorities';
import '../../style/greenup.css';

const TOPICS = ['greenup/status', 'session/+', 'config/device/+', 'config/profile/+', 'config/bus/+', 'config/zone/+', 'config/settings/greenup',
  'device/+/status', 'device/+/charge'] as const;
const VIEWS = ['details', 'manage', 'day', 'configuration', 'priorities'] as const;
const ICONS = { details: 'station', manage: 'play', day: 'clock', configuration: 'settings', priorities: 'priority' } as const;

export default function GreenupPage({ rest }: PageProps): JSX.Element {
  const [first, second, third] = rest.split('/');
  const view = VIEWS.find((one) => one === first) ?? 'details';
  useEffect(() => want(TOPICS, 1), []);
  const live = useLive();
  const devices = useStore((state) => state.devices);
  const profiles = useStore((state) => state.profiles);
  const points = useMemo(() => pointsOf({ devices, profiles }, live.status), [devices, profiles, live.status]);
  const chosen = /^[1-9][0-9]*$/.test(second ?? '') ? Number(second) : null;
  return (
    <main class="page greenup" id="main" tabIndex={-1} data-test="greenup" data-view={view}>
      <h1 class="hidden">{t('page.greenup')}</h1>
      <Tabs label={t('page.greenup')} current={view} tabs={VIEWS.map((one) => ({ id: one, href: `#/greenup/${one}`, title: t(`ui.greenup.view.${one}`), icon: ICONS[one] }))} />
      {view === 'details' && <Details live={live} points={points} chosen={chosen} part={readPart(third)} />}
      {view === 'manage' && <Manage live={live} points={points} />}
      {view === 'day' && <Day live={live} points={points} />}
      {view === 'configuration' && <Configuration live={live} />}
      {view === 'priorities' && <Priorities points={points} />}
    </main>
  );
}
