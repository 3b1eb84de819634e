// Numbers with a unit people use, in a width that does not jump. Pure.

export interface Scale {
  readonly unit: string;
  readonly factor: number; // shown = value / factor
  readonly decimals: number;
}

// Scales from small to large. A value moves up at `from` and moves down again only 10 % below it, so that a reading
// around the border does not flicker between W and kW.
interface Ladder {
  readonly steps: ReadonlyArray<Scale & { readonly from: number }>;
}

const power = (unit: string): Ladder => ({
  steps: [
    { unit, factor: 1, decimals: 0, from: 0 },
    { unit: `k${unit}`, factor: 1e3, decimals: 2, from: 1e3 },
    { unit: `k${unit}`, factor: 1e3, decimals: 1, from: 1e5 },
    { unit: `M${unit}`, factor: 1e6, decimals: 3, from: 1e7 },
  ],
});
// Counters keep the resolution of ordinary meters (10 Wh) and only grow: they need no small unit.
const energy = (unit: string): Ladder => ({
  steps: [
    { unit: `k${unit}`, factor: 1e3, decimals: 2, from: 0 },
    { unit: `M${unit}`, factor: 1e6, decimals: 3, from: 1e9 },
  ],
});
const plain = (unit: string, decimals: number): Ladder => ({ steps: [{ unit, factor: 1, decimals, from: 0 }] });

export const LADDERS = {
  power_w: power('W'),
  power_var: power('var'),
  power_va: power('VA'),
  energy_wh: energy('Wh'),
  energy_varh: energy('varh'),
  energy_vah: energy('VAh'),
  voltage: plain('V', 1),
  current: plain('A', 2),
  frequency: plain('Hz', 2),
  factor: plain('', 3),
  percent: plain('%', 1),
  temperature: plain('°C', 1),
  volume: { steps: [{ unit: 'm³', factor: 1e3, decimals: 3, from: 0 }] } as Ladder,
  duration: { steps: [{ unit: 'min', factor: 60, decimals: 0, from: 0 }, { unit: 'h', factor: 3600, decimals: 1, from: 7200 }] } as Ladder,
  ratio: plain('', 1),
  count: plain('', 0),
  unknown: plain('', 3),
} satisfies { [name: string]: Ladder };

export type Measure = keyof typeof LADDERS;

export function chooseScale(measure: Measure, value: number, before?: Scale): Scale {
  const { steps } = LADDERS[measure] as Ladder;
  const size = Math.abs(value);
  let chosen = 0;
  for (let i = 1; i < steps.length; i++) {
    const step = steps[i]!;
    const held = before !== undefined && steps.findIndex((one) => one === before) >= i;
    if (size >= step.from * (held ? 0.9 : 1)) chosen = i;
  }
  return steps[chosen]!;
}

const formats = new Map<string, Intl.NumberFormat>();

export function formatNumber(value: number, decimals: number, locale: string): string {
  const key = `${locale}/${decimals}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    formats.set(key, format);
  }
  const rounded = Number(value.toFixed(decimals));
  return format.format(Object.is(rounded, -0) ? 0 : rounded);
}

export interface Shown {
  readonly number: string;
  readonly unit: string;
  readonly scale: Scale;
}

export function showValue(measure: Measure, value: number, locale: string, before?: Scale): Shown {
  const scale = chooseScale(measure, value, before);
  return { number: formatNumber(value / scale.factor, scale.decimals, locale), unit: scale.unit, scale };
}

// What a person typed: comma or point, blanks between thousands. null: no number.
export function readNumber(text: string): number | null {
  const plain = text.replace(/[\s\u00a0\u202f']/g, '').replace(',', '.');
  return /^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)$/.test(plain) ? Number(plain) : null;
}
