// Anywhere but in a demo the codes of the manual must be changed at the first login (USR-01).
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts } from './gateway.mjs';
import { siteWith } from './site.mjs';
import { arrive, inside, stage } from './stage.mjs';

// Outside a demo the page moves to HTTPS, with a certificate the gateway made for itself.
const TRUSTING = { ignoreHTTPSErrors: true };
const OWN = { pin: '24680', puk: '12345678901234' };

stage(async () => ({ site: siteWith(await freePorts(4)), demo: false }));

const fill = async (visitor, values) => {
  for (const [name, value] of Object.entries(values)) await visitor.get(`codes-${name}`).fill(value);
};

test('the default codes open nothing but the page that changes them', async () => {
  const visitor = await arrive({ ...PHONE, ...TRUSTING });
  await visitor.login(USERS.installer);
  await visitor.wait(mark('codes'));
  assert.match(visitor.page.url(), /^https:/);
  const [cookie] = (await visitor.context.cookies()).filter((one) => one.name === 'edgewatt');
  assert.equal(cookie.secure, true);
  assert.equal(await visitor.get('tile').count(), 0);
  assert.equal(await visitor.get('logout').isVisible(), true);
  assert.equal(await visitor.overflow(), 0);
  await visitor.page.evaluate(() => { location.hash = '#/installation'; });
  await visitor.page.reload();
  await visitor.wait(mark('codes'));

  await fill(visitor, { pin: USERS.installer.pin, puk: USERS.installer.puk, newPin: USERS.installer.pin, repeatPin: '1', newPuk: '123', repeatPuk: '123' });
  await visitor.get('codes-save').click();
  await visitor.wait('#codes-newPin[aria-invalid="true"]');
  await visitor.wait('#codes-newPuk[aria-invalid="true"]');
  await visitor.shot('codes-phone');

  // What the page lets through is still for the gateway to judge.
  await fill(visitor, { puk: '99999999999999', newPin: OWN.pin, repeatPin: OWN.pin, newPuk: OWN.puk, repeatPuk: OWN.puk });
  await visitor.get('codes-save').click();
  await visitor.wait(mark('codes-failure'));
  await visitor.leave();
});

test('with codes of one\'s own the pages open, and the old codes are worth nothing', async () => {
  const visitor = await arrive({ ...DESK, ...TRUSTING });
  await visitor.comeIn(USERS.administrator);
  await visitor.wait(mark('codes'));
  await fill(visitor, { pin: USERS.administrator.pin, puk: USERS.administrator.puk, newPin: OWN.pin, repeatPin: OWN.pin, newPuk: OWN.puk, repeatPuk: OWN.puk });
  await visitor.get('codes-save').click();
  await visitor.home();
  assert.ok((await visitor.tiles()).includes('installation'));
  await visitor.get('logout').click();
  await visitor.step('pin');
  await visitor.leave();

  const again = await inside({ ...DESK, ...TRUSTING }, OWN);
  await again.leave();

  const late = await arrive({ ...DESK, ...TRUSTING });
  await late.login(USERS.administrator);
  await late.wait(`${mark('login')}[data-step="pin"] .login-note-shown`);
  await late.leave();
});
