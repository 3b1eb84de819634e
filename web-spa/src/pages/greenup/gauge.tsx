// The three bands of one phase, drawn: where the current is, what other loads take, what is booked.
import type { JSX } from 'preact';
import { useRef } from 'preact/hooks';
import type { GreenupPhase } from '../../generated/types/greenup_status';
import { formatNumber } from '../../format/number';
import { t, useLanguage } from '../../i18n/i18n';
import { Badge } from '../../ui/badge';
import type { IconName } from '../../ui/icon';
import { useWidth } from '../../ui/width';
import type { Band } from './model';

const HEIGHT = 62;
const TOP = 13;
const BAR = 22;
const LABEL_PX = 34; // the room that a number takes

const BAND_ICON: { readonly [B in Band]: IconName } = { green: 'stateOn', yellow: 'stateError', red: 'stateFault' };
const BAND_TONE = { green: 'good', yellow: 'warn', red: 'bad' } as const;

export const BandBadge = ({ band, test }: { band: Band; test?: string }): JSX.Element => (
  <Badge tone={BAND_TONE[band]} icon={BAND_ICON[band]} {...(test ? { test } : {})}>{t(`ui.greenup.band.${band}`)}</Badge>
);

interface GaugeProps {
  phase: Pick<GreenupPhase, 'band' | 'current_a' | 'maximum_a' | 'hold_a' | 'charging_max_a' | 'base_a' | 'booked_a'>;
  name: string;
  end: number;   // of the axis, A
  fresh: boolean;
  pointers?: ReadonlyArray<{ name: string; at: number }>; // instead of the one current
}

function Thresholds({ phase, x }: { phase: GaugeProps['phase']; x: (a: number) => number }): JSX.Element {
  const locale = useLanguage();
  const [charging, maximum] = [x(phase.charging_max_a), x(phase.maximum_a)];
  const close = maximum - charging < LABEL_PX;
  const equal = phase.charging_max_a === phase.maximum_a;
  const text = (a: number): string => formatNumber(a, Number.isInteger(a) ? 0 : 1, locale);
  return (
    <g class="gauge-labels">
      <text x="0" y={HEIGHT - 8}>0</text>
      {!equal && <text x={charging} y={HEIGHT - 8} text-anchor={close ? 'end' : 'middle'}>{text(phase.charging_max_a)}</text>}
      <text x={maximum} y={HEIGHT - 8} text-anchor={close && !equal ? 'start' : 'middle'}>{text(phase.maximum_a)}</text>
      <path class="gauge-tick" d={`M${charging} ${TOP + BAR}v6M${maximum} ${TOP + BAR}v6`} />
    </g>
  );
}

function Drawing({ phase, end, width, pointers }: { phase: GaugeProps['phase']; end: number; width: number; pointers: ReadonlyArray<{ name: string; at: number }> }): JSX.Element {
  const x = (a: number): number => Math.round(Math.min(1, Math.max(0, a / end)) * width * 10) / 10;
  const [charging, maximum] = [x(phase.charging_max_a), x(phase.maximum_a)];
  const back = phase.maximum_a - phase.hold_a;
  return (
    <>
      <rect class="gauge-green" x="0" y={TOP} width={charging} height={BAR} />
      <rect class="gauge-yellow" x={charging} y={TOP} width={Math.max(0, maximum - charging)} height={BAR} />
      <rect class="gauge-red" x={maximum} y={TOP} width={Math.max(0, width - maximum)} height={BAR} />
      {back > 0 && <path class="gauge-hold" d={`M${x(phase.hold_a)} ${TOP}v${BAR}M${x(Math.max(0, phase.charging_max_a - back))} ${TOP}v${BAR}`} />}
      {phase.base_a !== null && <rect class="gauge-base" x="0" y={TOP + BAR - 6} width={x(phase.base_a)} height="6" />}
      {phase.booked_a !== null && <path class="gauge-booked" d={`M0 ${TOP + BAR - 8.5}H${x(phase.booked_a)}v5`} />}
      {pointers.map((one) => {
        const at = Math.min(width - 6, Math.max(6, x(one.at)));
        return (
          <g key={one.name}>
            <path class={`gauge-pointer gauge-pointer-${phase.band}`} d={`M${at - 6} 1h12l-6 9zM${at} 8v${TOP + BAR - 6}`} />
            {pointers.length > 1 && <text class="gauge-pointer-name" x={at + 9} y="10">{one.name}</text>}
          </g>
        );
      })}
      <Thresholds phase={phase} x={x} />
    </>
  );
}

export function Gauge({ phase, name, end, fresh, pointers }: GaugeProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const width = useWidth(place);
  const locale = useLanguage();
  const value = phase.current_a === null ? '–' : formatNumber(phase.current_a, 1, locale);
  const said = t('ui.greenup.gauge', {
    name, value, band: t(`ui.greenup.band.${phase.band}`), charging: formatNumber(phase.charging_max_a, 1, locale), maximum: formatNumber(phase.maximum_a, 1, locale),
  });
  const shown = pointers ?? (phase.current_a === null ? [] : [{ name, at: phase.current_a }]);
  return (
    <div class={fresh ? 'gauge' : 'gauge gauge-old'} data-test="gauge" data-band={phase.band}>
      <div class="gauge-head">
        <span class="gauge-name">{name}</span>
        <span class="gauge-value numbers">{value} <span class="unit">A</span></span>
        {phase.current_a !== null && fresh && <BandBadge band={phase.band} />}
      </div>
      <div class="gauge-place" ref={place}>
        {width > 0 && <svg class="gauge-drawing" role="img" aria-label={said} width={width} height={HEIGHT} viewBox={`0 0 ${width} ${HEIGHT}`}><Drawing phase={phase} end={end} width={width} pointers={shown} /></svg>}
      </div>
    </div>
  );
}
