// Everything the pages show. Changed only by reduce(); nothing in here is ever modified in place.
import type {
  BusScan, BusStatus, Charge, ChargeSession, ConfigBus, ConfigCircuit, ConfigCostRule, ConfigDevice, ConfigPanel, ConfigProfile, ConfigSite, ConfigTariff,
  ConfigZone, DeviceLinks, DeviceState, DeviceStatus, GreenupStatus, ServiceStatus, Session,
} from '../generated/types';

export type PageId = Session['pages'][number];

// Where the visitor is. `starting`: the first answer of /api/session is awaited.
export type Visit =
  | { at: 'starting' }
  | { at: 'unreachable'; why: 'network' | 'gateway' }
  | { at: 'login'; ended: boolean }
  | { at: 'inside'; session: Session };

// The one WebSocket. `lost`: which part does not answer; `retryAt` on the clock of performance.now().
export type Link =
  | { is: 'idle' }
  | { is: 'connecting' }
  | { is: 'online' }
  | { is: 'offline'; lost: 'gateway' | 'broker'; retryAt: number };

// The newest value of one quantity. `upMs` is the gateway's CLOCK_BOOTTIME when it was read.
export interface Reading {
  readonly value: number | null;
  readonly text?: string; // of the group info, as a serial number; value is null then
  readonly upMs: number;
  readonly group: string;
}

export interface DeviceMeasures {
  readonly readings: { readonly [quantity: string]: Reading };
  // How often each group is read, told by the gateway or learned from what arrived, in ms.
  readonly periods: { readonly [group: string]: number };
}

// A member of the site file, as `greenup` or `sampling`, with the revision it changed in.
export interface Settings { readonly rev: number; readonly [key: string]: unknown }

export type Table<T> = ReadonlyMap<number, T>;

export interface State {
  readonly visit: Visit;
  readonly link: Link;
  // What was lost last, until the link is online again: a first connection is no loss.
  readonly lastLost: 'gateway' | 'broker' | null;
  // performance.now() of this page minus CLOCK_BOOTTIME of the gateway in ms, as well as known; null: unknown.
  readonly clockOffset: number | null;
  readonly site: ConfigSite | null;
  readonly services: ReadonlyMap<string, ServiceStatus>;
  readonly buses: Table<ConfigBus>;
  readonly devices: Table<ConfigDevice>;
  readonly panels: Table<ConfigPanel>;
  readonly circuits: Table<ConfigCircuit>;
  readonly zones: Table<ConfigZone>;
  readonly tariffs: Table<ConfigTariff>;
  readonly costRules: Table<ConfigCostRule>;
  readonly settings: ReadonlyMap<string, Settings>; // config/settings/<name>, all but the site itself
  readonly profiles: ReadonlyMap<string, ConfigProfile>;
  readonly busStatus: Table<BusStatus>;
  readonly scans: Table<BusScan>;
  readonly deviceStatus: Table<DeviceStatus>;
  readonly measures: Table<DeviceMeasures>;
  readonly charges: Table<Charge>;
  readonly deviceStates: Table<DeviceState>;
  readonly links: Table<DeviceLinks>; // what each module says of its links with others
  readonly greenup: GreenupStatus | null;
  readonly sessions: Table<ChargeSession>; // by the device of the charge point
}

export const EMPTY: State = {
  visit: { at: 'starting' },
  link: { is: 'idle' },
  lastLost: null,
  clockOffset: null,
  site: null,
  services: new Map(),
  buses: new Map(),
  devices: new Map(),
  panels: new Map(),
  circuits: new Map(),
  zones: new Map(),
  tariffs: new Map(),
  costRules: new Map(),
  settings: new Map(),
  profiles: new Map(),
  busStatus: new Map(),
  scans: new Map(),
  deviceStatus: new Map(),
  measures: new Map(),
  charges: new Map(),
  deviceStates: new Map(),
  links: new Map(),
  greenup: null,
  sessions: new Map(),
};
