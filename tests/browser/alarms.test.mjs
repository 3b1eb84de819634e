// VIEW-09: a cable is pulled and the report says so, with device, address and words; put back, the alarm is over. Ten thousand
// entries are sorted, filtered and paged. A user who may not see installations sees alarms.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { PHONE, USERS, mark } from './browser.mjs';
import { freePorts, until } from './gateway.mjs';
import { siteWith } from './site.mjs';
import { gateway, inside, simulators, stage } from './stage.mjs';

const GARAGE = 2;
let user;

stage(async () => {
  const site = siteWith(await freePorts(4));
  return {
    site: { ...site, buses: site.buses.filter((bus) => bus.id <= GARAGE), devices: site.devices.filter((one) => one.bus <= GARAGE) },
    buses: [GARAGE], user: USERS.user,
  };
}, async () => { user = await inside(); });

const rows = `${mark('alarm-row')}`;
const cells = (visitor) => visitor.page.locator(rows).evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.innerText.trim())));
const waitCells = (visitor, check) => until(`rows that ${check}`, async () => check(await cells(visitor)));

test('a pulled cable is an alarm of its devices that goes on, and is over when it is put back', async () => {
  await user.page.locator(`${mark('tile')}[data-page="alarms"]`).click();
  await user.wait(mark('alarms'));
  await simulators[0].tell(`unplug ${GARAGE}`);
  await waitCells(user, (all) => all.some((row) => row[2] === 'Solar meter' && row[3] === 'Garage.1' && row[4] === 'Going on'));
  const solar = (await cells(user)).find((row) => row[2] === 'Solar meter');
  assert.match(solar[0], /^\d\d:\d\d$/);
  assert.ok(solar[1].length > 10, 'a sentence');
  await user.get('which-active').click();
  await user.shot('alarms');
  await simulators[0].tell(`plug ${GARAGE}`);
  await waitCells(user, (all) => !all.some((row) => row[2] === 'Solar meter'));
  await user.get('which-all').click();
  await waitCells(user, (all) => all.some((row) => row[2] === 'Solar meter' && /^\d\d:\d\d$/.test(row[4])));
});

test('ten thousand entries: pages, order, type and text', async () => {
  const fill = spawnSync('python3', ['-c', `
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=30)
db.executemany("INSERT INTO alarm (at, until, subject, source, device, bus, name, address, code, params, text) VALUES (?, ?, 's', 'test', NULL, NULL, ?, ?, ?, '{}', 'x')",
               [(1000 * i, 1000 * i + 60000, f"Old {i % 100:03d}", f"Attic.{i}", "alarm.tripped" if i % 1000 == 0 else "alarm.fault") for i in range(10000)])
db.commit()`, join(gateway.data, 'history.db')], { encoding: 'utf8' });
  assert.equal(fill.status, 0, fill.stderr);
  await user.get('sort-at').click();
  await waitCells(user, (all) => all.length === 50 && all[0]?.[3] === 'Attic.0');
  const count = Number((await user.get('alarm-count').innerText()).replace(/\D/g, ''));
  assert.ok(count > 10_000, `${count} alarms`);
  await user.get('page-next').click();
  await waitCells(user, (all) => all[0]?.[3] === 'Attic.50');
  await user.get('page-last').click();
  await waitCells(user, (all) => all.some((row) => row[2] === 'Solar meter'));
  await user.get('type').selectOption('alarm.tripped');
  await waitCells(user, (all) => all.length === 10 && all.every((row) => row[1] === 'The breaker has tripped.'));
  await user.get('type').selectOption('');
  await user.get('search').fill('attic.4711');
  await waitCells(user, (all) => all.length === 1 && all[0]?.[2] === 'Old 011');
  assert.deepEqual(user.complaints, []);
});

test('on a phone each alarm is a card, and the order is chosen from a list', async () => {
  await user.get('search').fill('');
  await user.page.setViewportSize(PHONE.viewport);
  await user.get('order').selectOption('at/true');
  await waitCells(user, (all) => all.some((row) => row[2] === 'Solar meter'));
  await user.get('order').selectOption('at/false');
  await waitCells(user, (all) => all[0]?.[3] === 'Attic.0');
  assert.equal(await user.overflow(), 0);
  await user.shot('alarms-phone');
  assert.deepEqual(user.complaints, []);
});

test('the broker dies: the list stays, says that it is not up to date, and comes back', async () => {
  process.kill(gateway.run().broker.pid, 'SIGKILL');
  await user.wait(mark('standing'));
  assert.ok((await cells(user)).length > 0);
  await user.page.waitForSelector(mark('standing'), { state: 'detached' });
  await user.wait('[data-link="online"]');
});
