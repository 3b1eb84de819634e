// The symbol of a device that is part of a link.
import type { JSX } from 'preact';
import { t } from '../../i18n/i18n';
import { Icon } from '../../ui/icon';

export const LinkMark = (): JSX.Element => (
  <span class="pair-mark" title={t('ui.links.linked')} data-test="linked"><Icon name="link" /><span class="hidden">{t('ui.links.linked')}</span></span>
);
