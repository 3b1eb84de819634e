// Users as administrators manage them, known browsers, logout and lock, in Chromium: USR-03, USR-04.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts } from './gateway.mjs';
import { siteWith } from './site.mjs';
import { inside, stage } from './stage.mjs';

const ANNA = { pin: '31415', puk: '27182818284590' };
let administrator;

stage(async () => ({ site: siteWith(await freePorts(4)), user: USERS.administrator }), async () => { administrator = await inside(); });

async function users(visitor) {
  await visitor.page.goto(`${visitor.url}#/server`);
  await visitor.get('tab-users').click();
  await visitor.wait(mark('users'));
}
const row = (visitor, name) => visitor.page.locator(mark('users-row')).filter({ has: visitor.page.locator(mark('user-named'), { hasText: new RegExp(`^${name}$`) }) });
const closed = (visitor) => visitor.page.waitForSelector(mark('user-editor'), { state: 'detached' });

test('a user is added, what is wrong stands at its field, and the user comes in', async () => {
  const { page } = administrator;
  await users(administrator);
  await administrator.get('user-add').click();
  await administrator.get('user-save').click();
  assert.equal(await page.locator('.field-error').count(), 3);
  await administrator.get('user-name').fill('Anna');
  await administrator.get('user-pin').fill(USERS.installer.pin);
  await administrator.get('user-puk').fill('27182 8182 84590');
  await administrator.get('user-page-installation').check();
  await administrator.get('user-must-change').uncheck();
  await administrator.shot('users-editor');
  await administrator.get('user-save').click();
  await page.waitForFunction(() => /manual/.test(document.querySelector('.field-error')?.textContent ?? ''));
  await administrator.get('user-pin').fill(ANNA.pin);
  await administrator.get('user-save').click();
  await closed(administrator);
  await row(administrator, 'Anna').waitFor();
  assert.match(await row(administrator, 'Anna').innerText(), /My installation, Consumption, Alarms/);
  const anna = await inside(PHONE, ANNA);
  assert.deepEqual((await anna.tiles()).filter((page) => ['server', 'system'].includes(page)), []);
  assert.ok((await anna.tiles()).includes('installation'));
  await anna.leave();
});

test('a user who is disabled is out at once, and not deleted', async () => {
  const anna = await inside(DESK, ANNA);
  await users(administrator);
  await row(administrator, 'Anna').locator(mark('user-edit')).click();
  await administrator.get('user-disabled').check();
  await administrator.get('user-save').click();
  await closed(administrator);
  await row(administrator, 'Anna').locator(mark('disabled')).waitFor();
  await anna.wait(mark('login'));
  await anna.login(ANNA);
  await anna.wait(`${mark('note')}.login-note-shown`);
  await anna.leave();
  await row(administrator, 'Anna').locator(mark('user-edit')).click();
  await administrator.get('user-disabled').uncheck();
  await administrator.get('user-save').click();
  await closed(administrator);
  const back = await inside(DESK, ANNA);
  // Deleted while logged in.
  await row(administrator, 'Anna').locator(mark('user-remove')).click();
  await administrator.get('yes').click();
  await back.wait(mark('login'));
  await row(administrator, 'Anna').waitFor({ state: 'detached' });
  await back.leave();
});

test('oneself can be neither disabled nor deleted', async () => {
  await users(administrator);
  const own = row(administrator, 'administrator');
  await own.locator(mark('self')).waitFor();
  assert.equal(await own.locator(mark('user-remove')).isDisabled(), true);
  await own.locator(mark('user-edit')).click();
  assert.equal(await administrator.get('user-disabled').isDisabled(), true);
  await administrator.get('user-page-server').uncheck();
  await administrator.get('user-save').click();
  await administrator.wait(mark('user-refused'));
  assert.match(await administrator.get('user-refused').innerText(), /Nobody can/);
  await administrator.page.keyboard.press('Escape');
  await closed(administrator);
});

test('after logout the PIN is enough here; lock asks for PIN and PUK; revoking too', async () => {
  const visitor = await inside(DESK, USERS.installer);
  await visitor.get('logout').click();
  await visitor.step('pin');
  await visitor.type(USERS.installer.pin);
  await visitor.home(); // without a PUK
  // On every page.
  for (const hash of ['#/installation', '#/consumption', '#/']) {
    await visitor.page.goto(`${visitor.url}${hash}`);
    assert.equal(await visitor.get('lock').isVisible() && await visitor.get('logout').isVisible(), true, hash);
  }
  await visitor.get('lock').click();
  await visitor.step('pin');
  assert.deepEqual(await visitor.context.cookies(), []);
  await visitor.type(USERS.installer.pin);
  await visitor.step('puk');
  await visitor.type(USERS.installer.puk);
  await visitor.home();
  await users(administrator);
  const known = administrator.page.locator(mark('browsers-row')).filter({ hasText: 'installer' });
  await known.first().waitFor();
  assert.match(await known.first().innerText(), /Chrome/);
  await administrator.shot('users-browsers');
  while (await known.count() > 0) {
    const before = await known.count();
    await known.first().locator(mark('browser-revoke')).click();
    await administrator.page.waitForFunction(([rows, count]) => [...document.querySelectorAll(rows)]
      .filter((one) => one.textContent.includes('installer')).length < count, [mark('browsers-row'), before]);
  }
  await visitor.wait(mark('login'));
  await visitor.type(USERS.installer.pin);
  await visitor.step('puk');
  await visitor.leave();
});

test('nothing was complained about', () => assert.deepEqual(administrator.complaints, []));
