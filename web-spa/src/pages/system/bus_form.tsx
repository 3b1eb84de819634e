// One bus: where it is, how its line speaks, on or off, test and scan (BUS-02 to BUS-05, BUS-07, DEV-10).
import type { JSX } from 'preact';
import type { ConfigBus } from '../../generated/types';
import { t, type MessageKey } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Icon } from '../../ui/icon';
import { Badge } from '../../ui/badge';
import { CheckField, NumberField, SelectField, Switch, TextField, errorOf } from '../../ui/field';
import { StateMark } from '../../ui/state_mark';
import { busState } from '../installation/model';
import { useForm, type FormState } from './form';
import { BUS_TYPES, SPEEDS, busForm, busValue, byName, hrefOf, isDisabled, isSerial, measuresThd, type BusForm } from './model';
import { Foot, Remove } from './saving';
import { Scan, Test } from './tools';

const FIELDS = ['type', 'address', 'port', 'name', 'location', 'panel', 'speed', 'parity', 'stop_bits', 'timeout_ms', 'poll_ms', 'quality_device'];

interface PartProps { state: FormState<BusForm>; local: boolean }

function Line({ state, local }: PartProps): JSX.Element {
  const { form, set, saving } = state;
  const error = (name: string): string | null => errorOf(saving.reason, name);
  const serial = form.type === 'rtu';
  const types = (BUS_TYPES as readonly string[]).includes(form.type) ? BUS_TYPES : [...BUS_TYPES, form.type];
  return (
    <div class="fields">
      <SelectField label={t('ui.system.bus.type')} value={form.type} disabled={local} onChange={(type) => set({ type })} error={error('type')} test="type"
        options={types.map((one) => ({ value: one, label: t(`ui.system.bus.type.${one}` as MessageKey) }))} />
      <TextField label={t(serial ? 'ui.system.bus.serial_port' : 'ui.system.bus.address')} value={form.address} disabled={local} onChange={(address) => set({ address })}
        placeholder={serial ? '/dev/ttyUSB0' : '192.168.1.20'} error={error('address')} test="address" {...(local ? { hint: t('ui.system.bus.local_kept') } : {})} />
      {!serial && <NumberField label={t('ui.system.bus.port')} value={form.port} disabled={local} placeholder="502" onChange={(port) => set({ port })} error={error('port')} test="port" />}
      {isSerial(form.type) && (
        <>
          <SelectField label={t('ui.system.bus.speed')} value={form.speed} onChange={(speed) => set({ speed })} error={error('speed')} test="speed" unit="bit/s"
            options={[...new Set([...SPEEDS, form.speed])].map((one) => ({ value: one, label: one }))} />
          <SelectField label={t('ui.system.bus.parity')} value={form.parity} onChange={(parity) => set({ parity })} error={error('parity')} test="parity"
            options={(['even', 'odd', 'none'] as const).map((one) => ({ value: one, label: t(`ui.system.bus.parity.${one}`) }))} />
          <SelectField label={t('ui.system.bus.stop')} value={form.stop} onChange={(stop) => set({ stop })} error={error('stop_bits')} test="stop"
            options={['1', '2'].map((one) => ({ value: one, label: one }))} />
        </>
      )}
      <NumberField label={t('ui.system.bus.timeout')} unit="ms" value={form.timeout} placeholder={serial ? '300' : '1000'} onChange={(timeout) => set({ timeout })} error={error('timeout_ms')} test="timeout" />
      <NumberField label={t('ui.system.bus.poll')} unit="ms" value={form.poll} placeholder="1000" onChange={(poll) => set({ poll })} error={error('poll_ms')} test="poll" />
    </div>
  );
}

function Names({ state, bus }: { state: FormState<BusForm>; bus: ConfigBus | null }): JSX.Element {
  const { form, set, saving } = state;
  const panels = useStore((all) => all.panels);
  const devices = useStore((all) => all.devices);
  const profiles = useStore((all) => all.profiles);
  const error = (name: string): string | null => errorOf(saving.reason, name);
  const thd = bus === null ? [] : [...devices.values()].filter((one) => one.bus === bus.id && measuresThd(profiles.get(one.profile ?? '')));
  return (
    <div class="fields">
      <TextField label={t('ui.system.name')} value={form.name} placeholder={form.address} onChange={(name) => set({ name })} error={error('name')} test="name" maxLength={63} />
      <TextField label={t('ui.system.place')} value={form.location} onChange={(location) => set({ location })} error={error('location')} test="location" maxLength={63} />
      <SelectField label={t('ui.system.panel')} value={form.panel} onChange={(panel) => set({ panel })} error={error('panel')} test="panel"
        options={[{ value: '', label: t('ui.system.none') }, ...[...panels.values()].filter((one) => !isDisabled(one) || String(one.id) === form.panel).sort(byName).map((one) => ({ value: String(one.id), label: one.name }))]} />
      {(thd.length > 0 || form.quality !== '') && (
        <SelectField label={t('ui.system.bus.quality')} value={form.quality} onChange={(quality) => set({ quality })} error={error('quality_device')} test="quality" hint={t('ui.system.bus.quality_why')}
          options={[{ value: '', label: t('ui.system.none') }, ...thd.sort(byName).map((one) => ({ value: String(one.id), label: one.name }))]} />
      )}
    </div>
  );
}

export function Bus({ bus }: { bus: ConfigBus | null }): JSX.Element {
  const local = (bus as { local?: boolean } | null)?.local === true;
  const status = useStore((state) => (bus ? state.busStatus.get(bus.id) : undefined));
  const count = useStore((state) => (bus ? [...state.devices.values()].filter((one) => one.bus === bus.id).length : 0));
  const state = useForm<BusForm>(bus, () => busForm(bus), (form) => [{ kind: 'bus', id: bus?.id ?? null, value: busValue(form, bus) }]);
  const { form, saving } = state;
  const submit = async (): Promise<void> => {
    const ids = await state.submit();
    if (ids !== null && bus === null && ids[0] != null) location.hash = hrefOf('buses', ids[0]);
  };
  const turn = (on: boolean): void => {
    if (bus === null) state.set({ on });
    else void state.run([{ kind: 'bus', id: bus.id, value: { ...busValue(busForm(bus), bus), on } }]);
  };
  const erase = async (): Promise<void> => {
    if (await state.run([{ kind: 'bus', id: bus!.id, value: null }])) location.hash = hrefOf('buses');
  };
  return (
    <div class="system-form" data-test="bus-form" data-bus={bus?.id ?? 'new'}>
      <header class="form-head">
        <a class="button quiet back" href={hrefOf('buses')} data-test="back"><Icon name="back" />{t('ui.app.back')}</a>
        <h1>{bus?.name ?? t('ui.system.bus.new')}</h1>
        {bus && <Badge>{t('ui.system.id', { id: bus.id })}</Badge>}
        {bus && <StateMark of="bus" state={busState(bus, status)} />}
      </header>
      <form class="card system-part" onSubmit={(event) => { event.preventDefault(); void submit(); }} noValidate>
        {bus ? <Switch label={t('ui.system.on')} hint={t('ui.system.bus.on_why')} checked={bus.on !== false} onChange={turn} test="on" />
          : <CheckField label={t('ui.system.on')} checked={form.on} onChange={turn} test="on" />}
        <Line state={state} local={local} />
        <Names state={state} bus={bus} />
        <Foot saving={saving} fields={FIELDS} onMine={state.mine} onTheirs={state.theirs} />
      </form>
      {bus && (
        <>
          <section class="card system-part"><h2>{t('ui.system.test')}</h2><p class="muted">{t('ui.system.bus.test_why')}</p><Test of={{ bus: bus.id }} /></section>
          <Scan bus={bus.id} />
          <div class="part-row">
            <a class="button" href={hrefOf('devices', 'new', bus.id)} data-test="add-device">{t('ui.system.device.add')}</a>
            {!local && <Remove name={bus.name} busy={saving.state === 'busy'} onErase={() => void erase()} {...(count > 0 ? { why: t('ui.system.bus.has_devices', { count }) } : {})} />}
          </div>
        </>
      )}
    </div>
  );
}
