// GRU-01, GRU-05, GRU-06: the pages of Green'Up against the running controller: bands and sentences live, settings with the
// bands drawn while one types, what stands against ON, start and wait, priorities; on a phone too.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts, until } from './gateway.mjs';
import { layoutFindings } from './layout.mjs';
import { MAIN, STATION, siteWith } from './site.mjs';
import { gateway, inside, simulators, stage } from './stage.mjs';

const SECOND = 22; // its phases are not said
const ZONE = 60;
let owner;

stage(async () => {
  const whole = siteWith(await freePorts(4));
  const devices = whole.devices.filter((one) => one.bus <= 2 && one.profile).map((one) => (one.id === STATION ? { ...one, phases: [1, 2, 3], zones: [ZONE] } : one));
  devices.push({ id: SECOND, bus: 2, name: 'Visitors', profile: 'abb-terra-ac', unit: 3, on: true });
  const site = {
    ...whole, devices, buses: whole.buses.filter((bus) => bus.id <= 2), zones: [{ id: ZONE, name: 'Courtyard' }],
    greenup: { on: false, meter: MAIN, i_max_a: 63, i_chg_a: 40 },
  };
  return { site, buses: [1, 2], user: USERS.greenUp };
}, async () => { owner = await inside(); });

async function view(visitor, name) {
  await visitor.page.goto(`${visitor.url}#/greenup/${name}`);
  await visitor.wait(`${mark('greenup')}[data-view="${name.split('/')[0]}"]`);
}
const text = (visitor, selector) => visitor.page.locator(selector).first().innerText();

test('details: three phases with their bands, live, and each charge point with the sentence of its limit', async () => {
  await owner.page.locator(`${mark('tile')}[data-page="greenup"]`).click();
  await owner.wait(`${mark('overview')}[data-mode="off"][data-fresh="fresh"]`);
  await owner.wait(`${mark('gauge')} svg`);
  assert.equal(await owner.get('gauge').count(), 3);
  await owner.wait(`${mark('point')}[data-device="${STATION}"][data-state]:not([data-state="unknown"])`);
  await owner.page.locator(`${mark('point')}[data-device="${STATION}"]`).click();
  await owner.wait(`${mark('point-page')}[data-device="${STATION}"]`);
  assert.match(await text(owner, mark('limit-why')), /\w+.*\.$/);
  await simulators[1].tell(`car ${STATION} arrive`);
  await owner.page.waitForSelector(`${mark('point')}[data-device="${STATION}"][data-state="charge"]`);
  await owner.get('tab-charge').click();
  await owner.wait(`${mark('charge')}[data-charge="C"]`);
  await owner.shot('greenup-details');
});

test('configuration: a wrong value is said at its field, the bands follow what is typed, a right one is saved', async () => {
  await view(owner, 'configuration');
  await owner.wait(`${mark('preview')} svg`);
  await owner.get('i_chg_a-0').fill('70');
  await owner.get('save').click();
  await owner.page.waitForSelector(`${mark('i_chg_a-0')}[aria-invalid="true"]`);
  const described = await owner.get('i_chg_a-0').getAttribute('aria-describedby');
  assert.match(await owner.page.locator(`#${CSS_escape(described.split(' ').at(-1))}`).innerText(), /maximum/);
  const pictured = await owner.page.locator(`${mark('preview')} svg.gauge-drawing`).innerHTML();
  await owner.get('i_chg_a-0').fill('32,5');
  await owner.page.waitForFunction(([selector, before_]) => document.querySelector(selector).innerHTML !== before_, [`${mark('preview')} svg.gauge-drawing`, pictured]);
  await owner.get('level1_pct').fill('80');
  await owner.shot('greenup-configuration');
  await owner.get('save').click();
  await owner.wait(`${mark('saving')}[data-saving="saved"]`);
  await owner.page.reload();
  await owner.page.waitForFunction((selector) => document.querySelector(selector)?.value === '32.5', mark('i_chg_a-0'));
  assert.equal(await owner.get('level1_pct').inputValue(), '80');
});
const CSS_escape = (id) => id.replace(/[^a-zA-Z0-9_-]/g, '\\$&');

test('ON is refused with what to change, device by device, and stays off', async () => {
  await owner.get('selector').click();
  await owner.wait(mark('on-dialog'));
  assert.match(await owner.get('against').innerText(), /Visitors: Say which phases/);
  assert.equal(await owner.get('yes').isDisabled(), true);
  await owner.shot('greenup-on-refused');
  await owner.get(`mend-${SECOND}`).click(); // to where its phases are said
  await owner.wait(`${mark('device-form')}[data-device="${SECOND}"]`);
  await view(owner, 'details');
  await owner.get('selector').click();
  await owner.wait(mark('on-dialog'));
  await owner.page.keyboard.press('Escape');
  await owner.page.waitForSelector(mark('on-dialog'), { state: 'detached' });
  assert.equal(await owner.get('selector').isChecked(), false);
});

test('with all put right and each sentence ticked it goes on, holds the stations, and keeps who confirmed what', async () => {
  const file = join(gateway.data, 'site.json'); // a hand edit, as an installer would make it
  const tree = JSON.parse(readFileSync(file, 'utf8'));
  tree.devices.find((one) => one.id === SECOND).phases = [2, 3, 1];
  writeFileSync(file, JSON.stringify(tree));
  process.kill(gateway.run().services.config.pid, 'SIGHUP');
  await until('nothing against it', async () => {
    await owner.get('selector').click();
    await owner.wait(mark('on-dialog'));
    if (await owner.get('against').count() === 0) return true;
    await owner.get('no').click();
    await owner.page.waitForSelector(mark('on-dialog'), { state: 'detached' });
    return false;
  });
  assert.equal(await owner.get('yes').isDisabled(), true); // nothing is ticked yet
  for (const id of [STATION, SECOND]) await owner.get(`tick-${id}`).check();
  await owner.get('yes').click();
  await owner.wait(`${mark('overview')}[data-mode="run"], ${mark('overview')}[data-mode="init"]`);
  assert.equal(await owner.get('selector').isChecked(), true);
  await view(owner, `details/${STATION}/info`);
  await owner.page.waitForSelector(`${mark('accepted')} li`);
  assert.match(await owner.get('accepted').innerText(), /greenUp, \d\d:\d\d/);
  await view(owner, `details/${STATION}/station`);
  await owner.wait(`${mark('point')}[data-device="${STATION}"][data-state="charge"]`);
  await owner.shot('greenup-on');
  await owner.get('home').click();
  await owner.page.waitForFunction((tile) => document.querySelector(tile)?.innerText === '1 charging, 0 waiting', `${mark('tile')}[data-page="greenup"] ${mark('tile-now')}`);
});

test('priorities: the default is saved, found by the filter and seen on the other pages', async () => {
  await view(owner, 'priorities');
  await owner.get(`default-${STATION}-priority`).click();
  await owner.get('save').click();
  await owner.wait(`${mark('saving')}[data-saving="saved"]`);
  await owner.get('point-filter').selectOption('priority');
  assert.deepEqual(await owner.get('priority').evaluateAll((all) => all.map((one) => Number(one.dataset.device))), [STATION]);
  await owner.get('point-filter').selectOption(`zone-${ZONE}`);
  assert.deepEqual(await owner.get('priority').evaluateAll((all) => all.map((one) => Number(one.dataset.device))), [STATION]);
  await view(owner, 'manage');
  await owner.wait(`${mark('manage')}[data-device="${STATION}"] ${mark('priority-mark')}`);
});

test('maintenance, in My installation: a ceiling is obeyed and shown, and taken away again; others do not see it', async () => {
  await owner.installation(STATION);
  await owner.wait(mark('maintenance'));
  await owner.get('cap').fill('10');
  await owner.get('cap-set').click();
  await owner.page.waitForSelector(`${mark('cap-remove')}:not(:disabled)`);
  assert.match(await owner.get('maintenance').innerText(), /In force: 10\.0 A/);
  await owner.page.waitForFunction((lease) => /^Limit in force\s+(10|[6-9])\.0 A, set by/.test(document.querySelector(lease)?.innerText ?? ''), mark('lease'));
  await owner.shot('maintenance');
  await owner.get('cap-remove').click();
  await owner.page.waitForSelector(`${mark('cap-remove')}:disabled`);
  const installer = await inside(DESK, USERS.installer);
  await installer.installation(STATION);
  await installer.wait(mark('charge'));
  assert.equal(await installer.get('maintenance').count(), 0);
  await installer.leave();
});

test('management: wait and normal are for this charge: the vehicle is stopped, and the controller says why', async () => {
  await view(owner, 'manage');
  await owner.get(`wish-${STATION}-wait`).click();
  await owner.wait(`${mark('manage')}[data-device="${STATION}"][data-state="wait"]`);
  await until('the sentence', async () => /because a person asked/.test(await owner.page.locator(`${mark('manage')}[data-device="${STATION}"] ${mark('limit-why')}`).innerText()));
  await owner.page.waitForSelector(`${mark(`wish-${STATION}-wait`)}[aria-pressed="true"]`);
  await owner.get(`prio-${STATION}-normal`).click();
  await owner.page.waitForSelector(`${mark(`prio-${STATION}-normal`)}[aria-pressed="true"]`);
  await owner.shot('greenup-manage');
  await view(owner, 'priorities');
  await owner.page.waitForSelector(`${mark('priority')}[data-device="${STATION}"][data-priority="true"]`); // the default stays
  await owner.page.goto(`${owner.url}#/greenup/manage`);
  await owner.get(`wish-${STATION}-auto`).click();
  assert.deepEqual(owner.complaints, []);
});

for (const tag of ['en', 'fr']) {
  test(`on a phone nothing sticks out, on any of its pages (${tag})`, async () => {
    const visitor = await inside(PHONE);
    await visitor.language(tag);
    for (const name of ['details', `details/${STATION}/station`, 'manage', 'day', 'configuration', 'priorities']) {
      await view(visitor, name);
      await visitor.page.waitForSelector(`${mark('overview')}[data-fresh="fresh"], ${mark('priority')}, ${mark('day-charges')}`, { state: 'attached' });
      if (name === 'day') await visitor.page.waitForSelector(mark('charge-row'), { state: 'attached' });
      assert.deepEqual(await visitor.page.evaluate(layoutFindings), [], name);
      await visitor.shot(`greenup-phone-${name.replace(/\//g, '-')}-${tag}`);
    }
    assert.deepEqual(visitor.complaints, []);
    await visitor.leave();
  });
}

test('the controller standing still, what is shown is no longer live; when it goes on, all is live again by itself', async () => {
  await view(owner, 'details');
  await owner.wait(`${mark('overview')}[data-fresh="fresh"]`);
  const held = [gateway.program.process.pid, gateway.run().services.controller.pid]; // the supervisor too: it would start another
  for (const pid of held) process.kill(pid, 'SIGSTOP');
  try {
    await owner.wait(mark('controller-down')); // the broker noticed
    await owner.wait(`${mark('overview')}[data-fresh="offline"]`);
    await owner.shot('greenup-stale');
  } finally {
    for (const pid of held) process.kill(pid, 'SIGCONT');
  }
  await owner.wait(`${mark('overview')}[data-fresh="fresh"]`);
  assert.deepEqual(owner.complaints, []);
});
