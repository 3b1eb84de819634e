// Register tables of one's own (DEV-12): a table out of a maker's paper is checked, tried on the device and kept as a profile.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../../api/link';
import type { ConfigDevice, ProfileList, Reason } from '../../generated/types';
import { reasonText, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Badge } from '../../ui/badge';
import { download } from '../../ui/download';
import { AreaField, CheckField, NumberField, SelectField, TextField, errorOf } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { useSave } from '../../ui/save';
import { CONFIDENCE_TONES } from './model_choice';
import { hrefOf, type Profile, type Where } from './model';
import { Remove } from './saving';
import { Preview } from './table_preview';
import {
  FIRSTS, KINDS, TABLE_BYTES_MAX, attachedTo, checkArgs, composed, csvOf, emptyForm, faultsOf, formOf, idOf, isJson, isPlain, lineOf, placeOf, textOf, usersOf,
  type Fault, type ProfileTree, type TableForm,
} from './tables_model';

const EXAMPLE = 'quantity;fc;address;type;unit\nvoltage_l1_n;4;30001;u16;0,1 V\nactive_power;4;30017;s32;W\nactive_energy_import;4;30033;u32;0,01 kWh\n';
const EXAMPLE_FIRST = '30001';
const ROWS = 10;
const MESSAGE_MAX = 1_000_000; // the gateway takes none that is larger
const ROWS_PLAIN = 40; // of a CSV file in the name of a download
const names = (devices: readonly ConfigDevice[]): string => devices.map((one) => one.name).join(', ');

// ---- The list -----------------------------------------------------------------------------------------------------------

export function TableList({ profiles, chosen }: { profiles: readonly Profile[] | null; chosen: string }): JSX.Element {
  const devices = useStore((state) => state.devices);
  const own = (profiles ?? []).filter((one) => one.own);
  return (
    <div class="list">
      <p class="muted">{t('ui.tables.about')}</p>
      <div class="part-row"><a class="button primary" href={hrefOf('tables', 'new')} data-test="add-table"><Icon name="add" />{t('ui.tables.add')}</a></div>
      <section class="card group">
        {own.length === 0 && <p class="group-empty muted" data-test="no-tables">{t(profiles === null ? 'ui.app.loading' : 'ui.tables.empty')}</p>}
        <ul class="lines">
          {own.map((one) => {
            const users = usersOf(one.id, devices.values());
            return (
              <li key={one.id}>
                <a class={chosen === one.id ? 'line line-chosen' : 'line'} href={hrefOf('tables', one.id)} data-test="own-table" data-profile={one.id}>
                  <span class="line-text">
                    <span class="line-name">{`${one.family} ${one.model}`}</span>
                    <span class="line-about muted">{[one.id, users.length > 0 ? t('ui.tables.used', { devices: names(users) }) : t('ui.tables.unused')].join(' · ')}</span>
                  </span>
                  <Badge tone={CONFIDENCE_TONES[one.confidence]}>{t(`ui.system.model.${one.confidence}`)}</Badge>
                </a>
              </li>
            );
          })}
        </ul>
      </section>
    </div>
  );
}

// ---- Faults -------------------------------------------------------------------------------------------------------------

const FIELDS = ['id', 'family', 'model', 'first', 'document', 'max_registers', 'gap_ms', 'csv'];
export const ofField = (reason: Reason): boolean => FIELDS.some((name) => reason.path === `/table/${name}` || reason.path === `/${name}`);

function FaultLine({ reason, text }: { reason: Reason; text: string }): JSX.Element {
  const place = placeOf(reason);
  const where = place ? t(place.column === '' ? 'ui.tables.row' : 'ui.tables.row_column', { row: place.row, column: place.column }) : reason.path ?? '';
  return (
    <li class="fault" data-test="fault" data-code={reason.code} data-row={place?.row ?? ''}>
      <span>{where !== '' && <b>{where} </b>}{reasonText(reason)}</span>
      {place && <code>{lineOf(text, place.row)}</code>}
    </li>
  );
}

function Faults({ fault, text }: { fault: Fault; text: string }): JSX.Element {
  const all = faultsOf(fault);
  return (
    <Notice tone="bad" test="faults">
      <p><b>{t('ui.tables.faults', { count: all.length })}</b></p>
      <ul class="faults">{all.map((one, n) => <FaultLine key={n} reason={one} text={text} />)}</ul>
    </Notice>
  );
}

// ---- The editor ---------------------------------------------------------------------------------------------------------

interface PartProps { form: TableForm; set: (change: Partial<TableForm>) => void; fault: Fault | null }

function Text({ form, set, quantities }: PartProps & { quantities: ProfileList['quantities'] }): JSX.Element {
  const [tooLarge, setTooLarge] = useState(false);
  const take = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    setTooLarge(file.size > TABLE_BYTES_MAX);
    if (file.size <= TABLE_BYTES_MAX) set({ text: textOf(new Uint8Array(await file.arrayBuffer())) });
  };
  return (
    <>
      <div class="part-row">
        <label class="button"><Icon name="add" />{t('ui.tables.file')}
          <input class="hidden" type="file" accept=".csv,.json,.tsv,.txt,text/csv,application/json,text/plain" data-test="file" onChange={(event) => void take(event.currentTarget.files?.[0])} />
        </label>
        {form.text === '' && <button type="button" class="button quiet" onClick={() => set({ text: EXAMPLE, first: EXAMPLE_FIRST })} data-test="example">{t('ui.tables.example')}</button>}
      </div>
      {tooLarge && <Notice tone="bad" test="too-large">{reasonText({ code: 'table.size', text: '', params: {} } as Reason)}</Notice>}
      <AreaField label={t('ui.tables.text')} hint={t('ui.tables.text_why')} rows={ROWS} value={form.text} onChange={(text) => set({ text })} test="text" />
      <details class="advanced">
        <summary data-test="quantities">{t('ui.tables.quantities')}</summary>
        <ul class="names">{quantities.map((one) => <li key={one.name}><code>{one.name}</code>{one.unit !== '' && <span class="muted"> {one.unit}</span>}</li>)}</ul>
      </details>
    </>
  );
}

function Head({ form, set, fault, named }: PartProps & { named: boolean }): JSX.Element {
  const error = (name: string): string | null => errorOf(fault, name);
  const firsts = (FIRSTS as readonly string[]).includes(form.first) ? FIRSTS : [form.first, ...FIRSTS];
  const name = (change: Partial<TableForm>): void => {
    const next = { ...form, ...change };
    set(form.id === idOf(form.family, form.model) ? { ...change, id: idOf(next.family, next.model) } : change);
  };
  return (
    <>
      {named && (
        <div class="fields">
          <TextField label={t('ui.system.family')} value={form.family} maxLength={63} onChange={(family) => name({ family })} error={error('family')} test="family" />
          <TextField label={t('ui.system.model')} value={form.model} maxLength={63} onChange={(model) => name({ model })} error={error('model')} test="model" />
          <TextField label={t('ui.tables.id')} hint={t('ui.tables.id_why')} value={form.id} maxLength={63} onChange={(id) => set({ id })} error={error('id')} test="id" />
          <SelectField label={t('ui.tables.kind')} value={form.kind} onChange={(kind) => set({ kind })} test="kind" options={KINDS.map((one) => ({ value: one, label: t(`ui.tables.kind.${one}`) }))} />
        </div>
      )}
      <div class="fields">
        <SelectField label={t('ui.tables.first')} hint={t('ui.tables.first_why')} value={form.first} onChange={(first) => set({ first })} error={error('first')} test="first" options={firsts.map((one) => ({ value: one, label: one }))} />
        <SelectField label={t('ui.tables.order')} hint={t('ui.tables.order_why')} value={form.order} onChange={(order) => set({ order })} test="order"
          options={[{ value: 'msw', label: t('ui.tables.order.msw') }, { value: 'lsw', label: t('ui.tables.order.lsw') }]} />
        <TextField label={t('ui.tables.document')} hint={t('ui.tables.document_why')} value={form.document} maxLength={120} onChange={(document) => set({ document })} error={error('document')} test="document" />
      </div>
      <details class="advanced">
        <summary>{t('ui.system.device.advanced')}</summary>
        <div class="fields">
          <NumberField label={t('ui.tables.max')} value={form.max} placeholder="125" onChange={(max) => set({ max })} error={error('max_registers')} test="max" />
          <NumberField label={t('ui.tables.gap')} value={form.gap} placeholder="0" onChange={(gap) => set({ gap })} error={error('gap_ms')} test="gap" />
        </div>
      </details>
    </>
  );
}

type Looked = { is: 'not' } | { is: 'busy' } | { is: 'lost' } | { is: 'bad_json'; why: string } | { is: 'faults'; fault: Fault } | { is: 'good'; tree: ProfileTree; whole: ProfileTree };
type Kept = { is: 'not' } | { is: 'busy' } | { is: 'lost' } | { is: 'refused'; reason: Reason } | { is: 'saved'; id: string };

interface CheckAnswer { profile: ProfileTree; whole?: ProfileTree }

// A table is looked at in the place it will have: on top of what stands there.
async function look(form: TableForm, base: ProfileTree | null): Promise<Looked> {
  const asked = checkArgs(form);
  if ('badJson' in asked) return { is: 'bad_json', why: asked.badJson };
  if (new TextEncoder().encode(JSON.stringify(asked.args)).length > MESSAGE_MAX) return { is: 'faults', fault: { code: 'table.size', text: '', params: {} } as Fault };
  let answer = await call<CheckAnswer>('config', 'profile', asked.args);
  if (answer.is === 'ok' && base !== null && !isJson(form.text)) answer = await call<CheckAnswer>('config', 'profile', { profile: composed(answer.value.profile, base), check: true });
  if (answer.is === 'lost') return { is: 'lost' };
  if (answer.is === 'error') return { is: 'faults', fault: answer.reason };
  return { is: 'good', tree: answer.value.profile, whole: answer.value.whole ?? answer.value.profile };
}

const Looked = ({ looked, text }: { looked: Looked; text: string }): JSX.Element | null => {
  if (looked.is === 'faults') return <Faults fault={looked.fault} text={text} />;
  if (looked.is === 'bad_json') return <Notice tone="bad" test="faults">{`${reasonText({ code: 'json.syntax', text: '', params: {} } as Reason)} ${looked.why}`}</Notice>;
  if (looked.is === 'lost') return <Notice tone="bad" test="faults">{t('ui.app.no_answer')}</Notice>;
  if (looked.is === 'good') return <Notice tone="good" test="table-good">{t('ui.tables.good', { count: Object.keys(looked.whole.registers ?? {}).length })}</Notice>;
  return null;
};

interface EditProps { start: TableForm; base: ProfileTree | null; named: boolean; title: string; about: Profile | null; place: { bus: string; unit: string; device: ConfigDevice | null }; list: ProfileList; onChanged: () => void }

function Saved({ id, place }: { id: string; place: EditProps['place'] }): JSX.Element {
  const href = place.device ? hrefOf('devices', place.device.id) : hrefOf('devices', 'new', place.bus, place.unit, id);
  return (
    <Notice tone="good" test="table-saved">
      <p>{t('ui.app.saved')}</p>
      <a class="button small" href={href} data-test="to-device">{t(place.device ? 'ui.tables.to_device' : 'ui.tables.to_new_device')}</a>
    </Notice>
  );
}

const accepts = (device: ConfigDevice | null): boolean => (device as { accept_candidate?: boolean } | null)?.accept_candidate === true;

function Edit({ start, base, named, title, about, place, list, onChanged }: EditProps): JSX.Element {
  const [form, setForm] = useState(start);
  const [looked, setLooked] = useState<Looked>({ is: 'not' });
  const [kept, setKept] = useState<Kept>({ is: 'not' });
  const [accepted, setAccepted] = useState(accepts(place.device));
  const { save } = useSave();
  const fault = looked.is === 'faults' ? looked.fault : null;
  // A table that changes while it is looked at makes the answer one about another table.
  const version = useRef(0);
  const [looking, setLooking] = useState(false);
  const lookAt = async (asked: TableForm): Promise<void> => {
    const mine = ++version.current;
    setLooking(true);
    const answer = await look(asked, base);
    if (mine !== version.current) return;
    setLooked(answer);
    setLooking(false);
  };
  const set = (change: Partial<TableForm>): void => {
    version.current++;
    setLooking(false);
    setForm((before) => ({ ...before, ...change }));
    setLooked({ is: 'not' });
    setKept({ is: 'not' });
  };
  const check = (): void => {
    setLooked({ is: 'busy' });
    void lookAt(form);
  };
  // What was chosen in the preview is written into the table, where it can be seen and changed.
  const change = async (tree: ProfileTree): Promise<void> => {
    const text = !isJson(form.text) && isPlain(tree) ? csvOf(tree, Number(form.first) || 0) : `${JSON.stringify(tree, null, 2)}\n`;
    const next = { ...form, text };
    setForm(next);
    setKept({ is: 'not' });
    await lookAt(next);
  };
  const keep = async (): Promise<void> => {
    if (looked.is !== 'good') return;
    const mine = version.current;
    setKept({ is: 'busy' });
    const answer = await call<CheckAnswer>('config', 'profile', { profile: looked.tree });
    if (answer.is !== 'ok') return setKept(answer.is === 'lost' ? { is: 'lost' } : { is: 'refused', reason: answer.reason });
    const { device } = place;
    if (device && accepted !== accepts(device)) {
      const { id: _id, rev: _rev, ...value } = device as ConfigDevice & { order?: number };
      delete value.order;
      if (await save([{ kind: 'device', id: device.id, value: { ...value, accept_candidate: accepted } }]) === null) return setKept({ is: 'lost' });
    }
    if (mine === version.current) setKept({ is: 'saved', id: String(answer.value.profile.id) });
    onChanged();
  };
  const whole = looked.is === 'good' ? looked.whole : null;
  const confidence = (whole?.confidence ?? 'candidate') as Profile['confidence'];
  return (
    <div class="system-form" data-test="table-form" data-looked={looked.is}>
      <header class="form-head"><a class="back" href={hrefOf('tables')} data-test="back">{t('ui.app.back')}</a><h1>{title}</h1>{about && <Badge>{about.id}</Badge>}</header>
      <section class="card system-part">
        <Text form={form} set={set} fault={fault} quantities={list.quantities} />
        {!isJson(form.text) && <Head form={form} set={set} fault={fault} named={named} />}
        <div class="part-row"><button type="button" class="button primary" disabled={looked.is === 'busy' || form.text.trim() === ''} onClick={check} data-test="check"><Icon name="check" />{t('ui.tables.check')}</button></div>
        <Looked looked={looked} text={form.text} />
      </section>
      {looked.is === 'good' && (
        <>
          <Preview tree={looked.tree} whole={looked.whole} bus={place.bus} unit={place.unit} onChange={(tree) => void change(tree)} />
          <section class="card system-part">
            <p class="model-sure"><Badge tone={CONFIDENCE_TONES[confidence]}>{t(`ui.system.model.${confidence}`)}</Badge><span class="muted">{t(`ui.system.model.${confidence}_why`)}</span></p>
            {confidence === 'candidate' && place.device && <CheckField label={t('ui.system.device.accept_candidate')} hint={t('ui.system.device.accept_candidate_why')} checked={accepted} onChange={setAccepted} test="accept-candidate" />}
            <div class="part-row"><button type="button" class="button primary" disabled={looking || kept.is === 'busy'} onClick={() => void keep()} data-test="save-table">{t(kept.is === 'busy' ? 'ui.app.saving' : 'ui.app.save')}</button></div>
            {kept.is === 'refused' && <Notice tone="bad" test="refused">{reasonText(kept.reason)}</Notice>}
            {kept.is === 'lost' && <Notice tone="bad" test="refused">{t('ui.app.no_answer')}</Notice>}
          </section>
        </>
      )}
      {kept.is === 'saved' && <Saved id={kept.id} place={place} />}
    </div>
  );
}

// ---- One of the user's own ------------------------------------------------------------------------------------------------

function useOwn(id: string, own: boolean): ProfileTree | Reason | 'lost' | null {
  const [state, setState] = useState<ProfileTree | Reason | 'lost' | null>(null);
  const online = useStore((all) => all.link.is === 'online');
  useEffect(() => {
    if (!online || !own) return;
    void call<{ profile: ProfileTree }>('config', 'profile', { read: id }).then((answer) => setState(answer.is === 'ok' ? answer.value.profile : answer.is === 'lost' ? 'lost' : answer.reason));
  }, [online, id, own]);
  return state;
}

function OwnTable({ profile, list, onChanged }: { profile: Profile; list: ProfileList; onChanged: () => void }): JSX.Element {
  const devices = useStore((state) => state.devices);
  const tree = useOwn(profile.id, true);
  const [refused, setRefused] = useState<string | null>(null);
  if (tree === null) return <div class="empty detail-empty"><p>{t('ui.app.loading')}</p></div>;
  if (tree === 'lost') return <Notice tone="bad">{t('ui.app.no_answer')}</Notice>;
  if ('code' in tree && 'text' in tree) return <Notice tone="bad">{reasonText(tree as Reason)}</Notice>;
  const own = tree as ProfileTree;
  const users = usersOf(profile.id, devices.values());
  const erase = async (): Promise<void> => {
    const answer = await call('config', 'profile', { remove: profile.id });
    setRefused(answer.is === 'ok' ? null : answer.is === 'lost' ? t('ui.app.no_answer') : reasonText(answer.reason));
    if (answer.is !== 'ok') return;
    onChanged();
    location.hash = hrefOf('tables');
  };
  const [first] = users;
  const place = { bus: first ? String(first.bus) : '', unit: first ? String(first.unit) : '', device: first ?? null };
  const plain = isPlain(own);
  return (
    <div class="system-form">
      <Edit start={formOf(own, { family: profile.family, model: profile.model, kind: profile.kind })} base={own} named={own.extends === undefined} title={`${profile.family} ${profile.model}`} about={profile} place={place} list={list} onChanged={onChanged} />
      <section class="card system-part" data-test="own-tools">
        <p class="muted" data-test="users">{users.length > 0 ? t('ui.tables.used', { devices: names(users) }) : t('ui.tables.unused')}</p>
        <div class="part-row">
          <button type="button" class="button" onClick={() => download(`${profile.id.slice(0, ROWS_PLAIN)}.json`, `${JSON.stringify(own, null, 2)}\n`, 'application/json')} data-test="download-json"><Icon name="download" />JSON</button>
          {plain && <button type="button" class="button" onClick={() => download(`${profile.id.slice(0, ROWS_PLAIN)}.csv`, csvOf(own, 0), 'text/csv')} data-test="download-csv"><Icon name="download" />CSV</button>}
          <Remove name={`${profile.family} ${profile.model}`} busy={false} onErase={() => void erase()} />
        </div>
        {refused !== null && <Notice tone="bad" test="remove-refused">{refused}</Notice>}
      </section>
    </div>
  );
}

// tables/new[/<profile it is for>[/<bus>/<unit>[/<device>]]], tables/<id>
export function TableEdit({ where, list, onChanged, gone }: { where: Where; list: ProfileList; onChanged: () => void; gone: JSX.Element }): JSX.Element {
  const devices = useStore((state) => state.devices);
  const [wanted = '', bus = '', unit = '', device = ''] = where.more;
  if (where.id !== 'new') {
    const profile = list.profiles.find((one) => one.id === where.id && one.own);
    return profile ? <OwnTable key={profile.id} profile={profile} list={list} onChanged={onChanged} /> : gone;
  }
  const model = list.profiles.find((one) => one.id === wanted) ?? null;
  const place = { bus, unit, device: devices.get(Number(device)) ?? null };
  const start = model ? { ...emptyForm, id: model.id, family: model.family, model: model.model, kind: model.kind } : emptyForm;
  return (
    <Edit key={where.more.join('-')} start={start} base={model ? attachedTo(model.id) : null} named={model === null} title={model ? t('ui.tables.for', { model: `${model.family} ${model.model}` }) : t('ui.tables.new')}
      about={model} place={place} list={list} onChanged={onChanged} />
  );
}
