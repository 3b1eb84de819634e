// Every page as the user with all rights sees it (VIEW, SYS-01, SYS-02): axe-core finds nothing wrong, light and dark, desktop
// and phone; in the languages with the longest words nothing sticks out, lies upon another or is cut off, at the width of a
// phone, a tablet, a desktop and at 200 % zoom, with names as hostile as a site file allows. The keyboard alone does every job.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts } from './gateway.mjs';
import { layoutFindings } from './layout.mjs';
import { REGISTERED, everyPage, open } from './pages.mjs';
import { HEAT_PUMP, MAIN, NOBODY, SOLAR, STATION, siteWith } from './site.mjs';
import { arrive, inside, stage } from './stage.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const LIGHT = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
// The dark differs from the light in nothing but its colours.
const RULES = { light: { type: 'tag', values: LIGHT }, dark: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } };
const SIZES = { phone: PHONE.viewport, tablet: { width: 820, height: 1180 }, desktop: DESK.viewport, 'zoom of 200 %': { width: 640, height: 400 } };
const LANGUAGES = ['de', 'ru', 'fr', 'el', 'zh'];
let pages;

// A text over and over until no more of it goes into a name, then dots: 63 bytes.
function longest(text) {
  const times = Math.floor(63 / Buffer.byteLength(text));
  return text.repeat(times) + '.'.repeat(63 - times * Buffer.byteLength(text));
}

stage(async () => {
  const whole = siteWith(await freePorts(4));
  // Names as hostile and as long as a site file allows: markup, not a blank, right to left, faces, an order to turn around.
  const names = {
    [MAIN]: longest('<img src=x onerror=alert(1)>'), [STATION]: longest('W'), [HEAT_PUMP]: longest('محطة الشحن ‮gnp.exe '), [SOLAR]: longest('😀'),
    [NOBODY]: longest('<script>alert(1)</script>'),
  };
  const devices = whole.devices.map((one) => ({ ...one, ...(names[one.id] ? { name: names[one.id] } : {}), ...(one.id === STATION ? { phases: [1, 2, 3] } : {}) }));
  const site = {
    ...whole, devices, sampling: { interval_min: 1 }, greenup: { on: false, meter: MAIN, i_max_a: 63, i_chg_a: 40 },
    circuits: [{ id: 50, name: longest('M') }], zones: [{ id: 60, name: longest('<b>Zone</b> ‮abc') }],
    panels: [{ id: 5, name: longest('充电桩'), place: longest('W') }],
    buses: whole.buses.map((bus, i) => ({ ...bus, name: longest(['Q', '<i onclick=alert(1)>', '😀', 'ش'][i]) })),
    tariffs: [{ id: 70, service: 'electricity', name: longest('&lt;'), prices: [{ price: 0.2 }] }],
  };
  return { site, buses: [1, 2], user: USERS.greenUp };
});

// What axe says, a line a finding.
async function judge(visitor, runOnly) {
  if (!await visitor.page.evaluate(() => 'axe' in globalThis)) await visitor.page.evaluate(AXE);
  return visitor.page.evaluate(async (only) => {
    const result = await globalThis.axe.run(document, { runOnly: only });
    return result.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${one.help}: ${node.target.join(' ')} ${node.html.slice(0, 120)}`));
  }, runOnly);
}

const unfold = (visitor) => visitor.page.evaluate(() => { for (const one of document.querySelectorAll('main details')) one.open = true; });
const drawn = (visitor) => visitor.page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));

async function eachLook(visitor, look) {
  for (const colorScheme of ['light', 'dark']) {
    await visitor.page.emulateMedia({ colorScheme });
    for (const size of ['desktop', 'phone']) {
      await visitor.page.setViewportSize(SIZES[size]);
      await drawn(visitor);
      await look(colorScheme, size);
    }
  }
}

test('axe finds nothing on any page, light and dark, desktop and phone', async () => {
  const visitor = await arrive({ ...DESK, bypassCSP: true }); // axe must get in
  const found = [];
  const note = (where) => async (scheme, size) => found.push(...(await judge(visitor, RULES[scheme])).map((one) => `${where}, ${scheme} ${size}: ${one}`));
  await visitor.open();
  await eachLook(visitor, note('login'));
  await visitor.comeIn(USERS.greenUp);
  await visitor.home();
  assert.deepEqual((await visitor.tiles()).sort(), [...REGISTERED].sort(), 'every page that is registered has a tile');
  pages = await everyPage(visitor);
  assert.deepEqual(REGISTERED.filter((page) => !pages.some((address) => address.split('/')[0] === page)), []);
  for (const address of pages) {
    await open(visitor, address);
    await unfold(visitor);
    await eachLook(visitor, note(address || 'home'));
  }
  console.log(`${pages.length + 1} pages: ${['login', ...pages.map((address) => address || 'home')].join(', ')}`);
  assert.deepEqual(found, []);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

// A key shown instead of its sentence: `ui.alarms.count`.
const KEY = /\b(?:ui|page|state|reason|quantity|circuit)\.[a-z_]+(?:\.[a-z_]+)*/g;

test(`in ${LANGUAGES.join(', ')} every page has its words, and they have their place at every width`, async () => {
  const visitor = await inside();
  pages ??= await everyPage(visitor);
  const found = [];
  let looked = 0;
  for (const address of pages) {
    await open(visitor, address);
    const drawings = await visitor.page.locator('.chart, .gauge-place').count() > 0; // these follow a new width a frame later
    for (const tag of LANGUAGES) {
      await visitor.language(tag);
      await unfold(visitor);
      await drawn(visitor);
      found.push(...((await visitor.page.innerText('body')).match(KEY) ?? []).map((key) => `${address || 'home'}, ${tag}: ${key}`));
      for (const [name, size] of Object.entries(SIZES)) {
        await visitor.page.setViewportSize(size);
        if (drawings) await drawn(visitor);
        found.push(...(await visitor.page.evaluate(layoutFindings)).map((one) => `${address || 'home'}, ${tag}, ${name}: ${one}`));
        looked++;
      }
    }
  }
  console.log(`${looked} looks at ${pages.length} pages`);
  assert.deepEqual(found, []);
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

const focused = (visitor, selector) => visitor.page.evaluate((one) => document.activeElement?.matches(one) === true, selector);

async function press(visitor, key, wanted) {
  for (let i = 0; i < 80; i++) {
    if (await focused(visitor, wanted)) return;
    await visitor.page.keyboard.press(key);
  }
  throw new Error(`${key} never reached ${wanted}`);
}

test('with the keyboard alone: in, to a page, through its parts, and out', async () => {
  const visitor = await arrive();
  await visitor.open();
  await visitor.page.keyboard.type(USERS.greenUp.pin);
  await visitor.step('puk');
  await visitor.page.keyboard.type(USERS.greenUp.puk);
  await visitor.home();
  await press(visitor, 'Tab', `${mark('tile')}[data-page="consumption"]`);
  await visitor.page.keyboard.press('Enter');
  await visitor.wait(`${mark('consumption')}[data-view="total"]`);
  await press(visitor, 'Tab', mark('tab-details'));
  await visitor.page.keyboard.press('Enter');
  await visitor.wait(`${mark('consumption')}[data-view="details"]`);
  await press(visitor, 'Tab', mark('span-month'));
  await visitor.page.keyboard.press('Space');
  await visitor.wait(`${mark('span-month')}[aria-pressed="true"]`);
  await press(visitor, 'Shift+Tab', mark('logout'));
  await visitor.page.keyboard.press('Enter');
  await visitor.wait(mark('login'));
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});

test('the keyboard reaches every control of every page, and where it is can be seen', async () => {
  const visitor = await inside();
  pages ??= await everyPage(visitor);
  const found = [];
  for (const address of pages) {
    await open(visitor, address);
    // Marks what ought to be reached; walks; tells what was not, and what shows no focus.
    const wanted = await visitor.page.evaluate(() => {
      const all = [...document.querySelectorAll('main :is(a[href], button, input, select, summary)')].filter((one) => !one.disabled && one.offsetParent !== null && (one.tagName === 'SUMMARY' || one.closest('details:not([open])') === null) && getComputedStyle(one).visibility !== 'hidden' && one.tabIndex >= 0);
      all.forEach((one, i) => { one.dataset.walk = String(i); });
      document.querySelector('main').focus();
      return all.length;
    });
    const seen = new Set();
    for (let i = 0; i < wanted + 12 && seen.size < wanted; i++) {
      await visitor.page.keyboard.press('Tab');
      const at = await visitor.page.evaluate(() => {
        const one = document.activeElement;
        const ring = (element) => { const style = getComputedStyle(element); return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2; };
        // A field that lies unseen over its face lets the face show the ring.
        return { walk: one.dataset?.walk ?? null, ring: ring(one) || (one.parentElement !== null && ring(one.parentElement)), name: `${one.tagName} ${one.dataset?.test ?? one.className}` };
      });
      if (at.walk !== null) seen.add(at.walk);
      if (!at.ring && at.name !== 'BODY ') found.push(`${address || 'home'}: no focus is seen on ${at.name}`);
    }
    if (seen.size < wanted) {
      const missed = await visitor.page.evaluate((known) => [...document.querySelectorAll('main [data-walk]')].filter((one) => !known.includes(one.dataset.walk)).map((one) => `${one.tagName} ${one.dataset.test ?? one.className}`), [...seen]);
      found.push(...missed.map((one) => `${address || 'home'}: not reached: ${one}`));
    }
  }
  assert.deepEqual([...new Set(found)], []);
  await visitor.leave();
});

test('a dialog keeps the focus inside, Escape closes it, and the focus comes back', async () => {
  const visitor = await inside();
  await open(visitor, 'server/users');
  await visitor.page.focus(mark('user-add'));
  await visitor.page.keyboard.press('Enter');
  await visitor.wait(`${mark('user-editor')}[open]`);
  assert.deepEqual(await judgeDialog(visitor), []);
  for (let i = 0; i < 40; i++) {
    await visitor.page.keyboard.press('Tab');
    const where = await visitor.page.evaluate(() => (document.activeElement === document.body || document.activeElement.closest('dialog') !== null ? '' : document.activeElement.outerHTML.slice(0, 100)));
    assert.equal(where, ''); // the browser itself may stand between the last and the first
  }
  await visitor.page.keyboard.press('Escape');
  await visitor.page.waitForSelector(mark('user-editor'), { state: 'detached' });
  await visitor.page.waitForFunction((one) => document.activeElement?.matches(one), mark('user-add'));
  await visitor.leave();
});

// The editor at the width of a phone, in the longest words.
async function judgeDialog(visitor) {
  await visitor.page.setViewportSize(SIZES.phone);
  await drawn(visitor);
  const found = await visitor.page.evaluate(layoutFindings);
  await visitor.page.setViewportSize(SIZES.desktop);
  return found;
}
