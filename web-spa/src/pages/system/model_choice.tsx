// Family and model of a device, or the number printed on it.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { t } from '../../i18n/i18n';
import { Badge, type Tone } from '../../ui/badge';
import { SelectField, TextField } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { families, hrefOf, searchProfiles, type Profile } from './model';

const SHOWN_MAX = 8;
export const CONFIDENCE_TONES: { readonly [K in Profile['confidence']]: Tone } = { document: 'good', driver: 'accent', candidate: 'warn', none: 'neutral' };

function Sureness({ profile }: { profile: Profile }): JSX.Element {
  return (
    <p class="model-sure">
      <Badge tone={CONFIDENCE_TONES[profile.confidence]}>{t(`ui.system.model.${profile.confidence}`)}</Badge>
      <span class="muted">{t(`ui.system.model.${profile.confidence}_why`)}</span>
    </p>
  );
}

// `attach`: where the table of a model that has none is added.
interface Props { profiles: readonly Profile[]; value: string; onChange: (profile: string) => void; error: string | null; attach: (profile: string) => string }

export function ModelChoice({ profiles, value, onChange, error, attach }: Props): JSX.Element {
  const chosen = profiles.find((one) => one.id === value);
  const [family, setFamily] = useState<string | null>(null);
  const [wanted, setWanted] = useState('');
  const hits = useMemo(() => searchProfiles(profiles, wanted), [profiles, wanted]);
  const shown = family ?? chosen?.family ?? '';
  const models = profiles.filter((one) => one.family === shown);
  const choose = (id: string): void => {
    setFamily(null);
    setWanted('');
    onChange(id);
  };
  return (
    <div class="model-choice">
      <TextField label={t('ui.system.model.search')} hint={t('ui.system.model.search_why')} value={wanted} onChange={setWanted} test="model-search" />
      {wanted.trim() !== '' && (
        <ul class="model-hits">
          {hits.slice(0, SHOWN_MAX).map((one) => <li key={one.id}><button type="button" class="button quiet" onClick={() => choose(one.id)} data-test="model-hit" data-profile={one.id}>{`${one.family} ${one.model}`}</button></li>)}
          {hits.length === 0 && <li class="muted">{t('ui.system.model.no_hit')}</li>}
          {hits.length > SHOWN_MAX && <li class="muted">{t('ui.system.model.more', { count: hits.length - SHOWN_MAX })}</li>}
        </ul>
      )}
      <div class="fields">
        <SelectField label={t('ui.system.family')} value={shown} onChange={(next) => { setFamily(next); onChange(''); }} test="family"
          options={[{ value: '', label: t('ui.system.choose') }, ...families(profiles).map((one) => ({ value: one, label: one }))]} />
        <SelectField label={t('ui.system.model')} value={value} onChange={choose} error={error} test="model" disabled={shown === ''}
          options={[{ value: '', label: t('ui.system.choose') }, ...(chosen || value === '' ? [] : [{ value, label: value }]), ...models.map((one) => ({ value: one.id, label: one.own ? `${one.model} (${t('ui.tables.own')})` : one.model }))]} />
      </div>
      {chosen && <Sureness profile={chosen} />}
      {chosen?.own && <p><Badge tone="neutral">{t('ui.tables.own')}</Badge> <a href={hrefOf('tables', chosen.id)} data-test="own-table-link">{t('ui.tables.edit')}</a></p>}
      {chosen && !chosen.table && (
        <Notice tone="warn" test="no-table">
          <p>{t('ui.system.model.no_table')}</p>
          <a class="button small" href={attach(chosen.id)} data-test="attach-table"><Icon name="add" />{t('ui.tables.attach')}</a>
        </Notice>
      )}
      {!chosen && <p class="field-hint">{t('ui.tables.not_there')} <a href={attach('')} data-test="new-table">{t('ui.tables.add')}</a></p>}
    </div>
  );
}
