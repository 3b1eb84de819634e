// One device: its model, its address and what the model asks beside it, its circuit and zones (DEV-01 to DEV-09).
import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';
import type { ConfigDevice } from '../../generated/types';
import { lookUp, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Badge } from '../../ui/badge';
import { Choice } from '../../ui/choice';
import { CheckField, NumberField, SelectField, Switch, TextField, errorOf } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { StateMark } from '../../ui/state_mark';
import { deviceState } from '../installation/model';
import { useForm, type FormState } from './form';
import {
  PARTS_MAX, PHASE_ORDERS, PULSE_UNITS, STATION_PHASES, alarmsMayGo, asks, byName, deviceForm, deviceValue, hrefOf, isDisabled, mayHaveParts, mayNamePhase, maySayPhases, mayTurnPhases, otherSide, paramsOf, withProfile,
  partModels, partTwice, pulseIn, type DeviceForm, type PartForm, type Profile,
} from './model';
import { ModelChoice } from './model_choice';
import { circuitName } from './places';
import { Foot, Remove } from './saving';
import { Test } from './tools';

const ZONES_MAX = 5;

interface PartProps { state: FormState<DeviceForm>; profile: Profile | undefined }

const Labelled = ({ label, hint, error, children }: { label: string; hint?: string; error?: string | null; children: ComponentChildren }): JSX.Element => (
  <div class={error ? 'field field-wrong' : 'field'}>
    <span class="field-label">{label}</span>
    {children}
    {hint && <p class="field-hint">{hint}</p>}
    {error && <p class="field-error" role="alert"><Icon name="stateError" />{error}</p>}
  </div>
);

// DEV-04: as it stands on the meter; what is typed stays the same weight when another unit is chosen.
function Pulse({ state, param }: { state: FormState<DeviceForm>; param: Profile['params'][number] }): JSX.Element {
  const { form, set, saving } = state;
  const units = PULSE_UNITS[param.name]!;
  const unit = form.pulseUnit || units[0]!;
  const value = form.params[param.name] ?? '';
  return (
    <>
      <NumberField label={t('ui.system.param.pulse')} value={value} {...(param.preset === undefined ? {} : { placeholder: pulseIn(String(param.preset), units[0]!, unit) })}
        onChange={(next) => set({ params: { ...form.params, [param.name]: next } })} error={errorOf(saving.reason, param.name)} test={`param-${param.name}`} />
      <SelectField label={t('ui.system.param.pulse_unit')} value={unit} test="pulse-unit" options={units.map((one) => ({ value: one, label: lookUp(`ui.system.param.pulse_unit.${one}`) ?? one }))}
        onChange={(next) => set({ pulseUnit: next, params: { ...form.params, [param.name]: pulseIn(value, unit, next) } })} />
    </>
  );
}

// DEV-03: an address may be a group; each of its modules has a model.
function Parts({ state, profile, profiles }: PartProps & { profiles: readonly Profile[] }): JSX.Element | null {
  const { form, set, saving } = state;
  if (!mayHaveParts(profile) && form.parts.length === 0) return null;
  const models = partModels(profiles, profile?.family ?? '');
  const change = (at: number, part: Partial<PartForm>): void => set({ parts: form.parts.map((one, n) => (n === at ? { ...one, ...part } : one)) });
  return (
    <details class="advanced" open={form.parts.length > 0}>
      <summary data-test="parts">{t('ui.system.device.parts')}</summary>
      <p class="muted">{t('ui.system.device.parts_why')}</p>
      {form.parts.map((part, n) => (
        <div class="fields part" key={n} data-test="part">
          <SelectField label={t('ui.system.model')} value={part.profile} onChange={(next) => change(n, { profile: next })} error={errorOf(saving.reason, `parts/${n}/profile`)} test={`part-${n}-profile`}
            options={[{ value: '', label: t('ui.system.choose') }, ...(part.profile === '' || models.some((one) => one.id === part.profile) ? [] : [{ value: part.profile, label: part.profile }]), ...models.map((one) => ({ value: one.id, label: one.model }))]} />
          <TextField label={t('ui.system.name')} value={part.name} maxLength={63} onChange={(name) => change(n, { name })} error={errorOf(saving.reason, `parts/${n}/name`)} test={`part-${n}-name`} />
          <button type="button" class="button quiet" onClick={() => set({ parts: form.parts.filter((_, at) => at !== n) })} data-test={`part-${n}-remove`}><Icon name="trash" />{t('ui.system.remove')}</button>
        </div>
      ))}
      {partTwice(form) && <Notice tone="warn" test="part-twice">{t('ui.system.device.part_twice')}</Notice>}
      {form.parts.length < PARTS_MAX && <button type="button" class="button" onClick={() => set({ parts: [...form.parts, { name: '', profile: '' }] })} data-test="part-add"><Icon name="add" />{t('ui.system.device.part_add')}</button>}
    </details>
  );
}

// DEV-08, DEV-09: what inputs and outputs are called.
function Labels({ state, profile }: PartProps): JSX.Element | null {
  const { form, set, saving } = state;
  const points = [...new Set([...(profile?.points ?? []), ...Object.keys(form.labels)])];
  if (points.length === 0) return null;
  const nameOf = (point: string): string => {
    const match = /^(input|output)_(\d+)$/.exec(point);
    return match ? t(match[1] === 'input' ? 'ui.state.input' : 'ui.state.output', { n: match[2]! }) : point;
  };
  return (
    <details class="advanced" open={Object.keys(form.labels).length > 0}>
      <summary data-test="labels">{t('ui.system.device.labels')}</summary>
      <div class="fields">
        {points.map((point) => <TextField key={point} label={nameOf(point)} value={form.labels[point] ?? ''} maxLength={63} onChange={(label) => set({ labels: { ...form.labels, [point]: label } })} error={errorOf(saving.reason, point)} test={`label-${point}`} />)}
      </div>
    </details>
  );
}

const phaseNames = (digits: string): string => [...digits].map((digit) => `L${digit}`).join(', ');

function Address({ state, profile }: PartProps): JSX.Element {
  const { form, set, saving } = state;
  const buses = useStore((all) => all.buses);
  const error = (name: string): string | null => errorOf(saving.reason, name);
  return (
    <div class="fields">
      <SelectField label={t('ui.system.bus')} value={form.bus} onChange={(bus) => set({ bus })} error={error('bus')} test="bus"
        options={[...(buses.has(Number(form.bus)) ? [] : [{ value: '', label: t('ui.system.choose') }]), ...[...buses.values()].sort(byName).map((one) => ({ value: String(one.id), label: one.name }))]} />
      <NumberField label={t('ui.system.device.address')} value={form.address} onChange={(address) => set({ address })} error={error('unit') ?? error('interface')} test="unit"
        {...(asks(profile, 'interface') ? { hint: t('ui.system.device.interface_why') } : asks(profile, 'position') ? { hint: t('ui.system.device.concentrator_why') } : {})} />
      {asks(profile, 'position') && <NumberField label={t('ui.system.device.position')} hint={t('ui.system.device.position_why')} value={form.position} onChange={(position) => set({ position })} error={error('position')} test="position" />}
      {asks(profile, 'side') && (
        <Labelled label={t('ui.system.device.side')} error={error('side')}>
          <Choice label={t('ui.system.device.side')} value={form.side} onChange={(side) => set({ side })} test="side" options={[['L', t('ui.system.device.side.L')], ['R', t('ui.system.device.side.R')]]} />
        </Labelled>
      )}
      {asks(profile, 'phase') && (
        <Labelled label={t('ui.system.device.phase')} hint={t('ui.system.device.phase_why')} error={error('phases')}>
          <Choice label={t('ui.system.device.phase')} value={form.phases} onChange={(phases) => set({ phases })} test="phase" options={[['1', 'L1'], ['2', 'L2'], ['3', 'L3']]} />
        </Labelled>
      )}
      {asks(profile, 'supply') && (
        <Labelled label={t('ui.system.device.supply')} error={error('supply')} hint={t(profile?.kind === 'breaker' ? `ui.system.device.supply.breaker_${form.supply === 'downstream' ? 'downstream' : 'upstream'}` : `ui.system.device.supply.sensor_${form.supply === 'downstream' ? 'downstream' : 'upstream'}`)}>
          <Choice label={t('ui.system.device.supply')} value={form.supply} onChange={(supply) => set({ supply })} test="supply" options={[['upstream', t('ui.system.device.supply.upstream')], ['downstream', t('ui.system.device.supply.downstream')]]} />
        </Labelled>
      )}
      {mayNamePhase(profile) && (
        <SelectField label={t('ui.system.device.phase')} hint={t('ui.system.device.phase_meter_why')} value={form.phases} onChange={(phases) => set({ phases })} error={error('phases')} test="phase-of-meter"
          options={[{ value: '', label: t('ui.system.device.phase_unset') }, ...['1', '2', '3'].map((one) => ({ value: one, label: `L${one}` }))]} />
      )}
      {maySayPhases(profile) && (
        <SelectField label={t('ui.system.device.phase_order')} hint={t('ui.system.device.phase_order_why')} value={form.phases} onChange={(phases) => set({ phases })} error={error('phases')} test="phase-order"
          options={STATION_PHASES.map((one) => ({ value: one, label: one === '' ? t('ui.system.device.phase_unset') : phaseNames(one) }))} />
      )}
      {mayTurnPhases(profile) && (
        <SelectField label={t('ui.system.device.phase_order')} hint={t('ui.system.device.phase_order_why')} value={form.phases === '123' ? '' : form.phases} onChange={(phases) => set({ phases })} error={error('phases')} test="phase-order"
          options={[...PHASE_ORDERS, ...((PHASE_ORDERS as readonly string[]).includes(form.phases) || form.phases === '123' ? [] : [form.phases])].map((one) => ({ value: one, label: phaseNames(one || '123') }))} />
      )}
      {paramsOf(profile).map((one) => (one.name in PULSE_UNITS ? <Pulse key={one.name} state={state} param={one} /> : (
        <NumberField key={one.name} label={lookUp(`ui.system.param.${one.name}`) ?? one.name} value={form.params[one.name] ?? ''} {...(one.preset === undefined ? {} : { placeholder: String(one.preset) })}
          hint={lookUp(`ui.system.param.${one.name}_why`) ?? undefined} onChange={(value) => set({ params: { ...form.params, [one.name]: value } })} error={error(one.name)} test={`param-${one.name}`} />
      )))}
    </div>
  );
}

function Organised({ state }: { state: FormState<DeviceForm> }): JSX.Element {
  const { form, set, saving } = state;
  const circuits = useStore((all) => all.circuits);
  const zones = useStore((all) => all.zones);
  const shown = [...zones.values()].filter((one) => !isDisabled(one) || form.zones.includes(one.id)).sort(byName);
  const toggle = (id: number, wanted: boolean): void => set({ zones: wanted ? [...form.zones, id] : form.zones.filter((one) => one !== id) });
  return (
    <div class="fields">
      <TextField label={t('ui.system.name')} value={form.name} placeholder={[form.address, form.position, form.side].filter((one) => one !== '').join('-')} onChange={(name) => set({ name })}
        error={errorOf(saving.reason, 'name')} test="name" maxLength={63} />
      <SelectField label={t('ui.system.circuit')} value={form.circuit} onChange={(circuit) => set({ circuit })} error={errorOf(saving.reason, 'circuit')} test="circuit"
        options={[{ value: '', label: t('ui.system.circuit.other') }, ...[...circuits.values()].filter((one) => !isDisabled(one) || String(one.id) === form.circuit)
          .map((one) => ({ value: String(one.id), label: circuitName(one) }))]} />
      {shown.length > 0 && (
        <Labelled label={t('ui.system.zones', { count: ZONES_MAX })} error={errorOf(saving.reason, 'zones')}>
          <div class="zone-checks">
            {shown.map((one) => <CheckField key={one.id} label={one.name} checked={form.zones.includes(one.id)} disabled={!form.zones.includes(one.id) && form.zones.length >= ZONES_MAX} onChange={(wanted) => toggle(one.id, wanted)} test={`zone-${one.id}`} />)}
          </div>
        </Labelled>
      )}
    </div>
  );
}

function Advanced({ state, profile }: PartProps): JSX.Element {
  const { form, set } = state;
  return (
    <details class="advanced">
      <summary data-test="advanced">{t('ui.system.device.advanced')}</summary>
      <CheckField label={t('ui.system.device.exclude_totals')} hint={t('ui.system.device.exclude_totals_why')} checked={form.excludeTotals} onChange={(excludeTotals) => set({ excludeTotals })} test="exclude-totals" />
      {(alarmsMayGo(profile) || form.excludeAlarms) && <CheckField label={t('ui.system.device.exclude_alarms')} checked={form.excludeAlarms} onChange={(excludeAlarms) => set({ excludeAlarms })} test="exclude-alarms" />}
      {profile?.confidence === 'candidate' && <CheckField label={t('ui.system.device.accept_candidate')} hint={t('ui.system.device.accept_candidate_why')} checked={form.acceptCandidate} onChange={(acceptCandidate) => set({ acceptCandidate })} test="accept-candidate" />}
    </details>
  );
}

// DEV-06: one side saved, the other offered.
function OtherSide({ device, profile }: { device: ConfigDevice; profile: Profile | undefined }): JSX.Element | null {
  const devices = useStore((all) => all.devices);
  const side = String(device.side ?? '');
  const there = [...devices.values()].some((one) => one.bus === device.bus && one.unit === device.unit && one.side === otherSide(side));
  if (!asks(profile, 'side') || side === '' || there) return null;
  return (
    <Notice tone="accent" test="other-side">
      <p>{t('ui.system.device.other_side')}</p>
      <a class="button small" href={hrefOf('devices', 'new', device.bus, device.unit ?? '', device.profile ?? '', otherSide(side))}>{t('ui.system.device.other_side_yes')}</a>
    </Notice>
  );
}

interface Props { device: ConfigDevice | null; preset: Partial<DeviceForm>; profiles: readonly Profile[] }

export function Device({ device, preset, profiles }: Props): JSX.Element {
  const status = useStore((all) => (device ? all.deviceStatus.get(device.id) : undefined));
  const [saved, setSaved] = useState(false);
  const find = (id: string): Profile | undefined => profiles.find((one) => one.id === id);
  const state = useForm<DeviceForm>(device, () => deviceForm(device, device ? {} : preset),
    (form) => [{ kind: 'device', id: device?.id ?? null, value: deviceValue(form, device, find(form.profile)) }]);
  const { form, saving } = state;
  const profile = find(form.profile);
  const fields = ['bus', 'profile', 'unit', 'interface', 'position', 'side', 'phases', 'supply', 'name', 'circuit', 'zones', ...form.parts.flatMap((_, n) => [`parts/${n}/profile`, `parts/${n}/name`]), ...Object.keys(form.labels), ...paramsOf(profile).map((one) => one.name)];
  const submit = async (): Promise<void> => {
    const ids = await state.submit();
    if (ids === null) return;
    setSaved(true);
    if (device === null && ids[0] != null) location.hash = hrefOf('devices', ids[0]);
  };
  const turn = (on: boolean): void => {
    if (device === null) state.set({ on });
    else void state.run([{ kind: 'device', id: device.id, value: { ...deviceValue(deviceForm(device), device, find(device.profile ?? '')), on } }]);
  };
  const erase = async (): Promise<void> => {
    if (await state.run([{ kind: 'device', id: device!.id, value: null }])) location.hash = hrefOf('buses');
  };
  return (
    <div class="system-form" data-test="device-form" data-device={device?.id ?? 'new'}>
      <header class="form-head">
        <a class="button quiet back" href={hrefOf('buses')} data-test="back"><Icon name="back" />{t('ui.app.back')}</a>
        <h1>{device?.name ?? t('ui.system.device.new')}</h1>
        {device && <Badge>{t('ui.system.id', { id: device.id })}</Badge>}
        {device && <StateMark of="device" state={deviceState(device, status)} />}
      </header>
      <form class="card system-part" onSubmit={(event) => { event.preventDefault(); void submit(); }} noValidate>
        {device ? <Switch label={t('ui.system.on')} hint={t('ui.system.device.on_why')} checked={device.on !== false} onChange={turn} test="on" />
          : <CheckField label={t('ui.system.on')} checked={form.on} onChange={turn} test="on" />}
        <ModelChoice profiles={profiles} value={form.profile} onChange={(next) => state.set(withProfile(next, device))} error={errorOf(saving.reason, 'profile')}
          attach={(id) => hrefOf('tables', 'new', id, form.bus, form.address, device?.id ?? '')} />
        <Address state={state} profile={profile} />
        <Organised state={state} />
        <Parts state={state} profile={profile} profiles={profiles} />
        <Labels state={state} profile={profile} />
        <Advanced state={state} profile={profile} />
        <Foot saving={saving} fields={fields} onMine={state.mine} onTheirs={state.theirs} />
      </form>
      {device && (
        <>
          {(saved || device.side) && <OtherSide device={device} profile={profile} />}
          <section class="card system-part"><h2>{t('ui.system.test')}</h2><p class="muted">{t(state.dirty ? 'ui.system.device.test_saved' : 'ui.system.device.test_why')}</p><Test of={{ device: device.id }} /></section>
          <div class="part-row">
            <a class="button" href={hrefOf('devices', 'new', device.bus)} data-test="add-device"><Icon name="add" />{t('ui.system.device.add_next')}</a>
            <Remove name={device.name} busy={saving.state === 'busy'} onErase={() => void erase()} />
          </div>
        </>
      )}
    </div>
  );
}
