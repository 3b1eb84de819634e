// Said where recorded numbers are while nothing newer can come: tapped, it is explained.
import type { JSX } from 'preact';
import { linkUp } from '../format/freshness';
import { t } from '../i18n/i18n';
import { useStore } from '../store/store';
import { Explain } from './explain';

export function Standing(): JSX.Element | null {
  const fresh = useStore((state) => linkUp(state.link) && state.services.get('recorder')?.online !== false);
  return fresh ? null : (
    <Explain text={t('ui.age.standing_why')} test="standing"><span class="age age-stale"><span class="age-dot" aria-hidden="true" /><span class="age-word">{t('ui.age.stale')}</span></span></Explain>
  );
}
