// Every page there is, found as a visitor finds them: the tiles of the home page and the tabs of each page. A page that is
// added to the registry of the web app is judged without being named here.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mark } from './browser.mjs';
import { MAIN, NO_MODEL, STATION } from './site.mjs';

const REGISTRY = readFileSync(fileURLToPath(new URL('../../web-spa/src/pages/registry.ts', import.meta.url)), 'utf8');
export const REGISTERED = [...REGISTRY.matchAll(/^\s+id: '([a-z]+)'/gm)].map((match) => match[1]);

// What no tab leads to.
const PARTS = [`installation/${MAIN}`, `installation/${STATION}`, `installation/${NO_MODEL}`, `system/devices/${MAIN}`, 'system/buses/1', 'system/tables/new'];
// What must be there before a page is judged, where its frame is there before what it shows.
const READY = {
  '': mark('tile'), installation: mark('device'), [`installation/${MAIN}`]: `${mark('block')} [data-fresh="fresh"]`, [`installation/${STATION}`]: mark('charge'), alarms: mark('alarm-row'),
  server: '.overall', 'server/users': mark('users-row'), system: mark('device-line'), [`system/devices/${MAIN}`]: mark('device-form'), 'system/tables/new': mark('table-form'),
  'greenup/details': mark('gauge'), 'greenup/manage': mark('manage'), 'greenup/day': mark('day-charges'), 'greenup/configuration': mark('preview'), 'greenup/priorities': mark('priority'),
};

// Goes to an address behind the #, and waits until it shows what it is about.
export async function open(visitor, address) {
  await visitor.page.goto(`${visitor.url}#/${address}`);
  const page = address.split('/')[0];
  await visitor.wait(page === '' ? mark('home-page') : `html[data-page="${page}"] main:not(.waiting)`);
  if (READY[address]) await visitor.wait(READY[address]);
  // Charts come a little later than the rest.
  await visitor.page.waitForFunction(() => [...document.querySelectorAll('.chart')].every((one) => one.querySelector('canvas')));
}

// Addresses of all pages, their tabs and parts, for a visitor who may open all.
export async function everyPage(visitor) {
  const found = [''];
  for (const page of await visitor.tiles()) {
    await open(visitor, page);
    const tabs = await visitor.page.locator('a.tab').evaluateAll((all) => all.map((one) => one.getAttribute('href').replace(/^#\//, '')));
    found.push(...(tabs.length > 0 ? tabs : [page]));
  }
  return [...found, ...PARTS];
}
