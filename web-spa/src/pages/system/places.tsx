// Panels, circuits and zones: lists with their ids, and the form of one (ORG-01 to ORG-05).
import type { JSX } from 'preact';
import type { ConfigCircuit } from '../../generated/types';
import { lookUp, t } from '../../i18n/i18n';
import type { State } from '../../store/state';
import { useStore } from '../../store/store';
import { Badge } from '../../ui/badge';
import { Icon } from '../../ui/icon';
import { TextField, errorOf } from '../../ui/field';
import { useForm } from './form';
import { OWN_CIRCUITS_MAX, PLACE_PAGES, byName, hrefOf, isBuiltIn, isDisabled, merged, placeText, type Place } from './model';
import { Foot, Remove } from './saving';

export type PlacePage = keyof typeof PLACE_PAGES;

// Built-in circuits are named by their use, in the reader's language.
export const circuitName = (circuit: ConfigCircuit): string => circuit.name ?? lookUp(`circuit.${circuit.use ?? ''}`) ?? circuit.use ?? String(circuit.id);
const nameOf = (page: PlacePage, place: Place): string => (page === 'circuits' ? circuitName(place as ConfigCircuit) : place.name ?? '');

const select = (page: PlacePage) => (state: State): ReadonlyMap<number, Place> => (page === 'panels' ? state.panels : page === 'circuits' ? state.circuits : state.zones);

function uses(page: PlacePage, id: number, state: State): number {
  if (page === 'panels') return [...state.buses.values()].filter((one) => one.panel === id).length;
  return [...state.devices.values()].filter((one) => (page === 'circuits' ? one.circuit === id : (one.zones as readonly number[] | undefined)?.includes(id))).length;
}

function PlaceLine({ page, place, chosen }: { page: PlacePage; place: Place; chosen: boolean }): JSX.Element {
  const count = useStore((state) => uses(page, place.id, state));
  return (
    <li>
      <a class={chosen ? 'line line-chosen' : 'line'} href={hrefOf(page, place.id)} data-test="place" data-id={place.id} data-disabled={isDisabled(place)}>
        <span class="line-icon"><Icon name={page === 'panels' ? 'panel' : page === 'zones' ? 'home' : 'bolt'} /></span>
        <span class="line-text">
          <span class="line-name"><bdi class="line-called">{nameOf(page, place)}</bdi></span>
          <span class="line-about muted">{[t('ui.system.id', { id: place.id }), t(page === 'panels' ? 'ui.system.buses_there' : 'ui.system.devices_there', { count }), placeText(place)].filter((one) => one !== '').join(' · ')}</span>
        </span>
        {isDisabled(place) && <Badge tone="warn" icon="pause">{t('ui.system.disabled')}</Badge>}
      </a>
    </li>
  );
}

export function PlaceList({ page, chosen }: { page: PlacePage; chosen: string }): JSX.Element {
  const places = useStore(select(page));
  const sorted = [...places.values()].sort((a, b) => Number(isBuiltIn(b)) - Number(isBuiltIn(a)) || byName(a, b));
  const full = page === 'circuits' && sorted.filter((one) => !isBuiltIn(one)).length >= OWN_CIRCUITS_MAX;
  return (
    <section class="card group" data-test="places">
      <header class="group-head">
        <span class="group-text"><h2>{t(page === 'zones' ? 'ui.system.zones_tab' : `ui.system.${page}`)}</h2><span class="muted">{t(`ui.system.${page}_why`)}</span></span>
        {full ? <span class="muted">{t('ui.system.circuits_full', { count: OWN_CIRCUITS_MAX })}</span> : <a class="button" href={hrefOf(page, 'new')} data-test="add"><Icon name="add" />{t('ui.system.add')}</a>}
      </header>
      <ul class="lines">{sorted.map((one) => <PlaceLine key={one.id} page={page} place={one} chosen={String(one.id) === chosen} />)}</ul>
      {sorted.length === 0 && <p class="group-empty muted">{t('ui.system.nothing_yet')}</p>}
    </section>
  );
}

interface PlaceForm { name: string; place: string }

export function PlaceEdit({ page, place }: { page: PlacePage; place: Place | null }): JSX.Element {
  const kind = PLACE_PAGES[page];
  const value = (form: PlaceForm): object => merged(place, { name: form.name.trim() || undefined, ...(page === 'circuits' ? {} : { place: form.place.trim() || undefined }) });
  const state = useForm<PlaceForm>(place, () => ({ name: place?.name ?? '', place: placeText(place) }), (form) => [{ kind, id: place?.id ?? null, value: value(form) }]);
  const { form, set, saving } = state;
  const submit = async (): Promise<void> => {
    const ids = await state.submit();
    if (ids !== null && place === null && ids[0] != null) location.hash = hrefOf(page, ids[0]);
  };
  const disable = (disabled: boolean): void => { void state.run([{ kind, id: place!.id, value: merged(place, { disabled: disabled || undefined }) }]); };
  const erase = async (): Promise<void> => {
    if (await state.run([{ kind, id: place!.id, value: null }])) location.hash = hrefOf(page);
  };
  const builtIn = place !== null && isBuiltIn(place);
  return (
    <div class="system-form" data-test="place-form" data-id={place?.id ?? 'new'}>
      <header class="form-head">
        <a class="button quiet back" href={hrefOf(page)} data-test="back"><Icon name="back" />{t('ui.app.back')}</a>
        <h1>{place ? nameOf(page, place) : t(`ui.system.${page}_new`)}</h1>
        {place && <Badge>{t('ui.system.id', { id: place.id })}</Badge>}
        {place && isDisabled(place) && <Badge tone="warn" icon="pause">{t('ui.system.disabled')}</Badge>}
      </header>
      <form class="card system-part" onSubmit={(event) => { event.preventDefault(); void submit(); }} noValidate>
        <div class="fields">
          <TextField label={t('ui.system.name')} value={form.name} maxLength={63} onChange={(name) => set({ name })} error={errorOf(saving.reason, 'name')} test="name" {...(builtIn ? { placeholder: circuitName({ ...place, name: undefined } as unknown as ConfigCircuit) } : {})} />
          {page !== 'circuits' && <TextField label={t('ui.system.place')} value={form.place} maxLength={63} onChange={(next) => set({ place: next })} error={errorOf(saving.reason, 'place')} test="place-text" />}
        </div>
        <Foot saving={saving} fields={['name', 'place']} onMine={state.mine} onTheirs={state.theirs} />
      </form>
      {place && (
        <div class="part-row">
          {isDisabled(place) && <button type="button" class="button primary" onClick={() => disable(false)} data-test="enable">{t('ui.system.enable')}</button>}
          <Remove name={nameOf(page, place)} busy={saving.state === 'busy'} onErase={() => void erase()} onDisable={isDisabled(place) ? undefined : () => disable(true)}
            {...(builtIn ? { why: t('ui.system.built_in_kept') } : {})} />
        </div>
      )}
    </div>
  );
}
