// Family and model of a device, or the number printed on it.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { t } from '../../i18n/i18n';
import { Badge, type Tone } from '../../ui/badge';
import { SelectField, TextField } from '../../ui/field';
import { Notice } from '../../ui/notice';
import { families, searchProfiles, type Profile } from './model';

const SHOWN_MAX = 8;
const TONES: { readonly [K in Profile['confidence']]: Tone } = { document: 'good', driver: 'accent', candidate: 'warn', none: 'neutral' };

function Sureness({ profile }: { profile: Profile }): JSX.Element {
  return (
    <p class="model-sure">
      <Badge tone={TONES[profile.confidence]}>{t(`ui.system.model.${profile.confidence}`)}</Badge>
      <span class="muted">{t(`ui.system.model.${profile.confidence}_why`)}</span>
    </p>
  );
}

interface Props { profiles: readonly Profile[]; value: string; onChange: (profile: string) => void; error: string | null }

export function ModelChoice({ profiles, value, onChange, error }: Props): JSX.Element {
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
          options={[{ value: '', label: t('ui.system.choose') }, ...(chosen || value === '' ? [] : [{ value, label: value }]), ...models.map((one) => ({ value: one.id, label: one.model }))]} />
      </div>
      {chosen && <Sureness profile={chosen} />}
      {chosen && !chosen.table && <Notice tone="warn" test="no-table">{t('ui.system.model.no_table')}</Notice>}
    </div>
  );
}
