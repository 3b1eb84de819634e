// VIEW-02: today's consumption by hour and circuit appears by itself when the first sampling interval is over; a user who
// may see nothing else sees it too; on a phone nothing sticks out.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, DESK, PHONE, USERS, mark } from './browser.mjs';
import { Gateway, Simulator, freePorts } from './gateway.mjs';
import { HEAT_PUMP, MAIN, onlyBus, siteWith } from './site.mjs';

const TWO_INTERVALS_MS = 240_000; // of a minute each, on a slow machine
const HEATING = 50;
let gateway;
let simulator;
let browser;
let user;

before(async () => {
  const whole = siteWith(await freePorts(4));
  const devices = whole.devices.filter((device) => device.bus === 1).map((device) => ({
    ...device, ...(device.id === MAIN ? { exclude_totals: true } : {}), ...(device.id === HEAT_PUMP ? { circuit: HEATING } : {}),
  }));
  const site = {
    ...whole, sampling: { interval_min: 1 }, circuits: [{ id: HEATING, use: 'heating' }], devices,
    buses: whole.buses.filter((bus) => bus.id === 1),
  };
  gateway = await Gateway.start(site);
  simulator = new Simulator(gateway.folder, 'site', onlyBus(site, 1));
  browser = await Browser.start();
  user = await inside(DESK);
});
after(async () => {
  await browser?.stop();
  await simulator?.stop();
  await gateway?.stop();
});

async function inside(options) {
  const visitor = await browser.visitor(gateway.url, options);
  await visitor.comeIn(USERS.user);
  await visitor.home();
  return visitor;
}
const words = async (visitor, name) => (await visitor.get(name).first().innerText()).replace(/\s+/g, ' ');

test('before anything is recorded the page says so, and then shows it without being asked', async () => {
  await user.page.locator(`${mark('tile')}[data-page="consumption"]`).click();
  await user.wait(mark('consumption'));
  await user.page.waitForSelector(`${mark('total')}`, { timeout: TWO_INTERVALS_MS });
  await user.page.waitForSelector(`${mark(`circuit-${HEATING}`)}`, { timeout: TWO_INTERVALS_MS });
  assert.match(await words(user, 'total'), /^\d+\.\d\d kWh$/);
  assert.match(await words(user, `circuit-${HEATING}`), /^Heating \d+\.\d\d kWh$/); // a built-in circuit is named by its use
  assert.equal(await user.get('circuit-0').count(), 0); // the main meter is left out of totals
  await user.wait(`${mark('chart')} canvas`);
  await user.shot('consumption');
});

test('yesterday is there to choose, and empty on the first day', async () => {
  await user.get('day-yesterday').click();
  await user.page.waitForFunction((chart) => document.querySelector(chart) === null, mark('chart'));
  assert.match(await words(user, 'consumption'), /Nothing is recorded for this day yet/);
  await user.get('day-today').click();
  await user.wait(`${mark('chart')} canvas`);
  assert.deepEqual(user.complaints, []); // nor did the chart break the content security policy
});

for (const tag of ['en', 'fr']) {
  test(`on a phone nothing sticks out (${tag})`, async () => {
    const visitor = await inside(PHONE);
    await visitor.language(tag);
    await visitor.page.goto(`${visitor.url}#/consumption`);
    await visitor.wait(`${mark('chart')} canvas`);
    assert.equal(await visitor.overflow(), 0);
    await visitor.shot(`consumption-phone-${tag}`);
    assert.deepEqual(visitor.complaints, []);
    await visitor.leave();
  });
}
