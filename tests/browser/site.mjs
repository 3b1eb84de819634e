// The site of these tests: two buses with devices, so that one can fall silent while the other goes on; one nobody
// answers on, one switched off.
const settings = { id: 'browser', name: 'Workshop Bellevue', tz: 'Europe/Paris', language: 'en', nominal_voltage: 230, currency: 'EUR' };
const bus = (id, name, port, more) => ({ id, name, type: 'tcp', address: '127.0.0.1', port, on: true, poll_ms: 500, ...more });
const device = (id, on, name, profile, unit, more) => ({ id, bus: on, name, profile, unit, on: true, ...more });

export const MAIN = 10;
export const HEAT_PUMP = 11;
export const HEATER_OFF = 12;
export const NO_MODEL = 13;
export const SOLAR = 20;
export const STATION = 21;
export const NOBODY = 30;
export const CELLAR = 31;

export function siteWith([mainPort, garagePort, deadPort, offPort]) {
  return {
    version: 1, rev: 1, next_id: 100, site: settings,
    panels: [{ id: 5, name: 'Main switchboard', place: 'Ground floor' }],
    buses: [bus(1, 'Switchboard', mainPort, { panel: 5 }), bus(2, 'Garage', garagePort), bus(3, 'Attic', deadPort), bus(4, 'Cellar', offPort, { on: false })],
    devices: [
      device(MAIN, 1, 'Main meter', 'eastron-sdm630', 1), device(HEAT_PUMP, 1, 'Heat pump', 'legrand-emdx3-412045', 2),
      device(HEATER_OFF, 1, 'Water heater', 'legrand-emdx3-412045', 3, { on: false }),
      { id: NO_MODEL, bus: 1, name: 'New module', unit: 4, on: true },
      device(SOLAR, 2, 'Solar meter', 'schneider-iem3155', 1), device(STATION, 2, 'Charge point', 'abb-terra-ac', 2),
      device(NOBODY, 3, 'Attic meter', 'eastron-sdm630', 1), device(CELLAR, 4, 'Cellar meter', 'eastron-sdm630', 1),
    ],
  };
}

// The part of a site that hangs on one bus, for a simulator of its own.
export function onlyBus({ greenup, zones, tariffs, ...site }, id) {
  return {
    ...site, buses: site.buses.filter((one) => one.id === id).map(({ panel, ...rest }) => rest), panels: [],
    devices: site.devices.filter((one) => one.bus === id && one.profile).map(({ zones: _, ...rest }) => rest),
  };
}

// A site of one bus, for what needs no more.
export const smallSite = (id, bus, devices = [], more = {}) => ({
  version: 1, rev: 1, next_id: 100, site: { ...settings, id, name: 'Workshop' }, buses: [{ type: 'tcp', address: '127.0.0.1', on: true, ...bus }], devices, ...more,
});
