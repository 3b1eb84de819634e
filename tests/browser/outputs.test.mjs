// VIEW-01, DEV-08: outputs are switched from the page and the device says so; their settings are written; a charge point's plug
// and socket come with the Green'Up page alone; what a device refuses is said in words.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts } from './gateway.mjs';
import { smallSite } from './site.mjs';
import { inside, simulators, stage } from './stage.mjs';

const RELAYS = 50;
const WALLBOX = 51;
const numbers = [1, 2];
const PROFILES = [
  { id: 'relays', version: '1.0', family: 'Tests', model: 'Relays', kind: 'io', confidence: 'driver', references: ['the tests'], limits: { holes: true },
    registers: Object.fromEntries(numbers.map((n) => [`output_${n}`, { fc: 1, address: n, type: 'bool', group: 'state' }])),
    commands: { ...Object.fromEntries(numbers.map((n) => [`output_${n}`, { fc: 5, address: n, type: 'bool' }])), reset_partial_energy: { fc: 6, address: 100, type: 'u16', value: 7 } } },
  { id: 'wallbox', extends: 'bender-cc612', confidence: 'driver', references: ['the tests'],
    registers: { plug: { fc: 3, address: 2000, type: 'u16', group: 'charge' } },
    commands: { plug: { fc: 6, address: 2000, type: 'u16', on: 1, off: 0 }, socket: { fc: 16, address: 2001, type: 'u16', on: '0xFF', off: 0 } } },
];

stage(async () => {
  const [port] = await freePorts(1);
  const site = smallSite('outputs', { id: 1, name: 'Cabinet', port, poll_ms: 500 }, [
    { id: RELAYS, bus: 1, name: 'Relays', profile: 'relays', unit: 10, on: true, labels: { output_2: 'Pump' } },
    { id: WALLBOX, bus: 1, name: 'Charge point', profile: 'wallbox', unit: 11, on: true, params: { rated_current: 32 } },
  ]);
  return { site, buses: [1], profiles: PROFILES, user: USERS.installer };
});

const output = (n, now) => `${mark('output')}[data-output="${n}"]${now === undefined ? '' : `[data-now="${now}"]`}`;

test('an output is switched on and off, and the page shows what the device says', async () => {
  const visitor = await inside();
  await visitor.installation(RELAYS);
  await visitor.wait(output(1, false));
  assert.match(await visitor.page.locator(output(2)).innerText(), /^Pump/);
  await visitor.get('output-1-on').click();
  await visitor.wait(output(1, true));
  await visitor.wait(`${output(1)} ${mark('command-ended')}`);
  await visitor.shot('outputs');
  await visitor.get('output-1-off').click();
  await visitor.wait(output(1, false));
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('its settings are written: a label, closed when off, a pulse', async () => {
  const visitor = await inside(PHONE);
  await visitor.installation(RELAYS);
  await visitor.get('output-settings-2').click();
  await visitor.get('output-label').fill('Sump pump');
  await visitor.get('output-contact').selectOption('nc');
  await visitor.get('output-on-s').fill('two');
  await visitor.get('output-write').click();
  await visitor.wait(`${mark('output-on-s')}[aria-invalid="true"]`);
  await visitor.get('output-on-s').fill('1,5');
  assert.equal(await visitor.overflow(), 0);
  await visitor.shot('outputs-phone');
  await visitor.get('output-write').click();
  await visitor.page.waitForSelector(mark('output-form-2'), { state: 'detached' });
  await visitor.page.waitForFunction((selector) => /^Sump pump\s.*Normally closed/s.test(document.querySelector(selector)?.innerText ?? ''), output(2));
  assert.equal(await visitor.get('output-2-off').count(), 0); // a pulse ends by itself
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('plug and socket are the business of who has the Green’Up page', async () => {
  const owner = await inside(DESK, USERS.greenUp);
  await owner.installation(WALLBOX);
  await owner.wait(`${mark('plug')}[data-now="false"]`); // as the station says
  await owner.get('plug-on').click();
  await owner.wait(`${mark('maintenance')} ${mark('command-ended')}.form-saved`);
  await owner.wait(`${mark('plug')}[data-now="true"]`);
  await simulators[0].tell(`set ${WALLBOX} plug 0`); // switched off elsewhere
  await owner.wait(`${mark('plug')}[data-now="false"]`);
  const socket = () => owner.get('socket').locator('.muted').innerText();
  assert.match(await socket(), /does not tell/);
  await owner.get('socket-on').click();
  await owner.page.waitForFunction((selector) => /^Told “On” at /.test(document.querySelector(selector).innerText), `${mark('socket')} .muted`);
  assert.match(await socket(), /^Told “On” at \d\d:\d\d\. The station does not tell/);
  assert.equal(await owner.get('socket-on').getAttribute('aria-pressed'), 'false'); // told is not known
  await owner.get('maintenance').scrollIntoViewIfNeeded();
  await owner.shot('outputs-plugs');
  assert.deepEqual(owner.complaints, []);
  await owner.leave();
  const installer = await inside();
  await installer.installation(WALLBOX);
  await installer.wait(mark('charge'));
  assert.equal(await installer.get('plug-off').count(), 0);
  await installer.leave();
});

test('an order that cannot be carried out is refused in words', async () => {
  const visitor = await inside();
  await visitor.installation(RELAYS);
  await visitor.wait(output(1, false));
  await simulators[0].tell('unplug 1');
  await visitor.get('output-1-on').click();
  await visitor.page.waitForSelector(`${output(1)} ${mark('command-ended')}.notice-bad`);
  assert.ok((await visitor.page.locator(`${output(1)} ${mark('command-ended')}`).innerText()).length > 15);
  await simulators[0].tell('plug 1');
  await visitor.leave();
});

test('a wall screen shows the outputs and has nothing to press', async () => {
  const owner = await inside(DESK, USERS.administrator);
  await owner.page.goto(`${owner.url}#/server/users`);
  await owner.get('user-add').click();
  await owner.get('user-name').fill('Wall');
  await owner.get('user-pin').fill('31415');
  await owner.get('user-puk').fill('27182818284590');
  await owner.get('user-page-installation').check();
  await owner.get('user-display').check();
  await owner.get('user-save').click();
  await owner.page.waitForSelector(mark('user-editor'), { state: 'detached' });
  await owner.leave();
  const wall = await inside(DESK, { pin: '31415', puk: '27182818284590' });
  assert.deepEqual(await wall.tiles(), ['installation', 'consumption', 'alarms']);
  await wall.installation(RELAYS);
  await wall.wait(output(2));
  assert.equal(await wall.page.locator(`${mark('commands')} button`).count(), 0);
  assert.deepEqual(wall.complaints, []);
  await wall.leave();
});
