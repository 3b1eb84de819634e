// Takes the six pictures of the README anew: cmake --build --preset dev --target pictures. The site is that of packaging/quickstart
// in English. Two days and most of a third pass in the simulator, where people cook, heat and charge as in its recordings; what
// its meters say is written into the history at once. The gateway then runs from 17:50 of a Thursday on, and all else is live.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Browser, USERS, mark } from './browser.mjs';
import { Clock, Gateway, Simulator, freePorts, until } from './gateway.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const ENGLISH = {
  'Maison de quartier': 'Community centre', 'Tableau général': 'Main board', 'Tableau parking': 'Car park board', 'Local technique, rez-de-chaussée': 'Plant room', Parking: 'Car park',
  Chauffage: 'Heating', 'Eau chaude': 'Hot water', Éclairage: 'Lighting', Prises: 'Sockets', Cuisine: 'Kitchen', Recharge: 'Charging', 'Rez-de-chaussée': 'Ground floor', Étage: 'First floor',
  Extérieur: 'Outdoors', 'Compteur général': 'Main meter', "Ballon d'eau chaude": 'Water heater', 'Prises étage': 'Sockets, first floor', 'Centrale de ventilation': 'Air handling',
  'Éclairage du parking': 'Car park lights', 'Borne 1': 'Charge point 1', 'Borne 2': 'Charge point 2', Gaz: 'Gas', Eau: 'Water', 'Heures pleines': 'Day', 'Heures creuses': 'Night',
};
const [METER, KITCHEN, ABB, BENDER] = [30, 35, 38, 39];
const SLOT_S = 600;
const LOOKS = 5; // at the meters in each slot
const DESK = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true, colorScheme: 'dark' };

async function siteOfPictures() {
  const text = readFileSync(here('../../packaging/demo-site.json'), 'utf8').replace(/"(?:name|place)": "([^"]*)"/g, (all, name) => all.replace(`"${name}"`, JSON.stringify(ENGLISH[name] ?? name)));
  const site = JSON.parse(text);
  const ports = await freePorts(site.buses.length);
  site.buses.forEach((bus, i) => { bus.port = ports[i]; });
  return { ...site, site: { ...site.site, language: 'en' } };
}

// The next Thursday at 17:50 in the zone of the site: no gateway trusts a clock from before it was built.
function thursday(zone) {
  const day = new Date();
  day.setUTCDate(day.getUTCDate() + ((11 - day.getUTCDay()) % 7 || 7));
  const at = new Date(`${day.toISOString().slice(0, 10)}T17:50:00Z`);
  const local = new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit' }).format(at);
  return new Date(at.getTime() - (Number(local.slice(0, 2)) - 17) * 3_600_000);
}

const LATE = 2; // days before today
// Who charges when: hours of the day, how long, at how many amperes.
const CARS = [{ station: ABB, from: 8.5, to: 11.5, a: 13 }, { station: BENDER, from: 9, to: 12.5, a: 10 }, { station: ABB, from: 13.75, to: 16.5, a: 10 }, { station: BENDER, from: 14, to: 15.5, a: 13 }];

async function answers(simulator, lines) {
  const from = simulator.program.lines.length;
  simulator.program.process.stdin.write(lines.map((line) => `${line}\n`).join(''));
  await until('the simulator', () => simulator.program.lines.length >= from + lines.length);
  return simulator.program.lines.slice(from).map((line) => Number(line.slice(3)));
}

// What the meters of the site say until `end`, in slots; the simulator has begun at midnight.
async function past(site, simulator, end) {
  const midnight = end.getTime() / 1000 - 17 * 3600 - 50 * 60 - LATE * 86_400;
  const metered = site.devices.filter((one) => ![ABB, 41, 42].includes(one.id)).map((one) => one.id);
  const series = [
    ...metered.map((device) => ({ device, quantity: 'active_energy_import', counter: true })), ...[41, 42].map((device) => ({ device, quantity: 'volume', counter: true })),
    ...[1, 2, 3].map((phase) => ({ device: METER, quantity: `current_l${phase}`, counter: false })),
  ];
  const powers = [ABB, BENDER].map((device) => ({ device, quantity: 'active_power' }));
  const looks = [...series, ...powers].map((one) => `get ${one.device} ${one.quantity}`);
  await simulator.tell('help');
  const slots = [];
  const charges = [];
  const under = new Map();
  for (let start = midnight; start < end.getTime() / 1000; start += SLOT_S) {
    const hour = ((start - midnight) % 86_400) / 3600;
    const orders = [];
    for (const station of [ABB, BENDER]) {
      const car = CARS.find((one) => one.station === station && hour >= one.from && hour < one.to);
      if (car && !under.has(station)) {
        await answers(simulator, [`car ${station} leave`, `car ${station} arrive 40000`]);
        under.set(station, { station, from: start, to: start, wh: 0, ah: 0, peak_a: 0 });
      } else if (!car && under.has(station)) {
        charges.push({ ...under.get(station), to: start });
        under.delete(station);
      }
      orders.push(car ? `limit ${station} ${car.a}` : `car ${station} leave`);
    }
    const values = series.map(() => []);
    const seen = await answers(simulator, Array.from({ length: LOOKS }, () => [...orders, `step ${SLOT_S / LOOKS}`, ...looks]).flat());
    for (let look = 0; look < LOOKS; look++) {
      const from = look * (orders.length + 1 + looks.length) + orders.length + 1;
      const said = seen.slice(from, from + looks.length);
      series.forEach((_, i) => values[i].push(said[i]));
      powers.forEach(({ device }, i) => {
        const charge = under.get(device);
        const [watts, hours] = [said[series.length + i], SLOT_S / LOOKS / 3600];
        if (charge) Object.assign(charge, { wh: charge.wh + watts * hours, ah: charge.ah + watts / 690 * hours, peak_a: Math.max(charge.peak_a, watts / 690) });
      });
    }
    slots.push({ start, values });
  }
  const today = midnight + LATE * 86_400;
  return { zone: site.site.tz, length: SLOT_S, series, slots, charges: charges.filter((one) => one.from >= today) };
}

const passed = (seconds) => new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });

async function visitor(browser, gateway, options, at) {
  const one = await browser.visitor(gateway.url, { ...options, timezoneId: 'Europe/Paris' });
  await one.page.addInitScript((ahead) => { // its clock goes as the gateway's does
    const { now } = Date;
    globalThis.Date = class extends Date {
      constructor(...given) { super(...(given.length > 0 ? given : [now() + ahead])); }
      static now() { return now() + ahead; }
    };
  }, at.getTime() - Date.now());
  one.context.setDefaultTimeout(180_000); // what is waited for is the charging of cars
  await one.comeIn(USERS.greenUp);
  await one.home();
  return one;
}

async function take(one, name, address, ready) {
  await one.page.goto(`${one.url}#/${address}`);
  for (const what of ready) await one.wait(what);
  await one.page.waitForFunction(() => [...document.querySelectorAll('.chart')].every((chart) => chart.querySelector('canvas')));
  await one.page.mouse.move(0, 0);
  await one.page.evaluate(() => new Promise((resolve) => { setTimeout(resolve, 1200); })); // bars grow
  await one.page.screenshot({ path: here(`../../packaging/screenshots/${name}.png`) });
  console.log(`${name}.png`);
}

const site = await siteOfPictures();
const at = thursday(site.site.tz);
const folder = mkdtempSync(join(tmpdir(), 'edgewatt-pictures-'));
const simulator = new Simulator(folder, 'site', site, undefined, ['--start', '00:00']);
const browser = await Browser.start();
let gateway;
try {
  const record = JSON.stringify(await past(site, simulator, at));
  const clock = new Clock(new Date(at.getTime() + 5000)); // not before what is recorded: it would not be believed
  const write = (data) => {
    const run = spawnSync('/usr/bin/python3', [here('past.py'), join(data, 'history.db')], { input: record, encoding: 'utf8' });
    if (run.status !== 0) throw new Error(run.stderr);
  };
  gateway = await Gateway.start(site, { clock, prepare: write });
  const desk = await visitor(browser, gateway, DESK, at);
  await desk.page.goto(`${desk.url}#/greenup/details`);
  await desk.wait(`${mark('overview')}[data-mode="run"][data-fresh="fresh"]`);
  for (const line of [`car ${ABB} arrive 30000`, `car ${BENDER} arrive 30000`]) await simulator.tell(line);
  await desk.wait(`${mark('point')}[data-device="${ABB}"][data-state="charge"]`);
  await desk.wait(`${mark('point')}[data-device="${BENDER}"][data-state="charge"]`);
  await passed(15);
  await simulator.tell(`load ${KITCHEN} 9000`); // dinner for sixty
  await passed(25);
  const why = `${mark('point-page')}[data-device="${ABB}"] ${mark('limit-why')}`;
  await desk.page.waitForFunction((overview) => document.querySelectorAll(`${overview} [data-band="red"]`).length === 0, mark('overview'));
  await take(desk, 'greenup', `greenup/details/${ABB}`, [why]);
  const phone = await visitor(browser, gateway, PHONE, at);
  await take(phone, 'phone', 'greenup/manage', [mark('manage')]);
  await take(desk, 'installation', `installation/${METER}`, [`${mark('block')} [data-fresh="fresh"]`]);
  await desk.page.goto(`${desk.url}#/consumption/total`);
  await desk.get('date-back').click();
  await take(desk, 'consumption', 'consumption/total', [mark('figure')]);
  // Ten minutes on: what was live is in the history too.
  clock.set(new Date(at.getTime() + 595_000));
  await desk.page.goto(`${desk.url}#/greenup/day`);
  await desk.page.waitForFunction((selector) => Number(document.querySelector(selector)?.dataset.points) > 0, mark('day-plot'));
  await passed(8);
  await take(desk, 'greenup-day', 'greenup/day', [mark('day-plot')]);
  // What may go wrong: a cable, a charge point.
  await simulator.tell('unplug 4');
  await desk.page.goto(`${desk.url}#/alarms`);
  await desk.wait(mark('alarm-row'));
  await desk.page.waitForFunction((rows) => document.querySelectorAll(rows).length >= 3, mark('alarm-row'));
  clock.set(new Date(at.getTime() + 800_000));
  await simulator.tell('plug 4');
  await passed(8);
  clock.set(new Date(at.getTime() + 1_060_000));
  await simulator.tell(`set ${ABB} error_code 2`);
  await passed(6);
  await take(desk, 'alarms', 'alarms', [mark('alarm-row')]);
} finally {
  await browser.stop();
  await simulator.stop();
  await gateway?.stop();
  rmSync(folder, { recursive: true, force: true });
}
