// LNK-01: the list of links in every state: no modules at all, modules nobody can read, links in order, in error, with a
// partner that is not set up; and the symbol at the name of a device that is part of one (VIEW-01).
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts } from './gateway.mjs';
import { layoutFindings } from './layout.mjs';
import { smallSite } from './site.mjs';
import { gateway, inside, simulators, stage } from './stage.mjs';

const [CONTACT, LIGHT, BARE, METER, SPARE] = [50, 51, 52, 53, 54];
const link = (address) => ({ fc: 3, address, type: 'u16', nan: ['0xFFFF'], group: 'links' });
const own = (id, registers) => ({ id, extends: id, confidence: 'candidate', offers: null, registers });
const PROFILES = [
  own('legrand-ems-signalling', { input_1: { fc: 2, address: 0, type: 'bool', group: 'state' }, link_action_1: link(100), link_error_1: link(101), link_action_2: link(110), link_error_2: link(111), link_action_3: link(120), link_error_3: link(121) }),
  own('legrand-ems-command', { output_1: { fc: 1, address: 0, type: 'bool', group: 'state' }, link_event_1: link(200) }),
];
const device = (id, unit, name, profile) => ({ id, bus: 1, unit, name, profile, on: true });

stage(async () => {
  const [port] = await freePorts(1);
  const site = smallSite('links', { id: 1, name: 'Cabinet', port, poll_ms: 500 }, [device(METER, 1, 'Main meter', 'legrand-emdx3-412045'), device(SPARE, 23, 'Spare light', 'eastron-sdm120')]);
  const later = [device(CONTACT, 20, 'Gate contact', 'legrand-ems-signalling'), device(LIGHT, 21, 'Gate light', 'legrand-ems-command'), device(BARE, 22, 'Boiler contact', 'legrand-ems-auxiliary')];
  return { site, buses: [1], simulated: { ...site, devices: [...site.devices, ...later] }, profiles: PROFILES, user: USERS.installer };
}, async () => {
  for (const line of [`set ${CONTACT} link_action_1 21`, `set ${CONTACT} link_action_2 77`, `set ${CONTACT} link_action_3 23`, `set ${CONTACT} link_error_3 3`]) await simulators[0].tell(line);
});

async function links(options = DESK, tag = 'en') {
  const visitor = await inside(options);
  await visitor.language(tag);
  await visitor.page.goto(`${gateway.url}#/system/links`);
  return visitor;
}

// The site file edited by hand, and read again.
function put(devices) {
  const file = join(gateway.data, 'site.json');
  const site = JSON.parse(readFileSync(file, 'utf8'));
  writeFileSync(file, JSON.stringify({ ...site, devices: [...site.devices, ...devices] }));
  process.kill(gateway.run().services.config.pid, 'SIGHUP');
}

test('every state: no modules, modules nobody can read, links in order, in error, without partner', async () => {
  const visitor = await links();
  await visitor.wait(mark('links-no-modules'));
  await visitor.shot('links-none');
  put([device(BARE, 22, 'Boiler contact', 'legrand-ems-auxiliary')]);
  await visitor.wait(`${mark('links-unreadable-module')} [data-device="${BARE}"]`);
  assert.equal(await visitor.get('module-link').count(), 0);
  put([device(CONTACT, 20, 'Gate contact', 'legrand-ems-signalling'), device(LIGHT, 21, 'Gate light', 'legrand-ems-command')]);
  await visitor.wait(`${mark('module-link')}[data-bad="true"]`);
  const rows = await visitor.get('module-link').evaluateAll((all) => all.map((one) => [one.dataset.bad, one.innerText.replaceAll(/\s+/g, ' ')]));
  assert.equal(rows.length, 3);
  const [good] = rows.filter(([bad]) => bad === 'false');
  assert.match(good[1], /Gate contact.*Cabinet.*20.*Gate light.*Cabinet.*21/);
  assert.ok(rows.some(([bad, text]) => bad === 'true' && /No device with the address 77 is set up on the bus Cabinet/.test(text)));
  assert.ok(rows.some(([bad, text]) => bad === 'true' && /Spare light.*reports an error of this link: 3/.test(text)));
  assert.deepEqual(visitor.complaints, []);
  assert.deepEqual(await visitor.page.evaluate(layoutFindings), []);
  await visitor.shot('links');
  // The symbol in the list of devices: at those two and the third that is linked, not at the meter.
  await visitor.installation();
  await visitor.wait(`${mark('device')}[data-device="${CONTACT}"] ${mark('linked')}`);
  const marked = await visitor.page.locator(`${mark('device')}:has(${mark('linked')})`).evaluateAll((all) => all.map((one) => Number(one.dataset.device)).sort());
  assert.deepEqual(marked, [CONTACT, LIGHT, SPARE]);
  await visitor.leave();
});

test('on a phone, in French, without anything that hangs over', async () => {
  const visitor = await links(PHONE, 'fr');
  await visitor.wait(mark('module-link'));
  assert.equal(await visitor.overflow(), 0);
  assert.deepEqual(await visitor.page.evaluate(layoutFindings), []);
  await visitor.shot('links-phone');
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});
