// A state in a shape, a colour and a word.
import type { JSX } from 'preact';
import { t, type MessageKey } from '../i18n/i18n';
import { Icon, type IconName } from './icon';

export type StateName = 'on' | 'off' | 'error' | 'fault' | 'unconfigured' | 'unknown';

const ICONS: { readonly [K in StateName]: IconName } = {
  on: 'stateOn', off: 'stateOff', error: 'stateError', fault: 'stateFault', unconfigured: 'stateUnconfigured',
  unknown: 'stateUnknown',
};

export const stateWord = (of: 'bus' | 'device', state: StateName): string => {
  const name = of === 'bus' && (state === 'fault' || state === 'unconfigured') ? 'unknown' : state;
  return t(`state.${of}.${name}` as MessageKey);
};

export function StateMark({ of, state, short }: { of: 'bus' | 'device'; state: StateName; short?: boolean }): JSX.Element {
  const word = stateWord(of, state);
  return (
    <span class={`state state-${state}`} data-state={state} title={short ? word : undefined}>
      <Icon name={ICONS[state]} />
      <span class={short ? 'hidden' : 'state-word'}>{word}</span>
    </span>
  );
}

const BREAKERS = { open: 'breakerOpen', closed: 'breakerClosed', tripped: 'breakerTripped' } as const;

export function BreakerMark({ is, short }: { is: keyof typeof BREAKERS; short?: boolean }): JSX.Element {
  const word = t(`ui.state.breaker.${is}`);
  return (
    <span class={`breaker breaker-${is}`} data-breaker={is} title={short ? word : undefined}>
      <Icon name={BREAKERS[is]} />
      <span class={short ? 'hidden' : undefined}>{word}</span>
    </span>
  );
}
