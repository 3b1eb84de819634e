// What the page shows, computed from what the gateway said. Pure.
import type { BusStatus, Charge, ConfigBus, ConfigDevice, ConfigPanel, ConfigProfile, DeviceStatus } from '../../generated/types';
import { compareBases, quantity, type Phase, type Quantity, type Section } from '../../format/quantity';
import type { DeviceMeasures, Reading, State } from '../../store/state';
import type { IconName } from '../../ui/icon';
import type { StateName } from '../../ui/state_mark';

export type Arrangement = 'bus' | 'panel' | 'all';

export interface Group {
  readonly key: string;
  readonly bus: ConfigBus | null;     // arranged by bus
  readonly panel: ConfigPanel | null; // arranged by panel
  readonly kind: 'bus' | 'panel' | 'no_bus' | 'no_panel' | 'all';
  readonly devices: readonly ConfigDevice[];
}

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
const byName = (a: { name: string; id: number }, b: { name: string; id: number }): number =>
  collator.compare(a.name, b.name) || a.id - b.id;

// "5", "2-1" with an interface, "5/3" with a position, as the manual writes addresses.
export function addressOf(device: ConfigDevice): string {
  const unit = device.unit === null || device.unit === undefined ? '' : String(device.unit);
  const part = device.interface === null || device.interface === undefined ? '' : `-${device.interface}`;
  const position = device.position === null || device.position === undefined ? '' : `/${device.position}`;
  return `${unit}${part}${position}`;
}

export const busAddress = (bus: ConfigBus): string =>
  bus.address === undefined ? '' : bus.port === undefined ? bus.address : `${bus.address}:${bus.port}`;

export function matches(device: ConfigDevice, profile: ConfigProfile | undefined, bus: ConfigBus | undefined, text: string): boolean {
  const needle = text.trim().toLowerCase();
  if (needle === '') return true;
  const hay = [device.name, String(device.id), addressOf(device), device.profile ?? '', profile?.model ?? '', profile?.family ?? '', bus?.name ?? ''];
  return hay.some((one) => one.toLowerCase().includes(needle));
}

type Config = Pick<State, 'buses' | 'devices' | 'panels' | 'profiles'>;

function byBus(config: Config, devices: readonly ConfigDevice[], keepEmpty: boolean): Group[] {
  const groups: Group[] = [...config.buses.values()].sort(byName).map((bus) => ({
    key: `bus-${bus.id}`, bus, panel: null, kind: 'bus', devices: devices.filter((device) => device.bus === bus.id),
  }));
  const lost = devices.filter((device) => !config.buses.has(device.bus));
  if (lost.length > 0) groups.push({ key: 'no-bus', bus: null, panel: null, kind: 'no_bus', devices: lost });
  return keepEmpty ? groups : groups.filter((group) => group.devices.length > 0);
}

function byPanel(config: Config, devices: readonly ConfigDevice[]): Group[] {
  const panelOf = (device: ConfigDevice): number | null => config.buses.get(device.bus)?.panel ?? null;
  const groups: Group[] = [...config.panels.values()].sort(byName).map((panel) => ({
    key: `panel-${panel.id}`, bus: null, panel, kind: 'panel', devices: devices.filter((device) => panelOf(device) === panel.id),
  }));
  const rest = devices.filter((device) => !config.panels.has(panelOf(device) ?? 0));
  groups.push({ key: 'no-panel', bus: null, panel: null, kind: 'no_panel', devices: rest });
  return groups.filter((group) => group.devices.length > 0);
}

export function arrange(config: Config, arrangement: Arrangement, search: string): Group[] {
  const devices = [...config.devices.values()]
    .filter((device) => matches(device, config.profiles.get(device.profile ?? ''), config.buses.get(device.bus), search))
    .sort(byName);
  if (arrangement === 'bus') return byBus(config, devices, search.trim() === '');
  if (arrangement === 'panel') return byPanel(config, devices);
  return devices.length === 0 ? [] : [{ key: 'all', bus: null, panel: null, kind: 'all', devices }];
}

export function deviceState(device: ConfigDevice | undefined, status: DeviceStatus | undefined): StateName {
  if (status) return status.state;
  return device?.on === false ? 'off' : 'unknown';
}

export function busState(bus: ConfigBus, status: BusStatus | undefined): StateName {
  if (status) return status.state;
  return bus.on === false ? 'off' : 'unknown';
}

// Whether what it last said may still be true: a device in fault still answers.
export const answering = (state: StateName): boolean => state === 'on' || state === 'fault' || state === 'unknown';

export function kindIcon(kind: ConfigProfile['kind'] | undefined): IconName {
  switch (kind) {
    case 'meter': return 'meter';
    case 'station': return 'station';
    case 'breaker': return 'breaker';
    case 'pulse': return 'pulse';
    case 'io': return 'io';
    default: return 'device';
  }
}

export interface Functions { readonly measure: boolean; readonly state: boolean; readonly command: boolean }

// What a device does, as far as its profile says. A reset or the limit of Green'Up is no command of its own.
export function functionsOf(profile: Pick<ConfigProfile, 'quantities' | 'commands'> | undefined): Functions {
  const quantities = profile?.quantities ?? [];
  return {
    measure: quantities.some((one) => /^(partial_)?(voltage|current(?!_limit)|active|reactive|apparent|volume|temperature)/.test(one)),
    state: quantities.some((one) => /^(state|error_code|(input|output)_\d+)$/.test(one)),
    command: (profile?.commands ?? []).some((one) => /^(output_\d+|plug|socket)$/.test(one)),
  };
}

export const PHASES: readonly Phase[] = ['total', 'l1', 'l2', 'l3', 'n'];

export interface Row {
  readonly base: string;
  readonly order: number;
  readonly quantity: Quantity; // any one of the row: its unit is that of all
  readonly cells: { readonly [P in Phase]?: Reading };
}

export interface Block {
  readonly section: Section;
  readonly phases: readonly Phase[];
  readonly rows: readonly Row[];
}

const SECTIONS: readonly Section[] = ['power', 'electric', 'energy', 'volume', 'quality', 'other', 'info'];

function rowsOf(entries: ReadonlyArray<[Quantity, Reading]>): Row[] {
  const rows = new Map<string, { base: string; order: number; quantity: Quantity; cells: { [P in Phase]?: Reading } }>();
  for (const [what, reading] of entries) {
    const key = `${what.base}/${what.order}`;
    const row = rows.get(key) ?? { base: what.base, order: what.order, quantity: what, cells: {} };
    row.cells[what.phase] = reading;
    rows.set(key, row);
  }
  return [...rows.values()].sort((a, b) => compareBases(a.base, b.base) || a.order - b.order);
}

const entriesOf = (measures: DeviceMeasures): Array<[Quantity, Reading]> =>
  Object.entries(measures.readings).map(([name, reading]) => [quantity(name), reading]);

// A frequency is nobody's total: there the column is left out as soon as any phase has one.
const hasTotals = (section: Section): boolean => section !== 'electric' && section !== 'quality';

// The tables of the page: one block a section, one row a quantity, one column a phase that somebody measures.
export function blocksOf(measures: DeviceMeasures): Block[] {
  const entries = entriesOf(measures);
  return SECTIONS.flatMap((section) => {
    const rows = rowsOf(entries.filter(([what]) => what.section === section));
    if (rows.length === 0) return [];
    const all = PHASES.filter((phase) => rows.some((row) => row.cells[phase] !== undefined));
    const phases = hasTotals(section) || all.length === 1 ? all : all.filter((phase) => phase !== 'total');
    return [{ section, phases, rows }];
  });
}

export const CHARGE_GROUP = 'charge';
// What the card of a charge point says in its own lines.
const CHARGE_OWN = ['limit_a', 'limit_w', 'limit_pct', 'rated_a', 'power', 'session_wh', 'plug', 'socket', 'released', 'up_ms', 'period_ms'];

// The rest of what a charge point measures: a table of what has phases, as currents and voltages, and one of what has none.
export function chargeBlocks(charge: Charge): Block[] {
  const readings: { [name: string]: Reading } = {};
  for (const [name, value] of Object.entries(charge) as Array<[string, unknown]>) {
    if ((typeof value === 'number' || value === null) && name !== 'state' && !CHARGE_OWN.includes(name)) {
      readings[name] = { value, upMs: charge.up_ms, group: CHARGE_GROUP };
    }
  }
  const blocks = blocksOf({ readings, periods: {} });
  const phased = (row: Row): boolean => Object.keys(row.cells).some((phase) => phase !== 'total');
  const rows = blocks.flatMap((block) => block.rows);
  return [rows.filter(phased), rows.filter((row) => !phased(row))].filter((some) => some.length > 0).map((some) => ({
    section: 'other', rows: some, phases: PHASES.filter((phase) => some.some((row) => row.cells[phase] !== undefined)),
  }));
}

// One table of harmonics for voltage, one for current; a row is an order.
export function harmonicsOf(measures: DeviceMeasures): Block[] {
  const entries = entriesOf(measures).filter(([what]) => what.section === 'harmonics');
  return ['harmonic_voltage', 'harmonic_voltage_line', 'harmonic_current'].flatMap((base) => {
    const rows = rowsOf(entries.filter(([what]) => what.base === base));
    if (rows.length === 0) return [];
    return [{ section: 'harmonics' as const, rows, phases: PHASES.filter((phase) => rows.some((row) => row.cells[phase])) }];
  });
}

export interface StatisticRow {
  readonly key: string;
  readonly quantity: Quantity;
  readonly mean?: Reading;
  readonly min?: Reading;
  readonly max?: Reading;
}

export function statisticsOf(measures: DeviceMeasures): StatisticRow[] {
  const rows = new Map<string, { key: string; quantity: Quantity; mean?: Reading; min?: Reading; max?: Reading }>();
  for (const [what, reading] of entriesOf(measures)) {
    if (what.statistic === null) continue;
    const key = `${what.base}/${what.phase}`;
    const row = rows.get(key) ?? { key, quantity: what };
    row[what.statistic] = reading;
    rows.set(key, row);
  }
  const at = (row: StatisticRow): number => PHASES.indexOf(row.quantity.phase);
  return [...rows.values()].sort((a, b) => compareBases(a.quantity.base, b.quantity.base) || at(a) - at(b));
}

// The newest reading of several: its age is the age of the block.
export function newest(readings: ReadonlyArray<Reading | undefined>): Reading | null {
  let best: Reading | null = null;
  for (const reading of readings) if (reading && (best === null || reading.upMs > best.upMs)) best = reading;
  return best;
}

// The one number of a device in the list: its power, else its main counter.
export const HEADLINES: readonly string[] = ['active_power', 'active_energy_import', 'volume', 'temperature'];

export function headline(measures: DeviceMeasures | undefined): { name: string; reading: Reading } | null {
  for (const name of HEADLINES) {
    const reading = measures?.readings[name];
    if (reading) return { name, reading };
  }
  return null;
}
