// RPT-01 as a person does it: what, which days, how; progress; reportdata.zip, whose numbers are those of the page
// Consumption; one chosen device; what is missing is said; Cancel; on a phone nothing sticks out.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { PHONE, USERS, mark } from './browser.mjs';
import { until } from './gateway.mjs';
import { gateway, inside, stage } from './stage.mjs';

const SYSTEM = join(dirname(fileURLToPath(import.meta.url)), '../system');
const [FIRST, LAST] = ['2026-03-24', '2026-03-31']; // what money_rig wrote of that month
let admin;

function python(program, ...args) {
  const run = spawnSync('/usr/bin/python3', ['-c', program, ...args], { cwd: SYSTEM, encoding: 'utf8' });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

stage(() => ({
  site: JSON.parse(python('import json, money_rig; print(json.dumps(money_rig.site()))')),
  prepare: (data) => python('import sys, money_rig; money_rig.write_history(sys.argv[1])', join(data, 'history.db')), user: USERS.administrator,
}), async () => { admin = await inside(); });

async function days(visitor, from = FIRST, to = LAST) {
  await visitor.get('from').fill(from);
  await visitor.get('to').fill(to);
}

// {name of a file: its rows}
async function fetched(visitor) {
  await visitor.get('report-make').click();
  await visitor.wait(mark('report-ready'));
  const [file] = await Promise.all([visitor.page.waitForEvent('download'), visitor.get('report-download').click()]);
  assert.equal(file.suggestedFilename(), 'reportdata.zip');
  const texts = python('import sys, json, zipfile\nwith zipfile.ZipFile(sys.argv[1]) as z: print(json.dumps({n: z.read(n).decode() for n in z.namelist()}))', await file.path());
  return Object.fromEntries(Object.entries(JSON.parse(texts)).map(([name, text]) => [name, text.trim().split('\n').map((line) => line.split(';'))]));
}
const sum = (rows, column) => rows.slice(1).reduce((total, row) => total + Number((row[column] ?? '').replace(',', '.') || 0), 0);
const shown = (text) => Number(text.replace(/[^0-9.]/g, ''));

test('all devices of a week by days, with costs: the sums are those of the page Consumption', async () => {
  await admin.page.locator(`${mark('tile')}[data-page="reports"]`).click();
  await admin.wait(mark('reports'));
  await days(admin);
  assert.equal(await admin.get('period').inputValue(), 'own');
  await admin.get('by-days').click();
  await admin.get('cost').check();
  await admin.shot('reports');
  const files = await fetched(admin);
  await admin.shot('reports-ready');
  assert.deepEqual(Object.keys(files).sort(), ['report_energy_devices_electricity.csv', 'report_energy_devices_electricity_cost.csv']);
  const [values, costs] = [files['report_energy_devices_electricity.csv'], files['report_energy_devices_electricity_cost.csv']];
  assert.deepEqual(values[0], ['time', 'utc_offset', '10 Meter 1 [Wh]', '11 Meter 2 [Wh]', 'flags']);
  assert.equal(values.length, 9);
  await admin.page.goto(`${admin.url}#/consumption/total`);
  await admin.get('span-month').click();
  await admin.get('date-field').fill('2026-03-15');
  await admin.wait(`${mark('date')}[data-date="2026-03-01"]`);
  await admin.wait(`${mark('figure')} ${mark('total')}`);
  assert.ok(Math.abs(shown(await admin.get('total').innerText()) - (sum(values, 2) + sum(values, 3)) / 1000) < 1);
  await admin.get('what-cost').click();
  await admin.page.waitForFunction((total) => /EUR|€/.test(document.querySelector(total)?.textContent ?? ''), mark('total'));
  assert.ok(Math.abs(shown(await admin.get('total').innerText()) - (sum(costs, 2) + sum(costs, 3))) < 0.02);
});

test('it is still there when one comes back; then one circuit of two, by name', async () => {
  await admin.page.goto(`${admin.url}#/reports`);
  await admin.wait(mark('report-ready'));
  await admin.get('report-again').click();
  await admin.wait(mark('report-make'));
  await admin.get('scope').selectOption('circuits');
  await admin.get('which-some').click();
  await admin.wait(mark('report-problem'));
  assert.equal(await admin.get('report-make').isDisabled(), true);
  await admin.page.locator(`${mark('report-item-51')}`).check();
  await days(admin, LAST, FIRST);
  assert.equal(await admin.get('report-make').isDisabled(), true);
  await days(admin);
  const files = await fetched(admin);
  assert.deepEqual(Object.keys(files), ['report_energy_loads.csv']);
  assert.deepEqual(files['report_energy_loads.csv'][0], ['time', 'utc_offset', '51 Lighting [Wh]', 'flags']);
  await admin.get('report-again').click();
});

test('what has no figures is said in words', async () => {
  await admin.wait(mark('report-make'));
  await admin.get('scope').selectOption('stations');
  assert.equal(await admin.get('report-make').isDisabled(), true); // there is none
  await admin.get('scope').selectOption('devices');
  await days(admin, '2026-01-01', '2026-01-02');
  await admin.get('report-make').click();
  await admin.wait(`${mark('refused')}, ${mark('report-ready')}`);
  if (await admin.get('report-ready').count() > 0) await admin.get('report-again').click();
  assert.deepEqual(admin.complaints, []);
});

// A pipe in the place of its table: whoever makes the report waits there until somebody reads.
test('a report that takes long says how far it is, and Cancel ends it: nothing is left, the next one is made', async () => {
  const spare = join(gateway.data, 'export.spare');
  const pipe = join(spare, 'report_energy_devices_electricity.csv');
  const state = join(spare, 'state.json'); // written when the CSV files are, which come first
  let answers = 0; // to the cancel, or to what was asked with or after it
  admin.page.on('websocket', (socket) => {
    let cancelled = false;
    socket.on('framesent', ({ payload }) => { cancelled ||= payload.toString('latin1').includes('"cancel"'); });
    socket.on('framereceived', ({ payload }) => { answers += cancelled && payload.toString('latin1').includes('"percent"') ? 1 : 0; });
  });
  await admin.page.reload();
  await admin.wait(mark('report-make'));
  await days(admin);
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  rmSync(state);
  await admin.get('report-make').click();
  await admin.wait(`${mark('making')}[data-state="running"]`);
  await admin.shot('reports-running');
  assert.equal(await admin.get('report-make').count(), 0);
  await until('the CSV files', () => existsSync(state));
  await admin.get('report-cancel').click();
  await until('the answer to the cancel', () => answers >= 2); // one question may have been under way
  const reader = spawn('cat', [pipe], { stdio: 'ignore' });
  try {
    await admin.wait(mark('report-make'));
  } finally {
    reader.kill();
  }
  assert.equal(await admin.get('refused').count(), 0);
  assert.equal(await admin.get('report-ready').count(), 0);
  assert.deepEqual(readdirSync(spare).filter((name) => name.startsWith('report')), []);
  assert.deepEqual(readdirSync(join(gateway.data, 'reports')), []);
  const files = await fetched(admin);
  assert.deepEqual(Object.keys(files), ['report_energy_devices_electricity.csv']);
  await admin.get('report-again').click();
  assert.deepEqual(admin.complaints, []);
});

for (const [tag, scheme] of [['en', 'light'], ['fr', 'dark']]) {
  test(`on a phone nothing sticks out (${tag}, ${scheme})`, async () => {
    const visitor = await inside({ ...PHONE, colorScheme: scheme }, USERS.administrator);
    await visitor.language(tag);
    await visitor.page.goto(`${visitor.url}#/reports`);
    await visitor.wait(mark('report-make'));
    await visitor.get('which-some').click();
    assert.equal(await visitor.overflow(), 0);
    await visitor.shot(`reports-phone-${tag}`);
    await days(visitor);
    await visitor.page.locator(`${mark('report-item-10')}`).check();
    await visitor.get('report-make').click();
    await visitor.wait(mark('report-ready'));
    assert.equal(await visitor.overflow(), 0);
    await visitor.get('report-ready').scrollIntoViewIfNeeded();
    await visitor.shot(`reports-phone-ready-${tag}`);
    assert.deepEqual(visitor.complaints, []);
    await visitor.leave();
  });
}
