// System configuration, as an electrician with a phone does it: adds a bus and a meter, presses Test, reads what is wrong,
// scans, adds what was found; panels, circuits, zones; two people at once; undo.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts } from './gateway.mjs';
import { smallSite } from './site.mjs';
import { gateway, inside, simulators, stage } from './stage.mjs';

let port;
let deadPort;

stage(async () => {
  [port, deadPort] = await freePorts(2);
  const site = smallSite('system', { id: 2, name: 'Switchboard', port, serial: { timeout_ms: 200 } }, [{ id: 10, bus: 2, name: 'Main meter', profile: 'eastron-sdm630', unit: 1, on: true }],
    { circuits: [{ id: 3, use: 'heating' }, { id: 4, name: 'Workshop machines' }] });
  site.buses.unshift({ id: 1, name: 'Local', type: 'rtu', address: '/dev/ttyEW0', local: true, on: false });
  const found = [{ id: 11, bus: 2, name: 'New meter', profile: 'schneider-iem3155', unit: 5, on: true }, { id: 12, bus: 2, name: 'Other', profile: 'carlo-gavazzi-em340', unit: 9, on: true }];
  return { site, buses: [2], simulated: { ...site, devices: [...site.devices, ...found] }, user: USERS.installer };
}, () => simulators[0].tell('help')); // it listens

const go = async (visitor, rest) => {
  await visitor.page.goto(`${gateway.url}#/system/${rest}`);
  await visitor.wait(mark('system'));
};
const fill = (visitor, name, text) => visitor.get(name).fill(text);
const save = async (visitor, state = 'saved') => {
  await visitor.get('save').click();
  await visitor.wait(state === 'saved' ? `[data-saving="saved"]` : '.field-error, [data-test="refused"]');
};
// A new one: its form becomes that of the object with an id.
const create = async (visitor, kind) => {
  await visitor.get('save').click();
  const form = kind === 'device' ? 'device' : kind === 'bus' ? 'bus' : 'id';
  await visitor.wait(`[data-test="${kind}-form"]:not([data-${form}="new"])`);
  return visitor.get(`${kind}-form`).getAttribute(`data-${form}`);
};
const errorAt = (visitor, name) => visitor.page.locator(`.field:has(${mark(name)}) .field-error`).textContent();
const testSays = async (visitor, code) => {
  await visitor.get('test').click();
  await visitor.wait(`${mark('test-result')} [data-code="${code}"]`);
  return visitor.get('test-result').textContent();
};

test('on a phone: a bus and a meter are added, tested, and the test says what is wrong', async () => {
  const visitor = await inside(PHONE);
  await visitor.page.click(`${mark('tile')}[data-page="system"]`);
  await visitor.wait(`${mark('device-line')}[data-device="10"]`);
  await visitor.shot('system-phone-list');
  assert.equal(await visitor.overflow(), 0);

  // A bus on a port where nobody listens: refused, and what to look at.
  await visitor.get('add-bus').click();
  await visitor.wait(`${mark('bus-form')}[data-bus="new"]`);
  await fill(visitor, 'address', '127.0.0.1 ');
  await fill(visitor, 'port', 'abc');
  await save(visitor, 'refused');
  assert.ok((await errorAt(visitor, 'port')).length > 5);
  await fill(visitor, 'port', String(port)); // the line of the switchboard
  await save(visitor, 'refused');
  assert.match(await errorAt(visitor, 'address'), /line/);
  await fill(visitor, 'port', String(deadPort));
  await fill(visitor, 'name', 'Roof');
  const bus = await create(visitor, 'bus');
  assert.match(await testSays(visitor, 'bus.refused'), /port/);
  await visitor.shot('system-phone-bus-refused');
  assert.equal(await visitor.overflow(), 0);

  // The meter: found by its number, at an address that is taken, then at one where nobody is, then at its own.
  await go(visitor, 'devices/new/2');
  await visitor.wait(`${mark('device-form')}[data-device="new"]`);
  await fill(visitor, 'model-search', 'iem3155');
  await visitor.page.click(`${mark('model-hit')}[data-profile="schneider-iem3155"]`);
  await fill(visitor, 'unit', '1');
  await save(visitor, 'refused');
  assert.ok((await errorAt(visitor, 'unit')).length > 10);
  await visitor.shot('system-phone-device-refused');
  await fill(visitor, 'unit', '7');
  await fill(visitor, 'name', 'Workshop meter');
  await visitor.get('circuit').selectOption('4');
  await create(visitor, 'device');
  assert.match(await testSays(visitor, 'bus.gateway_silent'), /Unit|unit/);
  await visitor.shot('system-phone-test-silent');
  await fill(visitor, 'unit', '5');
  await save(visitor);
  assert.match(await testSays(visitor, 'test.value'), /V/);
  await visitor.wait(`${mark('device-form')} [data-state="on"]`);
  await visitor.shot('system-phone-test-good');
  assert.equal(await visitor.overflow(), 0);

  // Away with the bus: nothing hangs on it.
  await go(visitor, `buses/${bus}`);
  await visitor.get('remove').click();
  await visitor.get('yes').click();
  await visitor.page.waitForFunction((id) => document.querySelector(`[data-test="bus-card"][data-bus="${id}"]`) === null && document.querySelector('[data-test="bus-card"]') !== null, bus);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('a scan shows each find, and "add this one" has the model chosen', async () => {
  const visitor = await inside(DESK);
  await go(visitor, 'buses/2');
  await visitor.get('scan-start').click();
  await visitor.wait(`${mark('find')}[data-unit="1"]`);
  await visitor.wait(`${mark('find')}[data-unit="9"] ${mark('add-find')}`);
  await visitor.wait('[data-test="scan"][data-state="done"]');
  assert.deepEqual(await visitor.get('find').evaluateAll((all) => all.map((one) => Number(one.dataset.unit))), [1, 5, 9]);
  assert.equal(await visitor.page.locator(`${mark('find')}[data-unit="1"] ${mark('add-find')}`).count(), 0, 'it is set up already');
  await visitor.shot('system-scan');
  const guesses = visitor.page.locator(`${mark('find')}[data-unit="9"] select`);
  if (await guesses.count() > 0) await guesses.selectOption({ label: 'Carlo Gavazzi EM330 / EM340 / ET330 / ET340 / EM530 / EM540' });
  await visitor.page.click(`${mark('find')}[data-unit="9"] ${mark('add-find')}`);
  await visitor.wait(`${mark('device-form')}[data-device="new"]`);
  assert.equal(await visitor.get('unit').inputValue(), '9');
  assert.equal(await visitor.get('model').inputValue(), 'carlo-gavazzi-em340');
  const id = await create(visitor, 'device');
  await visitor.wait(`${mark('device-form')} [data-state="on"]`);
  await visitor.shot('system-device');
  await visitor.page.click(`${mark('device-form')} ${mark('on')}`);
  await visitor.wait(`${mark('device-line')}[data-device="${id}"] [data-state="off"]`);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('the form asks what the model needs', async () => {
  const visitor = await inside(PHONE);
  await go(visitor, 'devices/new/2//generic-meter');
  await fill(visitor, 'unit', '20');
  await fill(visitor, 'name', 'Generic');
  await save(visitor, 'refused');
  assert.ok((await errorAt(visitor, 'param-register')).length > 5, 'the register is missing');
  await fill(visitor, 'param-register', '0x0100');
  await create(visitor, 'device');
  await go(visitor, 'devices/new/2//legrand-dpx3-measure');
  await visitor.get('supply-downstream').click();
  await fill(visitor, 'unit', '21');
  await visitor.wait(mark('no-table'));
  await create(visitor, 'device');
  assert.equal(await visitor.get('supply-downstream').getAttribute('aria-pressed'), 'true');
  await go(visitor, 'devices/new/2//pulse-electricity-004687');
  await fill(visitor, 'unit', '22');
  await fill(visitor, 'position', '3');
  await visitor.get('pulse-unit').selectOption('per_kwh');
  await fill(visitor, 'param-pulse_wh', '800');
  await create(visitor, 'device');
  assert.equal(await visitor.get('position').inputValue(), '3');
  await visitor.get('pulse-unit').selectOption('wh');
  assert.equal(await visitor.get('param-pulse_wh').inputValue(), '1.25', 'a pulse of 800 in a kWh');
  await visitor.shot('system-phone-pulse');
  await go(visitor, 'devices/new/2//legrand-ems-measure-1p');
  await fill(visitor, 'unit', '2-1');
  await create(visitor, 'device');
  assert.equal(await visitor.get('unit').inputValue(), '2-1');
  // The address is a group: another module beside it; the same function twice is said.
  await visitor.get('parts').click();
  await visitor.get('part-add').click();
  await visitor.get('part-0-profile').selectOption('legrand-ems-measure-1p');
  await visitor.wait(mark('part-twice'));
  await visitor.get('part-0-profile').selectOption('legrand-ems-command');
  assert.equal(await visitor.get('part-twice').count(), 0);
  await fill(visitor, 'part-0-name', 'Lamp');
  await save(visitor);
  assert.equal(await visitor.get('part-0-profile').inputValue(), 'legrand-ems-command');
  await visitor.get('parts').scrollIntoViewIfNeeded();
  await visitor.shot('system-phone-parts');
  assert.equal(await visitor.overflow(), 0);
  await go(visitor, 'devices/new/2//legrand-026136');
  await fill(visitor, 'unit', '23');
  await visitor.get('labels').click();
  await fill(visitor, 'label-input_2', 'Door');
  await create(visitor, 'device');
  assert.equal(await visitor.get('label-input_2').inputValue(), 'Door');
  assert.equal(await visitor.get('label-output_2').count(), 1);
  await go(visitor, 'devices/10');
  await visitor.wait(`${mark('device-form')}[data-device="10"]`);
  await visitor.get('phase-order').selectOption('231');
  await save(visitor);
  assert.equal(await visitor.get('phase-order').inputValue(), '231');
  // A charge point: its phases are not taken for granted, and the usual order can be said.
  await go(visitor, 'devices/new/2//abb-terra-ac');
  await fill(visitor, 'unit', '24');
  assert.equal(await visitor.get('phase-order').inputValue(), '');
  await visitor.get('phase-order').selectOption('123');
  const point = await create(visitor, 'device');
  const { devices } = JSON.parse(readFileSync(join(gateway.data, 'site.json'), 'utf8'));
  assert.deepEqual(devices.find((one) => String(one.id) === point).phases, [1, 2, 3]);
  await go(visitor, 'devices/new/2//legrand-greenup-old-1p-two');
  await fill(visitor, 'unit', '30');
  await visitor.get('side-L').click();
  await visitor.get('phase-1').click();
  await create(visitor, 'device');
  await visitor.page.click(`${mark('other-side')} a`);
  await visitor.wait(`${mark('device-form')}[data-device="new"]`);
  assert.equal(await visitor.get('side-R').getAttribute('aria-pressed'), 'true');
  assert.equal(await visitor.get('unit').inputValue(), '30');
  assert.equal(await visitor.overflow(), 0);
  await visitor.shot('system-phone-other-side');
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('panels, circuits and zones: add, disable, enable, erase; what is built in stays', async () => {
  const visitor = await inside(DESK);
  for (const [page, name] of [['panels', 'Ground floor'], ['zones', 'Hall'], ['circuits', 'Kitchen']]) {
    await go(visitor, `${page}/new`);
    await fill(visitor, 'name', name);
    const id = await create(visitor, 'place');
    const line = `${mark('place')}[data-id="${id}"]`;
    await visitor.get('remove').click();
    await visitor.get('disable').click();
    await visitor.wait(`${line}[data-disabled="true"]`);
    await visitor.get('enable').click();
    await visitor.wait(`${line}[data-disabled="false"]`);
    assert.match(await visitor.page.locator(line).textContent(), new RegExp(`ID ${id}`));
    if (page === 'zones') {
      await visitor.shot('system-zones');
      await go(visitor, 'devices/10');
      await visitor.get(`zone-${id}`).check();
      await save(visitor);
      await go(visitor, `zones/${id}`);
      await visitor.get('remove').click();
      await visitor.get('yes').click(); // a device is in it
      await visitor.wait(mark('refused'));
    } else {
      await visitor.get('remove').click();
      await visitor.get('yes').click();
      await visitor.page.waitForFunction((gone) => document.querySelector(gone) === null, line);
    }
  }
  await go(visitor, 'circuits/3');
  await visitor.get('remove').click();
  await visitor.wait(mark('disable'));
  assert.equal(await visitor.get('yes').count(), 0);
  await visitor.get('no').click();
  await go(visitor, 'buses/1');
  await visitor.wait(`${mark('bus-form')}[data-bus="1"]`);
  assert.equal(await visitor.get('remove').count(), 0, 'the local bus stays');
  assert.equal(await visitor.get('address').isDisabled(), true);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('two people at once: the difference is shown, nothing is overwritten unasked; the last change is undone', async () => {
  const [one, two] = [await inside(DESK), await inside(PHONE, USERS.administrator)];
  for (const visitor of [one, two]) {
    await go(visitor, 'devices/10');
    await visitor.wait(`${mark('device-form')}[data-device="10"]`);
  }
  await fill(two, 'name', 'Typed by two');
  await fill(one, 'name', 'Saved by one');
  await save(one);
  await two.page.waitForFunction(() => document.querySelector('[data-test="device-line"][data-device="10"]')?.textContent.includes('Saved by one'));
  await two.get('save').click();
  await two.wait(mark('conflict'));
  assert.match(await two.get('conflict').textContent(), /Saved by one/);
  await two.shot('system-phone-conflict');
  await two.get('conflict-mine').click();
  await one.page.waitForFunction(() => document.querySelector('[data-test="device-line"][data-device="10"]')?.textContent.includes('Typed by two'));
  await one.get('undo').click();
  await one.get('yes').click();
  await one.page.waitForFunction(() => document.querySelector('[data-test="device-line"][data-device="10"]')?.textContent.includes('Saved by one'));
  await go(one, 'buses');
  await one.language('fr');
  await one.shot('system-fr');
  for (const visitor of [one, two]) {
    assert.deepEqual(visitor.complaints, []);
    await visitor.leave();
  }
});
