// Who may come in, and what they find: USR-01, USR-02, USR-04, SYS-01, SYS-02.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { DESK, PHONE, USERS, mark } from './browser.mjs';
import { freePorts, until } from './gateway.mjs';
import { siteWith } from './site.mjs';
import { arrive, gateway, inside, stage } from './stage.mjs';

stage(async () => ({ site: siteWith(await freePorts(4)) }));

// USR-02, and which of these pages this version has.
const RIGHTS = {
  administrator: ['server', 'system', 'installation', 'consumption', 'reports', 'alarms'],
  greenUp: ['server', 'system', 'installation', 'consumption', 'reports', 'alarms', 'greenup'],
  installer: ['system', 'installation', 'consumption', 'alarms'],
  user: ['consumption', 'alarms'],
};
// The registry of pages, in its order.
const BUILT = [...readFileSync(new URL('../../web-spa/src/pages/registry.ts', import.meta.url), 'utf8').matchAll(/^ +id: '([a-z]+)',/gm)].map((match) => match[1]);

for (const [name, codes] of Object.entries(USERS)) {
  test(`${name} logs in and finds just the pages of ${name}`, async () => {
    const visitor = await arrive();
    await visitor.login(codes);
    await visitor.home();
    const session = await visitor.page.evaluate(async () => (await fetch('/api/session')).json());
    assert.deepEqual([...session.pages].sort(), [...RIGHTS[name]].sort());
    assert.equal(session.user.name, name);
    const open = BUILT.filter((page) => RIGHTS[name].includes(page));
    assert.ok(open.length > 0, 'the registry was read');
    assert.deepEqual(await visitor.tiles(), open);
    await visitor.shot(`home-${name}`);
    // Every tile leads somewhere, with logout on it; typing the address of another page does not open that one.
    for (const page of BUILT) {
      const allowed = open.includes(page);
      if (allowed) await visitor.page.click(`${mark('tile')}[data-page="${page}"]`);
      else {
        await visitor.page.evaluate((hash) => { location.hash = hash; }, `#/${page}`);
        await visitor.page.waitForFunction(() => location.hash === '#/'); // Sent home.
      }
      await visitor.wait(allowed ? `html[data-page="${page}"]` : `html:not([data-page]) ${mark('home-page')}`);
      assert.equal(await visitor.get('logout').isVisible(), true, page);
      await visitor.get('home').click();
      await visitor.wait(mark('home-page'));
    }
    assert.deepEqual(visitor.complaints, []);
    await visitor.leave();
  });
}

test('the PUK page follows any PIN, and only after it comes "wrong code"', async () => {
  const visitor = await arrive(PHONE);
  await visitor.open();
  await visitor.step('pin');
  await visitor.press('12345'); // nobody's PIN
  await visitor.step('puk');
  assert.equal((await visitor.get('note').textContent()).trim(), '', 'nothing is said about the PIN');
  await visitor.press('0000099990000');
  await visitor.shot('login-puk-phone');
  await visitor.press('0');
  await visitor.step('pin');
  await visitor.wait(`${mark('note')}.login-note-shown`);
  assert.match(await visitor.get('note').textContent(), /wrong/i);
  await visitor.shot('login-wrong-phone');
  assert.equal(await visitor.overflow(), 0);
  assert.deepEqual(await visitor.context.cookies(), []);
  await visitor.leave();
});

test('wrong tries are slowed down, the seconds are shown and run out', async () => {
  const visitor = await arrive();
  await visitor.open();
  const slowed = /(\d+) s/;
  let text = '';
  for (let tries = 0; tries < 8 && !slowed.test(text); tries++) {
    await visitor.step('pin');
    await until('the keypad', async () => (await visitor.get('key-1').isEnabled()) || slowed.test(text = await visitor.get('note').textContent()));
    if (slowed.test(text)) break;
    await visitor.type('11111');
    await visitor.wait(`${mark('login')}[data-step="puk"], .login-note-shown`);
    if (await visitor.get('login').getAttribute('data-step') === 'puk') await visitor.type('99999999999999');
    await visitor.wait(`${mark('login')}[data-step="pin"] .login-note-shown`);
    text = await visitor.get('note').textContent();
  }
  assert.match(text, slowed);
  await visitor.shot('login-slowed');
  assert.equal(await visitor.get('key-1').isDisabled(), true);
  await until('the wait to end', async () => await visitor.get('key-1').isEnabled());
  await visitor.leave();
});

test('logout is on every page and ends the session', async () => {
  const visitor = await inside(DESK, USERS.administrator);
  assert.equal(await visitor.get('logout').isVisible(), true);
  await visitor.installation();
  const [cookie] = (await visitor.context.cookies()).filter((one) => one.name === 'edgewatt');
  assert.equal(cookie.httpOnly, true);
  assert.equal(cookie.sameSite, 'Strict');
  await visitor.get('logout').click();
  await visitor.step('pin');
  // The old cookie opens nothing any more.
  await visitor.context.addCookies([cookie]);
  assert.equal(await visitor.page.evaluate(async () => (await fetch('/api/session')).status), 401);
  await visitor.leave();
});

test('another tab falls back to the login when the session ends elsewhere', async () => {
  const visitor = await inside(DESK, USERS.administrator);
  await visitor.page.evaluate(() => fetch('/api/logout', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }));
  await visitor.step('pin');
  assert.match(await visitor.get('note').textContent(), /ended/);
  await visitor.leave();
});

test('the language is chosen at the login and on the home page, and the default stays', async () => {
  const visitor = await arrive(PHONE);
  await visitor.open();
  assert.equal(await visitor.page.getAttribute('html', 'lang'), 'en', 'the default of the server');
  await visitor.language('fr');
  assert.match(await visitor.get('login').textContent(), /Saisissez votre PIN/);
  await visitor.shot('login-pin-phone-fr');
  await visitor.type(USERS.administrator.pin);
  await visitor.step('puk');
  await visitor.type(USERS.administrator.puk);
  await visitor.home();
  assert.match(await visitor.get('home-page').textContent(), /Mon installation/);
  await visitor.page.reload();
  await visitor.home();
  assert.equal(await visitor.page.getAttribute('html', 'lang'), 'fr', 'the choice lasts for the session');
  await visitor.shot('home-phone-fr');
  await visitor.language('en');
  assert.match(await visitor.get('home-page').textContent(), /My installation/);
  await visitor.language('fr');
  const other = await arrive();
  await other.open();
  assert.equal(await other.page.getAttribute('html', 'lang'), 'en', 'somebody else still gets the default');
  await other.leave();
  await visitor.leave();
});

test('the page is served packed, for ever where its name says what it holds, and without inline code', async () => {
  const page = await fetch(gateway.url);
  const policy = page.headers.get('content-security-policy');
  assert.match(policy, /default-src 'self'/);
  assert.doesNotMatch(policy, /unsafe/);
  const text = await page.text();
  assert.doesNotMatch(text, /<style|style=|<script(?![^>]*src=)/);
  const script = /src="(\/assets\/main-[A-Z0-9]+\.js)"/.exec(text)[1];
  const answer = await fetch(new URL(script, gateway.url));
  assert.match(answer.headers.get('cache-control'), /immutable/);
  assert.equal(answer.headers.get('content-encoding'), 'gzip');
  assert.doesNotMatch(page.headers.get('cache-control') ?? 'no-cache', /immutable/);
});
