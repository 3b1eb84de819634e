// My installation (VIEW-01): devices on the left, the chosen one on the right; on a phone one after the other.
import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import { want } from '../../api/link';
import { t } from '../../i18n/i18n';
import { Icon } from '../../ui/icon';
import type { PageProps } from '../registry';
import { Device } from './device';
import { DeviceList } from './list';
import '../../style/installation.css';

const STATES = [
  'config/bus/+', 'config/device/+', 'config/panel/+', 'config/profile/+', 'bus/+/status', 'device/+/status', 'device/+/charge',
  'device/+/state', 'device/+/links',
] as const;

export default function InstallationPage({ rest }: PageProps): JSX.Element {
  const chosen = /^[1-9][0-9]*$/.test(rest) ? Number(rest) : null;
  useEffect(() => {
    const letGo = [want(STATES, 1), want(['device/+/measures/instant', 'device/+/measures/energy'], 0)];
    return () => { for (const one of letGo) one(); };
  }, []);
  return (
    <main class={chosen === null ? 'page installation' : 'page installation installation-chosen'} id="main" tabIndex={-1} data-test="installation">
      {chosen === null && <h1 class="hidden">{t('page.installation')}</h1>}
      <DeviceList chosen={chosen} />
      <div class="detail">
        {chosen === null
          ? <div class="empty detail-empty"><Icon name="installation" /><p>{t('ui.installation.choose')}</p></div>
          : <Device key={chosen} id={chosen} />}
      </div>
    </main>
  );
}
