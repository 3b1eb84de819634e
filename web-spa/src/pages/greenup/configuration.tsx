// Management settings (manual 7.15.5.1): the meter, the thresholds with the bands drawn while one types, the rest.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ConfigDevice } from '../../generated/types';
import { readNumber } from '../../format/number';
import { t, type MessageKey } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Choice } from '../../ui/choice';
import { CheckField, NumberField, SelectField, errorOf } from '../../ui/field';
import { FormFoot } from '../../ui/form_foot';
import { useSave } from '../../ui/save';
import { Gauge } from './gauge';
import type { Live } from './live';
import { axisEnd, formOf, previewPhases, problemsOf, readSettings, settingsOf, type Form, type NumberName } from './model';
import { Overview, Troubles } from './overview';

const UNITS: { readonly [N in NumberName]: string } = { hysteresis_pct: '%', level1_pct: '%', level2_pct: '%', guaranteed_ah: 'Ah', failsafe_a: 'A', i_min_a: 'A' };
const EXAMPLE_A = 32;

type Set = (change: Partial<Form>) => void;
interface PartProps { form: Form; set: Set; error: (field: string) => string | null }

function Currents({ form, set, error, field, name, label, hint }: PartProps & { field: 'maximum' | 'charging'; name: 'i_max_a' | 'i_chg_a'; label: string; hint: string }): JSX.Element {
  const change = (at: number, text: string): void => {
    const next = [...form[field]] as [string, string, string];
    next[at] = text;
    set({ [field]: form.same ? [text, text, text] : next } as Partial<Form>);
  };
  return (
    <>
      {(form.same ? [0] : [0, 1, 2]).map((at) => (
        <NumberField key={at} label={form.same ? label : `${label}, L${at + 1}`} unit="A" value={form[field][at] ?? ''} onChange={(text) => change(at, text)}
          {...(at === 0 ? { hint } : {})} error={error(`${name}/${at}`) ?? (at === 0 ? error(name) : null)} test={`${name}-${at}`} />
      ))}
    </>
  );
}

function Preview({ form, live }: { form: Form; live: Live }): JSX.Element | null {
  const known = live.is === 'fresh' ? live.status?.phases ?? [] : [];
  const phases = previewPhases(form, known);
  if (phases.length === 0) return null;
  const end = axisEnd(phases);
  return (
    <div class="gauges gauges-preview" data-test="preview">
      {phases.map((phase) => (
        <Gauge key={phase.phase} phase={phase} end={end} fresh name={form.same ? t('ui.greenup.all_phases') : `L${phase.phase}`}
          {...(form.same ? { pointers: known.flatMap((one) => (one.current_a === null ? [] : [{ name: `L${one.phase}`, at: one.current_a }])) } : {})} />
      ))}
      <ul class="band-notes">
        {(['green', 'yellow', 'red'] as const).map((band) => <li key={band} class={`band-note band-note-${band}`}>{t(`ui.greenup.band.${band}_why`)}</li>)}
      </ul>
    </div>
  );
}

function Levels({ form, set, error }: PartProps): JSX.Element {
  const field = (name: NumberName, hint?: string): JSX.Element => (
    <NumberField key={name} label={t(`ui.greenup.set.${name}`)} unit={UNITS[name]} value={form.numbers[name]} {...(hint ? { hint } : {})}
      onChange={(text) => set({ numbers: { ...form.numbers, [name]: text } })} error={error(name)} test={name} />
  );
  const example = (name: 'level1_pct' | 'level2_pct'): string => {
    const share = readNumber(form.numbers[name]);
    return share === null ? '' : t('ui.greenup.set.level_example', { rated: EXAMPLE_A, limit: Math.round((EXAMPLE_A * share) / 10) / 10 });
  };
  return (
    <div class="fields">
      {field('hysteresis_pct', t('ui.greenup.set.hysteresis_why'))}
      {field('level1_pct', example('level1_pct'))}
      {field('level2_pct', example('level2_pct'))}
      {field('guaranteed_ah', t('ui.greenup.set.guaranteed_why'))}
      {field('failsafe_a', t('ui.greenup.set.failsafe_why'))}
      {field('i_min_a', t('ui.greenup.set.i_min_why'))}
      <NumberField label={t('ui.greenup.set.off_limit_a')} unit="A" value={form.offLimit} hint={t('ui.greenup.set.off_limit_why')} onChange={(offLimit) => set({ offLimit })} error={error('off_limit_a')} test="off_limit_a" />
    </div>
  );
}

function useMeters(): readonly ConfigDevice[] {
  const devices = useStore((state) => state.devices);
  const profiles = useStore((state) => state.profiles);
  return [...devices.values()].filter((device) => profiles.get(device.profile ?? '')?.quantities.includes('current_l1') && profiles.get(device.profile ?? '')?.kind !== 'station')
    .sort((a, b) => a.name.localeCompare(b.name));
}

function Measured({ form, set, error }: PartProps): JSX.Element {
  const meters = useMeters();
  return (
    <>
      <SelectField label={t('ui.greenup.set.meter')} value={form.meter} onChange={(meter) => set({ meter })} error={error('meter')} test="meter"
        options={[{ value: '', label: t('ui.greenup.set.no_meter') }, ...meters.map((one) => ({ value: String(one.id), label: one.name }))]} />
      <div class="field">
        <Choice<Form['wiring']> label={t('ui.greenup.set.wiring')} value={form.wiring} onChange={(wiring) => set({ wiring })} test="wiring"
          options={[['installation', t('ui.greenup.set.wiring.installation')], ['dedicated', t('ui.greenup.set.wiring.dedicated')]]} />
        <p class="field-hint">{t(`ui.greenup.set.wiring.${form.wiring}_why`)}</p>
      </div>
    </>
  );
}

export function Configuration({ live }: { live: Live }): JSX.Element {
  const stored = useStore((state) => state.settings.get('greenup'));
  const [form, setForm] = useState(() => formOf(readSettings(stored)));
  const [dirty, setDirty] = useState(false);
  const [tried, setTried] = useState(false);
  const { saving, begin, save } = useSave();
  // Somebody else saved: taken over unless one is typing; then the save is refused with the difference.
  useEffect(() => {
    if (dirty) return;
    setForm(formOf(readSettings(stored)));
    begin();
  }, [stored]);
  const problems = problemsOf(form);
  const set: Set = (change) => {
    setDirty(true);
    setForm((before) => ({ ...before, ...change }));
  };
  const error = (field: string): string | null => {
    const problem = tried ? problems[field] : undefined;
    return problem ? t(`ui.greenup.problem.${problem}` as MessageKey) : errorOf(saving.reason, field);
  };
  const submit = async (): Promise<void> => {
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    if ((await save([{ kind: 'settings', id: 'greenup', value: settingsOf(form, readSettings(stored)) }])) !== null) setDirty(false);
  };
  const part = { form, set, error };
  const fields = ['meter', 'i_max_a', 'i_chg_a', 'hysteresis_pct', 'level1_pct', 'level2_pct', 'guaranteed_ah', 'failsafe_a', 'i_min_a', 'off_limit_a'];
  return (
    <div class="greenup-page">
      <Troubles live={live} />
      <Overview live={live} compact />
      <form class="card greenup-form" onSubmit={(event) => { event.preventDefault(); void submit(); }} noValidate data-test="greenup-form">
        <section><h2>{t('ui.greenup.set.measured')}</h2><div class="fields"><Measured {...part} /></div></section>
        <section>
          <h2>{t('ui.greenup.set.thresholds')}</h2>
          <div class="fields">
            <Currents {...part} field="maximum" name="i_max_a" label={t('ui.greenup.set.i_max_a')} hint={t('ui.greenup.set.i_max_why')} />
            <Currents {...part} field="charging" name="i_chg_a" label={t('ui.greenup.set.i_chg_a')} hint={t('ui.greenup.set.i_chg_why')} />
          </div>
          <CheckField label={t('ui.greenup.set.same')} checked={form.same} onChange={(same) => set({ same })} test="same" />
          <Preview form={form} live={live} />
        </section>
        <section><h2>{t('ui.greenup.set.levels')}</h2><Levels {...part} /></section>
        <section><h2>{t('ui.greenup.set.emergency_title')}</h2><CheckField label={t('ui.greenup.set.emergency')} hint={t('ui.greenup.set.emergency_why')} checked={form.emergency} onChange={(emergency) => set({ emergency })} test="emergency" /></section>
        <FormFoot saving={saving} disabled={!dirty} atField={fields.some((field) => errorOf(saving.reason, field) !== null)} />
      </form>
    </div>
  );
}
