// Accessibility (VIEW, SYS-01): axe-core finds nothing wrong on any page, light and dark, desktop and phone; at 200 % zoom nothing
// is cut off; the keyboard alone comes in, goes to a page and out again. All users' pages, as the user with all rights sees them.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { Browser, DESK, PHONE, USERS, mark } from './browser.mjs';
import { Gateway, Simulator, freePorts } from './gateway.mjs';
import { HEAT_PUMP, MAIN, SOLAR, STATION, onlyBus, siteWith } from './site.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
// Address, and what must be there before it is judged.
const PAGES = [
  ['', mark('home-page')], ['installation', mark('device')], [`installation/${MAIN}`, mark('block')], [`installation/${STATION}`, mark('charge')],
  ...['total', 'global', 'partial', 'compare', 'details', 'tariffs'].map((view) => [`consumption/${view}`, `${mark('consumption')}[data-view="${view}"] .tab`]),
  ['alarms', mark('alarm-row')], ['server', '.overall'], ['server/users', '.tabs + *'], ['system', mark('device-line')],
  [`system/devices/${MAIN}`, mark('device-form')], ['system/buses/1', `${mark('system')} form`], ...['panels', 'circuits', 'zones'].map((tab) => [`system/${tab}`, mark('system')]),
  ['greenup/details', mark('gauge')], ['greenup/manage', mark('manage')], ['greenup/day', mark('day-charges')], ['greenup/configuration', mark('preview')],
  ['greenup/priorities', mark('priority')],
];
const LOOKS = [['light', DESK], ['dark', DESK], ['light', PHONE], ['dark', PHONE]];
let gateway;
let simulators;
let browser;

before(async () => {
  const whole = siteWith(await freePorts(4));
  // Names as hostile as a site file allows: markup, no blank for 60 letters, right to left, faces.
  const names = { [MAIN]: '<img src=x onerror=alert(1)>', [STATION]: 'W'.repeat(60), [HEAT_PUMP]: 'محطة الشحن ‮gnp.exe', [SOLAR]: '😀'.repeat(15) };
  const devices = whole.devices.map((one) => ({ ...one, ...(names[one.id] ? { name: names[one.id] } : {}), ...(one.id === STATION ? { phases: [1, 2, 3] } : {}) }));
  const site = { ...whole, devices, greenup: { on: false, meter: MAIN, i_max_a: 63, i_chg_a: 40 } };
  gateway = await Gateway.start(site);
  simulators = [1, 2].map((bus) => new Simulator(gateway.folder, `bus${bus}`, onlyBus({ ...site, greenup: undefined }, bus)));
  browser = await Browser.start();
});
after(async () => {
  await browser?.stop();
  for (const one of simulators ?? []) await one.stop();
  await gateway?.stop();
});

// What axe says, a line a finding.
async function judge(visitor) {
  await visitor.page.evaluate(AXE);
  return visitor.page.evaluate(async (rules) => {
    const result = await globalThis.axe.run(document, { runOnly: { type: 'tag', values: rules } });
    return result.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${one.help}: ${node.target.join(' ')} ${node.html.slice(0, 120)}`));
  }, RULES);
}

for (const [scheme, device] of LOOKS) {
  test(`axe finds nothing: ${scheme}, ${device === DESK ? 'desktop' : 'phone'}`, async () => {
    const visitor = await browser.visitor(gateway.url, { ...device, colorScheme: scheme, bypassCSP: true }); // axe must get in
    await visitor.open();
    const found = (await judge(visitor)).map((one) => `login ${one}`);
    await visitor.comeIn(USERS.greenUp);
    await visitor.home();
    for (const [address, there] of PAGES) {
      await visitor.page.goto(`${visitor.url}#/${address}`);
      await visitor.wait(there);
      found.push(...(await judge(visitor)).map((one) => `${address || 'home'} ${one}`));
    }
    assert.deepEqual(found, []);
    assert.deepEqual(visitor.complaints, []);
    await visitor.leave();
  });
}

test('at 200 % zoom nothing is cut off', async () => {
  const visitor = await browser.visitor(gateway.url, { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }); // 1280 x 800 at 200 %
  await visitor.comeIn(USERS.greenUp);
  await visitor.home();
  for (const [address, there] of PAGES) {
    await visitor.page.goto(`${visitor.url}#/${address}`);
    await visitor.wait(there);
    assert.equal(await visitor.overflow(), 0, address);
  }
  await visitor.leave();
});

// A key shown instead of its sentence: `ui.alarms.count`.
const KEY = /\b(?:ui|page|state|reason|quantity|circuit)\.[a-z_]+(?:\.[a-z_]+)*/g;

for (const tag of ['fr', 'el', 'zh']) {
  test(`${tag}: on a phone every page has its words, and they have their place`, async () => {
    const visitor = await browser.visitor(gateway.url, PHONE);
    await visitor.comeIn(USERS.greenUp);
    await visitor.home();
    await visitor.language(tag);
    const found = [];
    for (const [address, there] of PAGES) {
      await visitor.page.goto(`${visitor.url}#/${address}`);
      await visitor.wait(there);
      const over = await visitor.overflow();
      if (over !== 0) found.push(`${address || 'home'}: ${over} px too wide`);
      found.push(...((await visitor.page.innerText('body')).match(KEY) ?? []).map((key) => `${address || 'home'}: ${key}`));
    }
    assert.deepEqual(found, []);
    assert.equal(await visitor.page.getAttribute('html', 'lang'), tag);
    assert.deepEqual(visitor.complaints, []);
    await visitor.leave();
  });
}

test('with the keyboard alone: in, to a page, through its parts, and out', async () => {
  const visitor = await browser.visitor(gateway.url, DESK);
  await visitor.open();
  await visitor.page.keyboard.type(USERS.greenUp.pin);
  await visitor.step('puk');
  await visitor.page.keyboard.type(USERS.greenUp.puk);
  await visitor.home();
  const press = async (key, until_) => {
    for (let i = 0; i < 60; i++) {
      if (await visitor.page.evaluate((selector) => document.activeElement?.matches(selector), until_)) return;
      await visitor.page.keyboard.press(key);
    }
    throw new Error(`${key} never reached ${until_}`);
  };
  await press('Tab', `${mark('tile')}[data-page="consumption"]`);
  await visitor.page.keyboard.press('Enter');
  await visitor.wait(`${mark('consumption')}[data-view="total"]`);
  await press('Tab', mark('tab-details'));
  await visitor.page.keyboard.press('Enter');
  await visitor.wait(`${mark('consumption')}[data-view="details"]`);
  await press('Tab', mark('span-month'));
  await visitor.page.keyboard.press('Space');
  await visitor.wait(`${mark('span-month')}[aria-pressed="true"]`);
  await press('Shift+Tab', mark('logout'));
  await visitor.page.keyboard.press('Enter');
  await visitor.wait(mark('login'));
  assert.deepEqual(visitor.complaints, []);
  await visitor.leave();
});
