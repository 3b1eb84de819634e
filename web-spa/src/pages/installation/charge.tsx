// A charge point: its state in words, its limit, what flows.
import type { ComponentChildren, JSX } from 'preact';
import type { Charge, ConfigDevice, DeviceState } from '../../generated/types';
import type { Measure } from '../../format/number';
import { reasonText, t, type MessageKey } from '../../i18n/i18n';
import type { Reading } from '../../store/state';
import { Icon, type IconName } from '../../ui/icon';
import { BreakerMark } from '../../ui/state_mark';
import { MeasureTable } from './blocks';
import { CHARGE_GROUP, chargeBlocks } from './model';
import { labelOf } from './outputs';
import { Age, Value, judge, useScale, type Judge } from './value';

export const chargeWord = (state: Charge['state']): string => t(`state.charge.${state ?? 'unknown'}` as MessageKey);

const chargeIcon = (state: Charge['state']): IconName =>
  state === 'C' || state === 'D' ? 'bolt' : state === 'E' || state === 'F' ? 'stateFault' : state === 'A' ? 'stateOff' : 'vehicle';

export const readingOf = (charge: Charge, value: number | null | undefined): Reading | undefined =>
  value === undefined ? undefined : { value, upMs: charge.up_ms, group: CHARGE_GROUP };

interface LineProps { label: string; reading: Reading | undefined; measure: Measure; by: Judge; name: string }

function Line({ label, reading, measure, by, name }: LineProps): JSX.Element | null {
  const scale = useScale(measure, [reading]);
  if (!reading) return null;
  return (
    <tr class="row row-single">
      <th scope="row"><span class="row-name">{label}</span></th>
      <td class="cell"><Value reading={reading} scale={scale} by={by} name={name} unit /></td>
    </tr>
  );
}

// The current against the limit: how much of what is allowed is used.
function LimitBar({ charge }: { charge: Charge }): JSX.Element | null {
  const currents = [charge.current_l1, charge.current_l2, charge.current_l3].filter((one): one is number => typeof one === 'number');
  const scale = charge.rated_a ?? charge.limit_a;
  if (typeof scale !== 'number' || scale <= 0 || currents.length === 0) return null;
  const share = (value: number): number => Math.max(0, Math.min(100, (value / scale) * 100));
  const limit = typeof charge.limit_a === 'number' ? share(charge.limit_a) : null;
  return (
    <svg class="limit-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false">
      <rect class="limit-ground" x="0" y="1.5" width="100" height="5" />
      {limit !== null && <rect class="limit-allowed" x="0" y="1.5" width={limit} height="5" />}
      <rect class="limit-used" x="0" y="1.5" width={share(Math.max(...currents))} height="5" />
      {limit !== null && <rect class="limit-mark" x={Math.max(0, limit - 0.6)} y="0" width="0.6" height="8" />}
    </svg>
  );
}

// `said`: the code of the reason that stands above already.
export function ChargeBlock({ charge, by, said }: { charge: Charge; by: Judge; said: string | undefined }): JSX.Element {
  const word = chargeWord(charge.state);
  const whole: Reading = { value: 0, upMs: charge.up_ms, group: CHARGE_GROUP };
  const errors = (charge.errors ?? []).filter((one) => one.code !== said);
  return (
    <section class="card block" data-test="charge" data-charge={charge.state ?? 'unknown'} data-fresh={judge(whole, by)}>
      <header class="block-head"><h2>{t('ui.section.charge')}</h2><Age reading={whole} by={by} /></header>
      <p class={`charge-state charge-state-${charge.state ?? 'unknown'}`}>
        <Icon name={chargeIcon(charge.state)} />
        <span>{word}</span>
        {charge.state !== null && <span class="charge-letter">{charge.state}</span>}
      </p>
      <LimitBar charge={charge} />
      <table class="measures measures-1">
        <tbody>
          <Line label={t('ui.charge.limit')} reading={readingOf(charge, charge.limit_a)} measure="current" by={by} name="limit_a" />
          <Line label={t('ui.charge.rated')} reading={readingOf(charge, charge.rated_a)} measure="current" by={by} name="rated_a" />
          <Line label={t('ui.charge.power')} reading={readingOf(charge, charge.power)} measure="power_w" by={by} name="power" />
          <Line label={t('ui.charge.session')} reading={readingOf(charge, charge.session_wh)} measure="energy_wh" by={by} name="session_wh" />
        </tbody>
      </table>
      {chargeBlocks(charge).map((block) => <MeasureTable key={block.phases.join()} block={block} by={by} />)}
      {errors.length > 0 && (
        <div class="charge-errors"><p>{t('ui.charge.errors')}</p><ul>{errors.map((one) => <li key={one.code}>{reasonText(one)}</li>)}</ul></div>
      )}
    </section>
  );
}

const onOff = (value: boolean | number | null | undefined): string =>
  value === null || value === undefined ? '–' : typeof value === 'number' ? String(value) : t(value ? 'ui.state.on' : 'ui.state.off');

export function StateBlock({ state, device, by }: { state: DeviceState; device: ConfigDevice; by: Judge }): JSX.Element {
  const whole: Reading = { value: 0, upMs: state.up_ms, group: 'state' };
  const line = (label: string, text: ComponentChildren): JSX.Element => (
    <tr class="row row-single" key={label}><th scope="row"><span class="row-name">{label}</span></th><td class="cell">{text}</td></tr>
  );
  return (
    <section class="card block" data-test="device-state" data-fresh={judge(whole, by)}>
      <header class="block-head"><h2>{t('ui.section.state')}</h2><Age reading={whole} by={by} /></header>
      <table class="measures measures-1">
        <tbody>
          {state.breaker !== undefined && line(t('ui.state.breaker'), state.breaker === null ? '–' : <BreakerMark is={state.breaker} />)}
          {Object.entries(state.inputs ?? {}).map(([n, value]) => line(labelOf(device, 'input', Number(n)) ?? t('ui.state.input', { n }), onOff(value)))}
          {Object.entries(state.outputs ?? {}).map(([n, value]) => line(labelOf(device, 'output', Number(n)) ?? t('ui.state.output', { n }), onOff(value)))}
        </tbody>
      </table>
    </section>
  );
}
