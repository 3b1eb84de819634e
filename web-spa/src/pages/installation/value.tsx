// One number with the honesty it deserves: fresh, out of date (greyed), or no value (a dash).
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import { ageMs, ageWords, readingFreshness, type Freshness } from '../../format/freshness';
import { chooseScale, formatNumber, type Measure, type Scale } from '../../format/number';
import { t } from '../../i18n/i18n';
import type { DeviceMeasures, Reading } from '../../store/state';
import { Explain } from '../../ui/explain';

// What is needed to judge the readings of one device at this moment.
export interface Judge {
  readonly now: number;
  readonly offset: number | null;
  readonly flows: boolean;
  readonly answers: boolean;
  readonly periods: DeviceMeasures['periods'];
  readonly locale: string;
}

export const judge = (reading: Reading, by: Judge): Freshness =>
  readingFreshness(reading, by.periods, by.offset, by.now, by.flows, by.answers);

// What is out of date is never called "just now".
export function ageText(upMs: number, by: Pick<Judge, 'offset' | 'now'>, fresh: boolean): string {
  const age = ageMs(upMs, by.offset, by.now);
  if (age === null) return t('ui.age.stale');
  const words = fresh ? ageWords(age) : ageWords(Math.max(age, 2000));
  return t(`ui.age.${words.key}`, { n: words.n });
}

// The largest of a row chooses the unit for all of it, and the choice is remembered, so that units do not flicker.
export function useScale(measure: Measure, readings: ReadonlyArray<Reading | undefined>): Scale {
  const before = useRef<Scale | undefined>(undefined);
  let largest = 0;
  for (const reading of readings) {
    const value = reading?.value;
    if (typeof value === 'number') largest = Math.max(largest, Math.abs(value));
  }
  before.current = chooseScale(measure, largest, before.current);
  return before.current;
}

interface NumberProps { reading: Reading | undefined; scale: Scale; by: Judge; name?: string; unit?: boolean }

export function Value({ reading, scale, by, name, unit }: NumberProps): JSX.Element {
  if (!reading) return <span class="value value-absent" />;
  const state = judge(reading, by);
  const nothing = reading.value === null && reading.text === undefined;
  const text = reading.value === null ? reading.text ?? '–' : formatNumber(reading.value / scale.factor, scale.decimals, by.locale);
  const title = nothing ? t('ui.value.none') : ageText(reading.upMs, by, state === 'fresh');
  return (
    <span class={`value value-${state}${nothing ? ' value-empty' : ''}`} data-fresh={state} data-quantity={name} title={title}>
      <span class="numbers">{text}</span>
      {unit && !nothing && scale.unit !== '' && <span class="unit">{scale.unit}</span>}
      {nothing && <span class="hidden">{t('ui.value.none')}</span>}
      {!nothing && (state === 'stale' || state === 'offline') && <span class="hidden">{t('ui.age.stale')}</span>}
    </span>
  );
}

// Beside the title of a block: how old the newest of it is, and whether that is too old. Tapped, it says what that means.
// `plain`: where a button may not stand, as in a summary.
// `none`: there is a dash among the values.
export function Age({ reading, by, plain, none }: { reading: Reading; by: Judge; plain?: boolean; none?: boolean }): JSX.Element {
  const state = readingFreshness({ ...reading, value: 0 }, by.periods, by.offset, by.now, by.flows, by.answers);
  const period = by.periods[reading.group];
  const why = state === 'fresh' && period !== undefined
    ? t('ui.age.every', { seconds: formatNumber(period / 1000, period < 1000 ? 1 : 0, by.locale) })
    : t(state === 'fresh' ? 'ui.age.fresh_why' : state === 'offline' ? 'ui.age.offline_why' : 'ui.age.stale_why');
  const mark = (
    <span class={`age age-${state}`} data-fresh={state}>
      <span class="age-dot" aria-hidden="true" />
      {state !== 'fresh' && <span class="age-word">{t('ui.age.stale')}</span>}
      <span class="numbers">{ageText(reading.upMs, by, state === 'fresh')}</span>
    </span>
  );
  return plain ? mark : <Explain text={none ? `${why} ${t('ui.value.none_why')}` : why} test="age">{mark}</Explain>;
}
