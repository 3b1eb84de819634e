// On every page inside: where we are, whether it is live, language, logout and lock (USR-04).
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { goOut } from '../api/visit';
import { flowing } from '../format/freshness';
import { t } from '../i18n/i18n';
import { useStore } from '../store/store';
import { Explain } from './explain';
import { Icon } from './icon';
import { LanguageSelect } from './language_select';
import { Mark } from './mark';

function LinkMark(): JSX.Element {
  const is = useStore((state) => state.link.is);
  const flows = useStore(flowing);
  const shown = is === 'idle' ? 'connecting' : is === 'online' && !flows ? 'paused' : is;
  return (
    <Explain text={t(`ui.link.${shown}_why`)} test="link-why">
      <span class={`link link-${shown}`} role="status" data-test="link" data-link={shown}>
        {shown === 'offline' ? <Icon name="linkOffline" /> : <span class="link-dot" />}
        <span class="link-word">{t(`ui.link.${shown}`)}</span>
      </span>
    </Explain>
  );
}

// `live`: this page shows what the gateway sends.
export function Header({ title, live }: { title: string | null; live: boolean }): JSX.Element {
  const [failed, setFailed] = useState(false);
  const leave = async (lock: boolean): Promise<void> => setFailed(!(await goOut(lock)));
  return (
    <header class="header">
      <a class="skip" href="#main" onClick={(event) => { event.preventDefault(); document.getElementById('main')?.focus(); }}>
        {t('ui.app.skip')}
      </a>
      <a class="header-home" href="#/" aria-label={t('ui.app.home')} data-test="home">
        <Mark />
      </a>
      <span class="header-title">{title ?? 'Edgewatt'}</span>
      {live && <LinkMark />}
      <LanguageSelect />
      <button type="button" class="button quiet" onClick={() => void leave(true)} data-test="lock" aria-label={t('ui.app.lock')} title={t('ui.app.lock_why')}>
        <Icon name="lock" />
        <span class="wide-only">{t('ui.app.lock')}</span>
      </button>
      <button type="button" class="button quiet" onClick={() => void leave(false)} data-test="logout" aria-label={t('ui.app.logout')}>
        <Icon name="logout" />
        <span class="wide-only">{t('ui.app.logout')}</span>
      </button>
      {failed && <p class="header-error" role="alert">{t('ui.app.logout_failed')}</p>}
    </header>
  );
}
