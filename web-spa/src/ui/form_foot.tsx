// The end of a form: what saving came to, and the button.
import type { JSX } from 'preact';
import { reasonText, t } from '../i18n/i18n';
import { Notice } from './notice';
import { savingText, type Saving } from './save';

// `atField`: whether the refusal is shown at a field already.
export function FormFoot({ saving, disabled, atField, label, test }: { saving: Saving; disabled?: boolean; atField?: boolean; label?: string; test?: string }): JSX.Element {
  const text = savingText(saving);
  const busy = saving.state === 'busy';
  return (
    <div class="form-foot">
      <button type="submit" class="button primary" disabled={busy || (disabled ?? false)} data-test={test ?? 'save'}>{busy ? t('ui.app.saving') : label ?? t('ui.app.save')}</button>
      {text !== null && <span class={saving.state === 'saved' ? 'form-saved' : 'form-lost'} role="status" data-test="saving" data-saving={saving.state}>{text}</span>}
      {saving.reason && !atField && <Notice tone="bad" test="refused">{reasonText(saving.reason)}</Notice>}
    </div>
  );
}
