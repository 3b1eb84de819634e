// A gateway whose own clock stands in the year 2000, as that of a box without a battery before a time server is heard (DESIGN,
// Clock): every page says that the time is not set and shows no date made of it; when the clock is set, all comes right by itself.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { Clock, freePorts, until } from './gateway.mjs';
import { everyPage, open } from './pages.mjs';
import { MAIN, STATION, siteWith } from './site.mjs';
import { inside, simulators, stage } from './stage.mjs';

const TWO_INTERVALS_MS = 240_000; // of a minute each, on a slow machine
const UNSET = `${mark('banner')}[data-banner="clock"]`;
let clock;
let owner;

stage(async () => {
  clock = new Clock(new Date('2000-01-01T00:05:00Z'));
  const site = { ...siteWith(await freePorts(4)), sampling: { interval_min: 1 }, greenup: { on: false, meter: MAIN, i_max_a: 63, i_chg_a: 40 } };
  return { site, buses: [1, 2], clock, user: USERS.greenUp };
}, async () => { owner = await inside(); });

// A year that no gateway has seen, or the day such a clock begins with, in English.
const NONSENSE = /\b(19[0-9]\d|200\d)\b|\bJan(uary)? 1\b|\b1 Jan|Invalid|NaN/g;

test('every page says that the time is not set, and shows no date that comes of it', async () => {
  await owner.wait(UNSET);
  const found = [];
  for (const address of await everyPage(owner)) {
    for (const look of [DESK, PHONE]) {
      await owner.page.setViewportSize(look.viewport);
      await open(owner, address);
      await owner.wait(UNSET);
      const text = await owner.page.innerText('main');
      found.push(...(text.match(NONSENSE) ?? []).map((one) => `${address || 'home'}: ${one}`));
      if (await owner.overflow() > 0) found.push(`${address || 'home'}: wider than the window`);
    }
  }
  assert.deepEqual(found, []);
  await owner.page.setViewportSize(DESK.viewport);
  await open(owner, `installation/${STATION}`);
  await owner.wait(`${mark('charge')}[data-fresh="fresh"]`); // live values need no wall clock
  await owner.shot('clock-unset');
  assert.deepEqual(owner.complaints, []);
});

test('history says why it is empty, the administrator what to look at', async () => {
  await open(owner, 'consumption/total');
  await owner.wait('[data-why="ui.consumption.no_clock"]');
  await owner.shot('clock-unset-consumption');
  await open(owner, 'server');
  await owner.wait(`${mark('finding')}[data-finding="clock"]`);
});

test('the clock is set: the pages say so no more, what was counted gets its time, nobody is thrown out', async () => {
  await open(owner, 'consumption/total');
  clock.set(null);
  await owner.page.waitForSelector(UNSET, { state: 'detached' });
  await owner.page.waitForFunction((total) => /Wh\s*$/.test(document.querySelector(total)?.textContent ?? ''), mark('total'), { timeout: TWO_INTERVALS_MS });
  const today = new Intl.DateTimeFormat('en-CA', { timeZone: 'Europe/Paris' }).format(new Date());
  assert.equal(await owner.get('date').getAttribute('data-date'), today);
  await simulators[1].tell('unplug 2');
  await open(owner, 'alarms');
  await until('an alarm of today', async () => /(^|\t)\d\d:\d\d(\t|$)/m.test(await owner.page.innerText(mark('alarms'))));
  assert.doesNotMatch(await owner.page.innerText('main'), NONSENSE);
  assert.deepEqual(owner.complaints, []);
});
