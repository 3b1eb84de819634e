// Outputs of a device: which there are, how they act, what is saved. Pure.
import type { ConfigDevice, ConfigProfile, DeviceState } from '../../generated/types';
import { readNumber } from '../../format/number';

// What the device, and the modules that share its address, can be told.
export function commandsOf(device: Pick<ConfigDevice, 'profile' | 'parts'>, profiles: ReadonlyMap<string, ConfigProfile>): readonly string[] | undefined {
  const parts = (device.parts ?? []) as readonly { profile?: string }[];
  if (parts.length === 0) return profiles.get(device.profile ?? '')?.commands;
  return [device.profile, ...parts.map((part) => part.profile)].flatMap((id) => profiles.get(id ?? '')?.commands ?? []);
}

// Those that are read and those that can be switched, by number.
export function outputsOf(state: Pick<DeviceState, 'outputs'> | undefined, commands: readonly string[] | undefined): number[] {
  const told = (commands ?? []).flatMap((one) => { const number = /^output_(\d+)$/.exec(one); return number ? [Number(number[1])] : []; });
  return [...new Set([...Object.keys(state?.outputs ?? {}).map(Number), ...told])].sort((a, b) => a - b);
}

export const resetsOf = (commands: readonly string[] | undefined): string[] => (commands ?? []).flatMap((one) => (one.startsWith('reset_') ? [one.slice(6)] : []));

// The label a user gave ("output_2"), null when there is none.
export function labelOf(device: Pick<ConfigDevice, 'labels'>, kind: 'input' | 'output', n: number): string | null {
  const label = (device.labels as { readonly [key: string]: unknown } | undefined)?.[`${kind}_${n}`];
  return typeof label === 'string' && label !== '' ? label : null;
}

export interface OutputForm { readonly label: string; readonly contact: 'no' | 'nc'; readonly form: 'impulse' | 'blinking'; readonly onS: string }

export function outputForm(device: ConfigDevice, n: number): OutputForm {
  const set = device.outputs?.[String(n)];
  return { label: labelOf(device, 'output', n) ?? '', contact: set?.contact ?? 'no', form: set?.form ?? 'impulse', onS: String(set?.on_s ?? 0) };
}

// The whole device as it is to be saved; null while the form holds no number.
export function outputSettings(device: ConfigDevice, n: number, form: OutputForm): ConfigDevice | null {
  const onS = readNumber(form.onS);
  if (onS === null || onS < 0) return null;
  const key = `output_${n}`;
  const labels: { [key: string]: unknown } = { ...(device.labels as object | undefined) };
  delete labels[key];
  if (form.label.trim() !== '') labels[key] = form.label.trim();
  return { ...device, labels, outputs: { ...device.outputs, [String(n)]: { ...device.outputs?.[String(n)], contact: form.contact, form: form.form, on_s: onS } } };
}
