// DEV-12, DEV-13: an installer gives a device a register table of his own: every fault is told with its row, each value is tried on
// the live device before it is saved, and the device is read at once.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts } from './gateway.mjs';
import { smallSite } from './site.mjs';
import { gateway, inside, simulators, stage } from './stage.mjs';

const METER = 5; // answers as an SDM630 does: the page is not told

stage(async () => {
  const [port] = await freePorts(1);
  const site = smallSite('tables', { id: 2, name: 'Switchboard', port, serial: { timeout_ms: 300 } });
  return { site, buses: [2], simulated: { ...site, devices: [{ id: 11, bus: 2, name: 'Meter', profile: 'eastron-sdm630', unit: METER, on: true }] }, user: USERS.installer };
}, () => simulators[0].tell('help')); // it listens

const go = async (visitor, rest) => {
  await visitor.page.goto(`${gateway.url}#/system/${rest}`);
  await visitor.wait(mark('system'));
};
const fill = (visitor, name, text) => visitor.get(name).fill(text);
const check = async (visitor, looked) => {
  await visitor.get('check').click();
  await visitor.wait(`${mark('table-form')}[data-looked="${looked}"]`);
};
const faults = (visitor) => visitor.get('fault').evaluateAll((all) => all.map((one) => [Number(one.dataset.row), one.dataset.code, one.textContent]));
const row = (quantity) => `${mark('preview-values-row')}[data-key="${quantity}"]`;
const looks = (visitor, quantity) => visitor.page.locator(`${row(quantity)} ${mark('looks')}`).textContent();
const readAll = async (visitor) => visitor.wait(`${mark('preview')}[data-reading="no"] ${mark('preview-values-row')}:last-child td:nth-child(3):not(:text("…"))`);

test('on a phone: a model without a public table gets one: faults with their rows, a look at the device, then values', async () => {
  const visitor = await inside(PHONE);
  await go(visitor, `devices/new/2/${METER}/legrand-emdx3-kwh-3p`);
  await visitor.wait(mark('no-table'));
  await visitor.get('attach-table').click();
  await visitor.wait(mark('table-form'));
  await fill(visitor, 'text', 'quantity;fc;address;type;unit\nvoltage_l1;4;30001;u32;V\nactive_power;4;30053;f33;W\n=cmd|calc;4;30070;u16;\n');
  await visitor.get('first').selectOption('30001');
  await check(visitor, 'faults');
  assert.deepEqual((await faults(visitor)).map(([at, code]) => [at, code]), [[2, 'table.quantity_near'], [3, 'table.type'], [4, 'table.quantity']]);
  assert.match((await faults(visitor))[0][2], /Row 2.*voltage_l1_n.*voltage_l1;4;30001;u32;V/, 'what is meant, and the row itself');
  await visitor.get('faults').scrollIntoViewIfNeeded();
  await visitor.shot('tables-phone-faults');
  assert.equal(await visitor.overflow(), 0);
  await visitor.language('fr');
  assert.match((await faults(visitor))[0][2], /Ligne 2.*grandeur/);
  await visitor.get('faults').scrollIntoViewIfNeeded();
  await visitor.shot('tables-phone-fr');
  assert.equal(await visitor.overflow(), 0);
  await visitor.language('en');

  // Mended, but the voltage is no whole number: seen on the device, and turned with one press.
  await fill(visitor, 'text', 'quantity;fc;address;type;unit\nvoltage_l1_n;4;30001;u32;V\nactive_power;4;30053;f32;W\nactive_energy_import;4;30073;f32;kWh\nfrequency;4;35001;u16;Hz\n');
  await check(visitor, 'good');
  assert.equal(await visitor.get('preview-unit').inputValue(), String(METER));
  await visitor.get('read-now').click();
  await visitor.wait(`${row('voltage_l1_n')} ${mark('fix-type')}`);
  await visitor.wait(`${row('frequency')} ${mark('row-refused')}`);
  assert.match(await visitor.page.locator(`${row('frequency')} ${mark('row-refused')}`).textContent(), /Unit 5 refuses the request at address 5000: exception 2/);
  await visitor.get('preview').scrollIntoViewIfNeeded();
  await visitor.shot('tables-phone-preview');
  assert.equal(await visitor.overflow(), 0);
  const fix = visitor.page.locator(`${row('voltage_l1_n')} ${mark('fix-type')}`);
  assert.match(await fix.textContent(), /f32\? 2\d\d\.\d V/);
  await fix.click();
  await visitor.wait(`${row('voltage_l1_n')} ${mark('looks')}.badge-good`);
  const text = (await visitor.get('text').inputValue()).split('\n').filter((line) => !line.startsWith('frequency')).join('\n');
  assert.match(text, /voltage_l1_n;4;30001;f32/, 'what was chosen stands in the table, with the numbers of the paper');
  await fill(visitor, 'text', text);
  await check(visitor, 'good');
  await visitor.get('save-table').click();
  await visitor.wait(mark('table-saved'));
  await visitor.get('table-saved').scrollIntoViewIfNeeded();
  await visitor.shot('tables-phone-saved');

  // On top of what the catalogue says of the model; the device is read with it.
  const kept = JSON.parse(readFileSync(`${gateway.data}/profiles/legrand-emdx3-kwh-3p.json`, 'utf8'));
  assert.deepEqual([kept.extends, kept.confidence, Object.keys(kept.registers)], ['legrand-emdx3-kwh-3p', 'candidate', ['voltage_l1_n', 'active_power', 'active_energy_import']]);
  await visitor.get('to-device').click();
  await visitor.wait(`${mark('device-form')}[data-device="new"]`);
  assert.equal(await visitor.get('model').inputValue(), 'legrand-emdx3-kwh-3p');
  assert.equal(await visitor.get('no-table').count(), 0);
  await fill(visitor, 'name', 'Old meter');
  await visitor.get('save').click();
  await visitor.wait(`${mark('device-form')}:not([data-device="new"])`);
  await visitor.wait(`${mark('device-form')}:not([data-device="new"]) [data-state="on"]`);
  await visitor.installation(await visitor.get('device-form').getAttribute('data-device'));
  await visitor.page.waitForFunction(() => /2[0-9]{2}\.[0-9]/.test(document.querySelector('[data-test="device-page"]')?.textContent ?? ''));

  // In use: the list says by whom, and it can't go.
  await go(visitor, 'tables');
  await visitor.wait(`${mark('own-table')}[data-profile="legrand-emdx3-kwh-3p"]`);
  assert.match(await visitor.get('own-table').textContent(), /Old meter/);
  await visitor.get('own-table').click();
  await visitor.wait(mark('own-tools'));
  assert.match(await visitor.get('text').inputValue(), /^quantity;fc;address;type;.*\nvoltage_l1_n;4;0;f32/, 'to be changed as it was written');
  await visitor.get('remove').click();
  await visitor.get('yes').click();
  assert.match(await visitor.get('remove-refused').textContent(), /Old meter/);
  await visitor.shot('tables-phone-own');
  assert.equal(await visitor.overflow(), 0);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('a file of an old spreadsheet; the word order of all is turned, a scale is mended; the table comes and goes', async () => {
  const visitor = await inside(DESK);
  await go(visitor, `tables/new//2/${METER}`);
  const csv = 'Quantity\tFC\tAddress\tType\tUnit\tNote\r\nvoltage_l1_n\t4\t0\tfloat32\tV\t230 V ±10 %\r\nvoltage_l2_n\t4\t2\tfloat32\t10 V\t\r\nfrequency\t4\t70\tfloat32\tHz\t\r\nactive_power\t4\t52\tfloat32\t\tµ\r\n';
  await visitor.get('file').setInputFiles({ name: 'acme.txt', mimeType: 'text/plain', buffer: Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(csv, 'utf16le')]) });
  await visitor.page.waitForFunction(() => document.querySelector('[data-test="text"]').value.includes('±10'));
  await visitor.get('order').selectOption('lsw');
  await check(visitor, 'faults');
  assert.ok((await visitor.get('faults').textContent()).length > 10, 'it has no name yet');
  await fill(visitor, 'family', 'Acme & Söhne');
  await fill(visitor, 'model', 'M 1');
  assert.equal(await visitor.get('id').inputValue(), 'acme-sohne-m-1');
  await check(visitor, 'good');
  await visitor.get('read-now').click();
  await visitor.wait(mark('fix-order-all'));
  await readAll(visitor);
  await visitor.shot('tables-order');
  await visitor.get('fix-order-all').click();
  await visitor.wait(`${row('frequency')} ${mark('looks')}.badge-good`);
  await visitor.wait(`${row('voltage_l2_n')} ${mark('fix-scale')}`);
  assert.equal(await looks(visitor, 'voltage_l1_n'), 'plausible');
  await visitor.page.locator(`${row('voltage_l2_n')} ${mark('fix-scale')}`).click();
  await visitor.wait(`${row('voltage_l2_n')} ${mark('looks')}.badge-good`);
  await visitor.shot('tables-preview');
  await fill(visitor, 'document', 'Acme, M 1 registers, page 4');
  await check(visitor, 'good');
  await visitor.get('save-table').click();
  await visitor.wait(mark('table-saved'));
  await visitor.wait(`${mark('own-table')}[data-profile="acme-sohne-m-1"]`);
  const kept = JSON.parse(readFileSync(`${gateway.data}/profiles/acme-sohne-m-1.json`, 'utf8'));
  assert.deepEqual([kept.confidence, kept.evidence, kept.registers.voltage_l2_n], ['document', ['Acme, M 1 registers, page 4'], { fc: 4, address: 2, type: 'f32', order: 'msw', unit: 'V', group: 'instant' }]);
  await go(visitor, 'tables/acme-sohne-m-1');
  await visitor.wait(mark('own-tools'));
  const [file] = await Promise.all([visitor.page.waitForEvent('download'), visitor.get('download-csv').click()]);
  assert.match(readFileSync(await file.path(), 'utf8'), /^quantity;fc;address;type;order;scale;unit;group\nvoltage_l1_n;4;0;f32;/);
  await visitor.get('remove').click();
  await visitor.get('yes').click();
  await visitor.page.waitForFunction(() => document.querySelector('[data-test="own-table"][data-profile="acme-sohne-m-1"]') === null);

  // Nothing answers there: said in words, once.
  await go(visitor, 'tables/new//2/9');
  await visitor.get('example').click();
  await fill(visitor, 'family', 'Acme');
  await fill(visitor, 'model', 'M2');
  await check(visitor, 'good');
  await visitor.get('read-now').click();
  await visitor.wait(mark('row-refused'));
  await visitor.wait(`${mark('preview')}[data-reading="no"]`);
  assert.equal(await visitor.get('row-refused').count(), 1);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('a table that is too large, or no JSON, is told so; ten thousand rows are', async () => {
  const visitor = await inside(DESK);
  await go(visitor, 'tables/new');
  await visitor.get('file').setInputFiles({ name: 'huge.csv', mimeType: 'text/csv', buffer: Buffer.alloc(1 << 20, 'a') });
  await visitor.wait(mark('too-large'));
  const rows = Array.from({ length: 10_000 }, (_, n) => `flow_${n};4;${n};u16`).join('\n');
  await visitor.get('file').setInputFiles({ name: 'rows.csv', mimeType: 'text/csv', buffer: Buffer.from(`quantity;fc;address;type\n${rows}\n`) });
  await visitor.page.waitForFunction(() => document.querySelector('[data-test="text"]').value.length > 100000);
  await fill(visitor, 'family', 'Acme');
  await fill(visitor, 'model', 'M3');
  await check(visitor, 'faults');
  assert.equal((await faults(visitor)).length, 50);
  await visitor.page.reload(); // emptying so many lines takes the browser long
  await visitor.wait(mark('table-form'));
  await fill(visitor, 'text', '"'.repeat(520_000)); // each letter is two on its way
  await check(visitor, 'faults');
  assert.deepEqual((await faults(visitor)).map(([, code]) => code), ['table.size']);
  await fill(visitor, 'text', '{"id": "x",');
  await check(visitor, 'bad_json');
  await fill(visitor, 'text', JSON.stringify({ id: 'acme-m3', version: '1.0', family: 'Acme', model: 'M3', kind: 'meter', confidence: 'document', registers: { voltage_l1_n: { fc: 4, address: 0, type: 'f32', group: 'instant' } } }));
  await check(visitor, 'faults');
  assert.deepEqual((await faults(visitor)).map(([, code]) => code), ['profile.evidence']);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});
