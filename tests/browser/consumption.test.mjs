// VIEW-02 to VIEW-07: consumption appears by itself when the first sampling interval is over; any period by arrows; every view;
// full screen and datalogger.csv; a user who may see nothing else sees it; nothing sticks out; a clock in 2000; the broker lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { Gateway, freePorts } from './gateway.mjs';
import { layoutFindings } from './layout.mjs';
import { HEAT_PUMP, MAIN, onlyBus, siteWith } from './site.mjs';
import { arrive, browser, gateway, inside, stage } from './stage.mjs';

const TWO_INTERVALS_MS = 240_000; // of a minute each, on a slow machine
const SYSTEM = join(dirname(fileURLToPath(import.meta.url)), '../system');
const HEATING = 50;
let user;

stage(async () => {
  const whole = siteWith(await freePorts(4));
  const devices = whole.devices.filter((device) => device.bus === 1).map((device) => ({
    ...device, ...(device.id === MAIN ? { exclude_totals: true } : {}), ...(device.id === HEAT_PUMP ? { circuit: HEATING } : {}),
  }));
  const site = {
    ...whole, sampling: { interval_min: 1 }, circuits: [{ id: HEATING, use: 'heating' }], devices,
    buses: whole.buses.filter((bus) => bus.id === 1).map((bus) => ({ ...bus, quality_device: HEAT_PUMP })),
  };
  return { site, buses: [1], user: USERS.user };
}, async () => { user = await inside(); });

const words = async (visitor, name) => (await visitor.get(name).first().innerText()).replace(/\s+/g, ' ');

test('before anything is recorded the page says so, and then shows it without being asked', async () => {
  await user.page.locator(`${mark('tile')}[data-page="consumption"]`).click();
  await user.wait(mark('consumption'));
  // An interval that holds one reading only has no difference yet: its total is a dash.
  await user.page.waitForFunction((total) => /Wh\s*$/.test(document.querySelector(total)?.textContent ?? ''), mark('total'), { timeout: TWO_INTERVALS_MS });
  await user.page.waitForSelector(mark('figure'));
  assert.match(await words(user, 'total'), /^[\d,.]+ k?Wh$/);
  assert.match(await words(user, 'figure'), /By circuit/);
  await user.wait(`${mark('chart')} canvas`);
  await user.shot('consumption');
});

test('opened by its address it names the circuits, also where these come after the numbers', async () => {
  for (let i = 0; i < 3; i++) {
    await user.page.reload();
    await user.wait(`${mark('chart')} canvas`);
    await user.page.waitForFunction((figure) => /Heating/.test(document.querySelector(figure)?.textContent ?? ''), mark('figure'));
  }
});

test('datalogger.csv holds what is shown: local hours, the circuit, exact Wh', async () => {
  const [file] = await Promise.all([user.page.waitForEvent('download'), user.get('csv').click()]);
  assert.equal(file.suggestedFilename(), 'datalogger.csv');
  const lines = readFileSync(await file.path(), 'utf8').replace(/^\ufeff/, '').trim().split('\r\n').map((line) => line.split(';'));
  assert.deepEqual(lines[0], ['time', 'Heating [Wh]', 'flags']); // a built-in circuit is named by its use; the main meter is left out
  assert.ok([24, 25, 26].includes(lines.length), `${lines.length} lines`);
  assert.ok(lines.some((line) => Number(line[1]?.replace(',', '.')) > 0));
});

test('yesterday is an arrow away, and empty on the first day; month and ten years hold today', async () => {
  await user.get('date-back').click();
  await user.wait(mark('nothing'));
  assert.match(await words(user, 'consumption'), /Nothing is recorded for this period/);
  assert.equal(await user.get('date-next').isDisabled(), false);
  await user.get('date-now').click();
  assert.equal(await user.get('date-next').isDisabled(), true);
  for (const span of ['month', 'year', 'decade', 'day']) {
    await user.get(`span-${span}`).click();
    await user.wait(`${mark('figure')} ${mark('total')}`);
    assert.match(await words(user, 'total'), /^[\d,.]+ k?Wh$/, span);
  }
});

test('every view answers: global, zones and circuits, comparison, details with live measures, tariffs', async () => {
  const go = async (view) => {
    await user.get(`tab-${view}`).click();
    await user.wait(`${mark('consumption')}[data-view="${view}"]`);
  };
  await go('global');
  await user.wait(mark('figure-electricity'));
  assert.match(await words(user, 'figure-electricity'), /^Electricity /);
  await go('partial');
  await user.get('circuit').selectOption(String(HEATING));
  await user.wait(mark('figure'));
  await go('compare');
  await user.wait(mark('figure'));
  assert.match(await words(user, 'figure'), /Heat pump.*Wh/);
  await user.get('compare-totals').click();
  await user.wait(`${mark('figure')} canvas`);
  await go('details');
  await user.get('device').selectOption(String(HEAT_PUMP));
  await user.wait(`${mark('block')}[data-section="power"] [data-fresh="fresh"]`);
  await user.wait(`${mark('figure')} canvas`);
  // Hardly anything is recorded of the last week: never OK.
  await user.wait(`${mark('quality-week')}[data-verdict="none"]`);
  assert.match(await words(user, 'quality-week'), /^Last week EN 50160 CHECK: No verdict /);
  assert.doesNotMatch(await words(user, 'quality'), /OK|KO/);
  await user.shot('consumption-details');
  await user.get('device').selectOption(String(MAIN)); // another device of the bus is not the one that is checked
  await user.page.waitForSelector(mark('quality'), { state: 'detached' });
  await go('tariffs');
  await user.wait(`${mark('tariff-0')}`); // no rule is set up: all of it is outside, and said so
  assert.match(await words(user, 'consumption'), /Outside all rules/);
  await go('total');
});

test('the power-quality device shows the verdict of the last week and of the one before, each criterion in words', async () => {
  const site = onlyBus({ ...siteWith(await freePorts(4)), sampling: { interval_min: 10 } }, 1);
  const python = 'import sys; sys.path.insert(0, sys.argv[1]); import test_quality; test_quality.write(sys.argv[2], int(sys.argv[3]))';
  const past = await Gateway.start({ ...site, buses: site.buses.map((bus) => ({ ...bus, quality_device: MAIN })) }, {
    prepare: (data) => execFileSync('/usr/bin/python3', ['-c', python, SYSTEM, join(data, 'history.db'), String(MAIN)]),
  });
  const visitor = await browser.visitor(past.url, DESK);
  try {
    await visitor.comeIn(USERS.user);
    await visitor.home();
    await visitor.page.goto(`${visitor.url}#/consumption/details`);
    await visitor.get('device').selectOption(String(MAIN));
    await visitor.wait(`${mark('quality-week')}[data-verdict="ok"]`);
    assert.match(await words(visitor, 'quality-week'), /^Last week EN 50160 CHECK: OK /);
    assert.match(await words(visitor, 'quality-flicker'), /No verdict.*Not measured by this device/);
    const before = visitor.page.locator(`${mark('quality-week')}[data-verdict="ko"] ${mark('quality-voltage')}`);
    assert.match((await before.innerText()).replace(/\s+/g, ' '), /^KO .* L2: 51 of 1008 ten-minute values outside, 50 allowed/);
    await visitor.shot('consumption-quality');
    assert.deepEqual(visitor.complaints, []);
  } finally {
    await visitor.leave();
    await past.stop();
  }
});

test('a figure fills the screen and comes back', async () => {
  await user.get('full-screen').click();
  await user.page.waitForFunction((figure) => document.fullscreenElement?.matches(figure), mark('figure'));
  await user.shot('consumption-full-screen');
  await user.get('full-screen').click();
  await user.page.waitForFunction(() => document.fullscreenElement === null);
  assert.deepEqual(user.complaints, []); // nor did a chart break the content security policy
});

test('with figures drawn nothing sticks out, lies upon another or is cut off, in German and Greek at every width', async () => {
  const visitor = await inside(DESK);
  const found = [];
  for (const view of ['total', 'global', 'partial', 'compare', 'details', 'tariffs']) {
    await visitor.page.goto(`${visitor.url}#/consumption/${view}`);
    await visitor.wait(`${mark('consumption')}[data-view="${view}"]`);
    await visitor.wait(`${mark('figure').replace('=', '^=')} canvas`);
    await visitor.page.evaluate(() => { for (const one of document.querySelectorAll('main details')) one.open = true; });
    for (const tag of ['de', 'el']) {
      await visitor.language(tag);
      for (const size of [PHONE.viewport, { width: 820, height: 1180 }, { width: 640, height: 400 }, DESK.viewport]) {
        await visitor.page.setViewportSize(size);
        await visitor.page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
        found.push(...(await visitor.page.evaluate(layoutFindings)).map((one) => `${view}, ${tag}, ${size.width}: ${one}`));
      }
    }
    await visitor.page.setViewportSize(PHONE.viewport);
    await visitor.shot(`consumption-phone-${view}-el`);
  }
  assert.deepEqual(found, []);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('a browser whose clock stands in the year 2000 shows what is recorded today', async () => {
  const visitor = await arrive();
  await visitor.page.clock.setSystemTime(new Date('2000-01-01T12:00:00Z'));
  await visitor.comeIn(USERS.user);
  await visitor.home();
  await visitor.page.goto(`${visitor.url}#/consumption/total`);
  await visitor.wait(mark('total'));
  await visitor.leave();
});

test('the broker dies: the figure says that it is not up to date, tapped it says why, and all comes back', async () => {
  await user.wait(mark('total'));
  process.kill(gateway.run().broker.pid, 'SIGKILL');
  await user.wait('[data-link="offline"]');
  await user.get('standing').click();
  assert.match(await user.page.locator('.figure .explain-text').innerText(), /known last/);
  assert.match(await words(user, 'total'), /Wh$/);
  await user.wait('[data-link="online"]');
  await user.page.waitForSelector(mark('standing'), { state: 'detached' });
});
