// My installation, live, against simulated devices: VIEW-01, BUS-06, USR-04, SYS-02; broker, poller and device lost,
// a device deleted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts, until } from './gateway.mjs';
import { CELLAR, HEATER_OFF, HEAT_PUMP, MAIN, NOBODY, NO_MODEL, SOLAR, STATION, siteWith } from './site.mjs';
import { gateway, inside, simulators, stage } from './stage.mjs';

stage(async () => ({ site: siteWith(await freePorts(4)), buses: [1, 2], user: USERS.installer }));

const line = (id) => `${mark('device')}[data-device="${id}"]`;
const fresh = (name) => `${mark('device-page')} [data-quantity="${name}"][data-fresh="fresh"]`;

const STATES = [[MAIN, 'on'], [HEAT_PUMP, 'on'], [HEATER_OFF, 'off'], [NO_MODEL, 'unconfigured'], [SOLAR, 'on'], [NOBODY, 'error'], [CELLAR, 'off']];

test('devices are listed by bus, panel and all, each with its state', async () => {
  const visitor = await inside(DESK);
  await visitor.page.waitForFunction((tile) => /^Devices in error: 1 of 8\.$/.test(document.querySelector(tile)?.innerText ?? ''), `${mark('tile')}[data-page="installation"] ${mark('tile-now')}`);
  await visitor.shot('home-error');
  await visitor.page.click(`${mark('tile')}[data-page="installation"]`);
  await visitor.wait(mark('installation'));
  for (const [id, state] of STATES) await visitor.wait(`${line(id)}[data-state="${state}"]`);
  await visitor.wait(`${line(STATION)} .line-charge`);
  await visitor.wait(`${mark('bus')}[data-bus="1"] [data-state="on"]`);
  await visitor.wait(`${mark('bus')}[data-bus="3"] [data-state="error"]`);
  await visitor.wait(`${mark('bus')}[data-bus="4"] [data-state="off"]`);
  const why = await visitor.page.locator(`${mark('bus')}[data-bus="3"] ${mark('reason')}`).textContent();
  assert.ok(why.length > 10, `the reason in words: ${why}`);
  await visitor.shot('installation-buses');

  const grouped = () => visitor.get('group').evaluateAll((groups) => groups.map((group) => [
    group.querySelector('h2')?.textContent ?? '', [...group.querySelectorAll('[data-device]')].map((one) => Number(one.dataset.device))]));
  assert.deepEqual(await grouped(), [['Attic', [NOBODY]], ['Cellar', [CELLAR]], ['Garage', [STATION, SOLAR]], ['Switchboard', [HEAT_PUMP, MAIN, NO_MODEL, HEATER_OFF]]]);
  await visitor.get('arrange-panel').click();
  assert.deepEqual(await grouped(), [['Main switchboard', [HEAT_PUMP, MAIN, NO_MODEL, HEATER_OFF]], ['Without a panel', [NOBODY, CELLAR, STATION, SOLAR]]]);
  await visitor.get('arrange-all').click();
  assert.deepEqual(await grouped(), [['', [NOBODY, CELLAR, STATION, HEAT_PUMP, MAIN, NO_MODEL, SOLAR, HEATER_OFF]]]);
  await visitor.get('search').fill('heat');
  assert.deepEqual(await grouped(), [['', [HEAT_PUMP, HEATER_OFF]]]);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('a chosen device shows its measures with units, and what the meter measures is what is seen', async () => {
  const visitor = await inside(DESK);
  await visitor.installation(MAIN);
  await visitor.wait(fresh('active_power'));
  for (const section of ['power', 'electric', 'energy']) await visitor.wait(`[data-section="${section}"]`);
  assert.match(await visitor.page.locator(`${mark('lead')}[data-quantity="active_energy_import"]`).textContent(), /^Active energy, import.*?[\d,]+\.\d\dkWh$/);
  await visitor.shot('installation-meter');
  const seen = (name) => visitor.page.locator(fresh(name)).first().textContent();
  for (const [volts, shown] of [['241.53', '241.5'], ['228.04', '228.0']]) {
    await simulators[0].tell(`set ${MAIN} voltage_l1_n ${volts}`);
    await until(`${shown} V on the screen`, async () => await seen('voltage_l1_n') === shown);
  }
  const lead = () => visitor.page.locator(`${mark('lead')}[data-quantity="active_power"] .lead-value`).textContent();
  for (const [watts, shown] of [['432', /^432W$/], ['-1500', /^-1\.50kW$/], ['25340', /^25\.34kW$/]]) {
    await simulators[0].tell(`set ${MAIN} active_power ${watts}`);
    await until(`${watts} W on the screen`, async () => shown.test(await lead()));
  }
  for (const name of ['voltage_l1_n', 'active_power']) await simulators[0].tell(`set ${MAIN} ${name} auto`);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('what is off, unconfigured or silent says so and shows no measure as live', async () => {
  const visitor = await inside(DESK);
  for (const [id, state] of [[HEATER_OFF, 'off'], [CELLAR, 'off'], [NO_MODEL, 'unconfigured'], [NOBODY, 'error']]) {
    await visitor.installation(id);
    await visitor.wait(`${mark('status')}[data-state="${state}"] .status-reason`);
    assert.equal(await visitor.page.locator(`${mark('device-page')} [data-fresh="fresh"]`).count(), 0);
  }
  await visitor.leave();
});

test('a charge point shows its state in words, its limit, and that it is in fault', async () => {
  const visitor = await inside(PHONE);
  await visitor.installation(STATION);
  const words = { A: /No vehicle/, C: /^Charging/ };
  const state = async (letter) => {
    await visitor.wait(`${mark('charge')}[data-fresh="fresh"][data-charge="${letter}"]`);
    assert.match(await visitor.page.locator('.charge-state').textContent(), words[letter]);
  };
  await state('A');
  await visitor.wait(`${mark('charge')} [data-quantity="limit_a"]`);
  await simulators[1].tell(`car ${STATION} arrive 20000`);
  await state('C');
  await until('power of the charge', async () => /kW/.test(await visitor.page.locator(`${mark('charge')} [data-quantity="power"]`).textContent()));
  assert.equal(await visitor.overflow(), 0);
  await visitor.shot('installation-station-phone');
  await simulators[1].tell(`set ${STATION} error_code 7`);
  await visitor.wait(`${mark('status')}[data-state="fault"] ${mark('reason')}`);
  assert.match(await visitor.page.locator(`${mark('status')} ${mark('reason')}`).textContent(), /7/);
  await visitor.shot('installation-fault-phone');
  await visitor.language('fr');
  assert.match(await visitor.page.locator(`${mark('status')} ${mark('reason')}`).textContent(), /La borne signale/);
  await simulators[1].tell(`set ${STATION} error_code auto`);
  await visitor.wait(`${mark('status')}[data-state="on"]`);
  await simulators[1].tell(`car ${STATION} leave`);
  await visitor.leave();
});

test('on a phone of 360 px nothing is wider than the screen, in French too', async () => {
  const visitor = await inside({ ...PHONE, colorScheme: 'dark' });
  await visitor.language('fr');
  assert.equal(await visitor.overflow(), 0);
  await visitor.page.tap(`${mark('tile')}[data-page="installation"]`);
  await visitor.wait(`${line(MAIN)} [data-fresh="fresh"]`);
  assert.equal(await visitor.overflow(), 0);
  await visitor.shot('installation-phone-fr-dark');
  await visitor.page.locator(line(MAIN)).tap();
  await visitor.wait(fresh('active_power'));
  assert.equal(await visitor.overflow(), 0);
  assert.match(await visitor.get('device-page').textContent(), /Puissance active/);
  assert.match(await visitor.page.locator(fresh('voltage_l1_n')).first().textContent(), /^2\d\d,\d/);
  await visitor.shot('installation-meter-phone-fr-dark');
  assert.equal(await visitor.get('logout').isVisible(), true);
  await visitor.get('back').tap();
  await visitor.wait(line(MAIN));
  await visitor.leave();
});

test('the broker dies: offline is said, values are greyed, and all comes back without a new login', async () => {
  const visitor = await inside(DESK);
  await visitor.installation(MAIN);
  await visitor.wait(fresh('active_power'));
  const { pid } = gateway.run().broker;
  process.kill(pid, 'SIGKILL');
  await visitor.wait('[data-link="offline"]');
  await visitor.wait(`${mark('banner')}[data-banner="broker"], ${mark('banner')}[data-banner="gateway"]`);
  assert.equal(await visitor.page.locator('[data-fresh="fresh"]').count(), 0, 'nothing is shown as fresh');
  await visitor.shot('offline');
  await visitor.wait('[data-link="online"]');
  await visitor.wait(fresh('active_power'));
  assert.equal(await visitor.get('banner').count(), 0);
  await visitor.leave();
});

test('a meter falls silent: its values go out of date, the others stay live', async () => {
  const visitor = await inside(DESK);
  await visitor.installation(SOLAR);
  await visitor.wait(fresh('active_power'));
  await simulators[1].stop();
  await visitor.wait(`${mark('device-page')} .age[data-fresh="stale"]`);
  await until('no fresh value of the silent meter', async () => await visitor.page.locator(`${mark('device-page')} [data-fresh="fresh"]`).count() === 0);
  await visitor.wait(`${line(SOLAR)}[data-state="error"]`);
  await visitor.wait(`${mark('status')} ${mark('reason')}`);
  await visitor.wait(`${line(MAIN)} [data-fresh="fresh"]`);
  await visitor.page.locator(`${mark('lead')} ${mark('age')}`).first().click(); // at the number itself
  assert.match(await visitor.page.locator('.explain-text').innerText(), /what it said last/);
  await visitor.shot('stale');
  simulators[1].start();
  await visitor.wait(fresh('active_power'));
  await visitor.leave();
});

test('the poller hangs: values age by themselves and are out of date before anybody says so', async () => {
  const visitor = await inside(DESK);
  await visitor.installation(MAIN);
  await visitor.wait(fresh('active_power'));
  const { pid } = gateway.run().services.poller;
  process.kill(pid, 'SIGSTOP');
  try {
    await until('no fresh value of a hung poller', async () => await visitor.page.locator('[data-fresh="fresh"]').count() === 0);
  } finally {
    try { process.kill(pid, 'SIGCONT'); } catch { /* the supervisor was faster */ }
  }
  await visitor.wait(fresh('active_power'));
  await visitor.leave();
});

test('a device is deleted while its page is open: the page says so, and its line is gone', async () => {
  const [owner, visitor] = [await inside(DESK, USERS.administrator), await inside(DESK)];
  await visitor.installation(SOLAR);
  await visitor.wait(fresh('active_power'));
  await owner.page.goto(`${owner.url}#/system/devices/${SOLAR}`);
  await owner.get('remove').click();
  await owner.get('yes').click();
  await visitor.page.waitForSelector(line(SOLAR), { state: 'detached' });
  assert.match(await visitor.page.locator('.detail').innerText(), /no longer|gone|not there/i);
  assert.equal(await visitor.page.locator('.detail [data-fresh]').count(), 0);
  for (const one of [owner, visitor]) {
    assert.deepEqual(one.complaints, []);
    await one.leave();
  }
});
