// What everybody must know before believing a number on this page.
import type { JSX } from 'preact';
import { retryNow } from '../api/link';
import { t } from '../i18n/i18n';
import { useStore } from '../store/store';
import { Icon } from './icon';
import { useNow } from './now';

function Retry({ at }: { at: number }): JSX.Element {
  const seconds = Math.ceil((at - useNow()) / 1000);
  return (
    <span class="banner-retry">
      <span class="numbers">{seconds > 0 ? t('ui.banner.retrying', { seconds }) : t('ui.banner.retrying_now')}</span>
      <button type="button" class="button small" onClick={retryNow}>{t('ui.app.retry')}</button>
    </span>
  );
}

export function Banner(): JSX.Element | null {
  const link = useStore((state) => state.link);
  const lost = useStore((state) => state.lastLost);
  const poller = useStore((state) => state.services.get('poller')?.online);
  const clock = useStore((state) => state.services.get('recorder')?.clock);
  const config = useStore((state) => state.services.get('config')?.online);
  const down = link.is === 'offline' ? link.lost : link.is === 'connecting' ? lost : null;
  if (down !== null) {
    return (
      <div class="banner" role="alert" data-test="banner" data-banner={down}>
        <Icon name="linkOffline" />
        <span class="banner-text">{t(down === 'gateway' ? 'ui.banner.gateway' : 'ui.banner.broker')}</span>
        {link.is === 'offline' && <Retry at={link.retryAt} />}
        {link.is === 'connecting' && <span class="banner-retry">{t('ui.banner.retrying_now')}</span>}
      </div>
    );
  }
  if (poller === false) return <Notice which="poller" text={t('ui.banner.poller')} />;
  if (clock === 'untrusted') return <Notice which="clock" text={t('ui.banner.clock')} />;
  if (config === false) return <Notice which="config" text={t('ui.banner.config')} />;
  return null;
}

const Notice = ({ which, text }: { which: string; text: string }): JSX.Element => (
  <div class="banner" role="alert" data-test="banner" data-banner={which}>
    <Icon name="stateError" />
    <span class="banner-text">{text}</span>
  </div>
);
