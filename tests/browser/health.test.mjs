// SYS-07: how well the gateway is, live: all services, one that is killed, a bus that falls silent, no broker; for administrators only.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts, until } from './gateway.mjs';
import { siteWith } from './site.mjs';
import { gateway, inside, simulators, stage } from './stage.mjs';

const TALL = { ...PHONE, viewport: { width: PHONE.viewport.width, height: 2200 } }; // the whole page on one picture
const SERVICES = ['config', 'poller', 'recorder', 'web'];
let administrator;

stage(async () => {
  const whole = siteWith(await freePorts(4));
  // Without the bus on which nobody answers: here all is well at first.
  const site = {
    ...whole, sampling: { interval_min: 1 }, buses: whole.buses.filter((bus) => bus.id !== 3),
    devices: whole.devices.filter((device) => device.bus !== 3),
  };
  return { site, buses: [1, 2], user: USERS.administrator };
}, async () => {
  administrator = await inside();
  await administrator.page.locator(`${mark('tile')}[data-page="server"]`).click();
  await administrator.wait(mark('health'));
});

const service = (name, more = '') => `${mark('service')}[data-service="${name}"]${more}`;
const bus = (id, state) => `${mark('health-bus')}[data-bus="${id}"][data-state="${state}"]`;
const finding = (is) => `${mark('finding')}[data-finding="${is}"]`;
const text = async (visitor, selector) => (await visitor.page.locator(selector).innerText()).replace(/\s+/g, ' ');
const gone = (visitor, selector) => visitor.page.waitForSelector(selector, { state: 'detached' });

test('all services run, buses work, every figure has a value', async () => {
  for (const name of SERVICES) await administrator.wait(service(name, '[data-state="online"][data-restarts="0"]'));
  await administrator.wait(`${mark('broker')}[data-state="online"]`);
  for (const [id, state] of [[1, 'on'], [2, 'on'], [4, 'off']]) await administrator.wait(bus(id, state));
  for (const is of ['service_offline', 'bus_error', 'devices', 'service_restarted']) await gone(administrator, finding(is));
  await until('the load of the processor', async () => /\d %/.test(await text(administrator, mark('cpu'))));
  assert.match(await text(administrator, service('recorder')), /since \d\d:\d\d.*version \d+\.\d+\.\d+.*[\d.]+ MB of memory.*(on time|late)/);
  assert.match(await text(administrator, bus(1, 'on')), /Line load [\d.]+ %.*Cycle \d+ ms.*(on time|late).*\d+ reads.*0 failed/);
  for (const name of ['memory', 'disk']) assert.match(await text(administrator, mark(name)), /[\d.]+ [MGT]B free of [\d.]+ [MGT]B$/);
  for (const name of ['free', 'database']) assert.match(await text(administrator, mark(name)), /[\d.]+ [kMGT]B$/);
  for (const name of ['machine-since', 'software-since']) assert.match(await text(administrator, mark(name)), /\d\d:\d\d$/);
  assert.match(await text(administrator, mark('failing')), /in error: 0 of \d/);
  assert.notEqual(await administrator.get('overall').getAttribute('data-level'), 'bad');
  await administrator.shot('health-good');
});

test('the broker counts itself', async () => {
  await until('the figures of the broker', async () => /\d+ connections.*[\d.]+ messages\/s in, [\d.]+ out.*[\d.]+ [kM]B of memory/.test(await text(administrator, mark('broker'))));
});

test('the database is optimised in the background', async () => {
  await administrator.get('optimise').click();
  await administrator.wait(`${mark('optimised')}[data-state="done"]`);
  assert.match(await text(administrator, mark('optimised')), /^Sound and optimised at \d\d:\d\d: [\d.]+ [kM]B before, [\d.]+ [kM]B now$/);
});

test('a recorder that is killed is counted, with the reason', async () => {
  const { pid } = gateway.run().services.recorder;
  process.kill(pid, 'SIGKILL');
  await administrator.wait(service('recorder', '[data-state="online"][data-restarts="1"]'));
  assert.match(await text(administrator, `${service('recorder')} ${mark('restarts')}`), /^Started again once\. Why: it was killed \(signal 9, Killed\)\.$/);
  await administrator.wait(finding('service_restarted'));
  assert.match(await text(administrator, finding('service_restarted')), /^Recorder: was started again at \d\d:\d\d\. Why: it was killed/);
  assert.notEqual(gateway.run().services.recorder.pid, pid);
});

test('a poller that hangs is started again, and the page says why', async () => {
  const { pid } = gateway.run().services.poller;
  process.kill(pid, 'SIGSTOP'); // noticed within 5 s and killed
  await administrator.wait(service('poller', '[data-state="online"][data-restarts="1"]'));
  assert.match(await text(administrator, `${service('poller')} ${mark('restarts')}`), /it gave no sign of life for 5 s and was killed/);
  await administrator.wait(bus(1, 'on'));
});

test('a bus that falls silent is what comes first, in words', async () => {
  await simulators[0].stop();
  await administrator.wait(bus(1, 'error'));
  await administrator.wait(`${mark('overall')}[data-level="bad"]`);
  await administrator.wait(finding('devices'));
  assert.equal(await administrator.page.locator(mark('finding')).first().getAttribute('data-finding'), 'bus_error');
  assert.match(await text(administrator, finding('bus_error')), /^Bus “Switchboard” does not work\. 127\.0\.0\.1 (refuses|closed)/);
  assert.match(await text(administrator, mark('failing')), /in error: 2 of 7/);
  await administrator.shot('health-bad');
});

test('without the broker nothing is known, and then all again', async () => {
  process.kill(gateway.run().broker.pid, 'SIGKILL');
  await administrator.wait(`${mark('overall')}[data-level="unknown"]`);
  await administrator.wait(`${mark('broker')}[data-state="offline"]`);
  await administrator.wait(`${mark('overall')}[data-level="bad"]`);
  await administrator.wait(`${mark('broker')}[data-state="online"]`);
  for (const name of SERVICES) await administrator.wait(service(name, '[data-state="online"]'));
});

for (const tag of ['fr']) {
  test(`on a phone nothing sticks out (${tag})`, async () => {
    const visitor = await inside(TALL, USERS.administrator);
    await visitor.language(tag);
    await visitor.page.goto(`${visitor.url}#/server`);
    await visitor.wait(bus(1, 'error'));
    await until('the load of the processor', async () => /\d\s%/.test(await text(visitor, mark('cpu'))));
    assert.equal(await visitor.overflow(), 0);
    const clipped = await visitor.page.evaluate(() => [...document.querySelectorAll('.health *')]
      .filter((one) => one.getBoundingClientRect().right > document.documentElement.clientWidth).map((one) => one.className));
    assert.deepEqual(clipped, []);
    await visitor.shot(`health-phone-${tag}`);
    assert.deepEqual(visitor.complaints, []);
    await visitor.leave();
  });
}

test('a user has neither tile nor page', async () => {
  const visitor = await inside(DESK, USERS.user);
  assert.equal((await visitor.tiles()).includes('server'), false);
  await visitor.page.goto(`${visitor.url}#/server`);
  await visitor.page.waitForFunction(() => location.hash === '#/');
  await visitor.wait(mark('home-page'));
  assert.equal(await visitor.get('health').count(), 0);
  await visitor.leave();
});

test('the bus comes back, and the page says so by itself', async () => {
  simulators[0].start();
  await administrator.wait(bus(1, 'on'));
  await gone(administrator, finding('bus_error'));
  await gone(administrator, finding('devices'));
  assert.deepEqual(administrator.complaints, []);
});

test('what was recorded last is told with its age', async () => {
  await until('the first sample', async () => /\d\d:\d\d \((just now|\d+ s ago)\)$/.test(await text(administrator, mark('last-sample'))));
  assert.match(await text(administrator, mark('history')), /Sampling interval 1 min/);
  // The nightly backup of the history is made as soon as there is one to make.
  await until('the automatic backup', async () => /^Automatic backup \d\d:\d\d, [\d.]+ [kM]B$/.test(await text(administrator, mark('automatic-backup'))));
  await administrator.shot('health-recorded');
});

test('FTP: its state, its password, on and off (REC-05)', async () => {
  const state = (is) => `${mark('ftp-state')}[data-state="${is}"]`;
  await administrator.page.goto(`${administrator.url}#/server/ftp`);
  await administrator.wait(state('on'));
  assert.match(await text(administrator, mark('ftp-address')), new RegExp(`ftp://127\\.0\\.0\\.1:${gateway.run().ftp.port}/$`));
  assert.match(await text(administrator, mark('ftp-demo')), /keeps the manual’s password: wsmeasure/);
  await administrator.get('ftp-password').fill('wsmeasure');
  await administrator.get('ftp-again').fill('wsmeasure1');
  await administrator.get('ftp-save').click();
  await until('the two to differ', async () => /The two passwords differ/.test(await text(administrator, mark('ftp-page'))));
  await administrator.get('ftp-again').fill('wsmeasure');
  await administrator.get('ftp-save').click();
  await until('a refusal', async () => /guessed at once/.test(await text(administrator, mark('ftp-page'))));
  for (const field of ['ftp-password', 'ftp-again']) await administrator.get(field).fill('Kastanje-7-oak');
  await administrator.get('ftp-save').click();
  await administrator.wait(mark('ftp-changed'));
  await gone(administrator, mark('ftp-demo'));
  await administrator.wait(state('on'));
  await administrator.shot('ftp');
  await administrator.get('ftp-on').click();
  await administrator.wait(state('off'));
  assert.match(await text(administrator, mark('ftp-why')), /^FTP is switched off\.$/);
  await administrator.get('ftp-on').click();
  await administrator.wait(state('on'));
  await administrator.page.goto(`${administrator.url}#/server`);
  await administrator.wait(service('ftp', '[data-state="online"]'));
});
