// Links between EMS modules (LNK-01): from what each module says of its own ends to one list of event and action. Pure.
import type { ConfigBus, ConfigDevice, ConfigProfile, DeviceLinks } from '../../generated/types';
import type { Table } from '../../store/state';
import { addressOf } from '../installation/model';

export type End =
  | { is: 'device'; device: ConfigDevice }
  | { is: 'missing'; bus: number; address: string } // nothing with this address is set up
  | { is: 'unknown' };                              // the address could not be read

export interface Row {
  readonly key: string;
  readonly event: End;
  readonly action: End;
  // What a module says of the link: 0 = in order; null: none of them tells.
  readonly error: number | null;
}

export interface Picture {
  readonly rows: readonly Row[];
  readonly unreadable: readonly ConfigDevice[]; // modules of which nobody knows where they keep their links
  readonly waiting: readonly ConfigDevice[];    // readable, and not yet read
  readonly modules: number;
}

const EMS = 'Legrand EMS CX3';

interface Config { buses: Table<ConfigBus>; devices: Table<ConfigDevice>; profiles: ReadonlyMap<string, ConfigProfile> }

// The profiles of a device and of the other modules that share its address.
function profilesOf(device: ConfigDevice, profiles: Config['profiles']): ConfigProfile[] {
  const parts = (device.parts ?? []) as readonly { profile?: string }[];
  return [device.profile, ...parts.map((part) => part.profile)].flatMap((id) => profiles.get(id ?? '') ?? []);
}

const namesLinks = (profile: ConfigProfile): boolean => profile.quantities.some((quantity) => quantity.startsWith('link_'));

// A module that does not say on which interface the other one is means its own.
function find(self: ConfigDevice, unit: number, face: number | null | undefined, devices: Table<ConfigDevice>): ConfigDevice | undefined {
  const interfaceOf = (device: ConfigDevice): number => device.interface ?? 0;
  const wanted = face ?? interfaceOf(self);
  return [...devices.values()].find((one) => one.bus === self.bus && one.unit === unit && interfaceOf(one) === wanted);
}

function otherEnd(self: ConfigDevice, link: DeviceLinks['links'][number], devices: Table<ConfigDevice>): End {
  if (link.unit === null) return { is: 'unknown' };
  const device = find(self, link.unit, link.interface, devices);
  if (device) return { is: 'device', device };
  const face = link.interface ?? self.interface;
  return { is: 'missing', bus: self.bus, address: face ? `${link.unit}-${face}` : String(link.unit) };
}

function keyOf(end: End, self: ConfigDevice, number: number): string {
  if (end.is === 'device') return String(end.device.id);
  return end.is === 'missing' ? `${end.bus}:${end.address}` : `${self.id}#${number}`;
}

const worse = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : a !== 0 ? a : b);

const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' });
const nameOf = (end: End): string => (end.is === 'device' ? end.device.name : end.is === 'missing' ? end.address : '');

// Both modules of a link may tell of it: that is one link.
function rowsOf(links: Table<DeviceLinks>, devices: Table<ConfigDevice>): Row[] {
  const rows = new Map<string, Row>();
  for (const [id, said] of links) {
    const self = devices.get(id);
    if (!self) continue;
    const own: End = { is: 'device', device: self };
    for (const link of said.links) {
      const other = otherEnd(self, link, devices);
      const [event, action] = link.this === 'event' ? [own, other] : [other, own];
      const key = `${keyOf(event, self, link.number)}>${keyOf(action, self, link.number)}`;
      rows.set(key, { key, event, action, error: worse(rows.get(key)?.error ?? null, link.error ?? null) });
    }
  }
  return [...rows.values()].sort((a, b) => collator.compare(nameOf(a.event), nameOf(b.event)) || collator.compare(nameOf(a.action), nameOf(b.action)));
}

export function picture(config: Config, links: Table<DeviceLinks>): Picture {
  const modules = [...config.devices.values()].filter((device) =>
    profilesOf(device, config.profiles).some((profile) => profile.family === EMS || namesLinks(profile)) || links.has(device.id));
  modules.sort((a, b) => collator.compare(a.name, b.name));
  const readable = (device: ConfigDevice): boolean => links.has(device.id) || profilesOf(device, config.profiles).some(namesLinks);
  return {
    rows: rowsOf(links, config.devices), modules: modules.length,
    unreadable: modules.filter((device) => !readable(device)),
    waiting: modules.filter((device) => readable(device) && !links.has(device.id)),
  };
}

export const inError = (row: Row): boolean => (row.error ?? 0) !== 0 || row.event.is === 'missing' || row.action.is === 'missing';

// Devices that are part of a link, for the symbol at their name.
export function linkedDevices(links: Table<DeviceLinks>, devices: Table<ConfigDevice>): ReadonlySet<number> {
  return new Set(rowsOf(links, devices).flatMap((row) => [row.event, row.action]).flatMap((end) => (end.is === 'device' ? end.device.id : [])));
}

// Bus and address, as the manual shows a module.
export const placeOf = (device: ConfigDevice, buses: Table<ConfigBus>): string =>
  [buses.get(device.bus)?.name, addressOf(device)].filter((one) => one !== undefined && one !== '').join(' · ');
