import type { JSX } from 'preact';
import { LANGUAGES, chooseLanguage, t, useLanguage } from '../i18n/i18n';
import { Icon } from './icon';

export function LanguageSelect(): JSX.Element {
  const tag = useLanguage();
  return (
    <label class="language">
      <Icon name="globe" />
      <span class="hidden">{t('ui.app.language')}</span>
      <select value={tag} onChange={(event) => void chooseLanguage(event.currentTarget.value)} data-test="language">
        {LANGUAGES.map((one) => <option key={one.tag} value={one.tag} lang={one.tag}>{one.name}</option>)}
      </select>
    </label>
  );
}
