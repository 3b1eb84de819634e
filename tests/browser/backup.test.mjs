// SYS-08: a backup made on the page, downloaded, something changed, the backup put back: the change is gone, and the page comes back by itself.
import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PHONE, USERS, mark } from './browser.mjs';
import { freePorts } from './gateway.mjs';
import { siteWith } from './site.mjs';
import { gateway, inside, stage } from './stage.mjs';

const PASSPHRASE = 'correct horse battery';
let administrator;
let kept;

stage(async () => ({ site: siteWith(await freePorts(4)), user: USERS.administrator }), async () => {
  administrator = await inside();
  await open();
});

const text = async (name) => (await administrator.get(name).innerText()).replace(/\s+/g, ' ');

async function open() {
  await administrator.page.goto(`${administrator.url}#/server/backup`);
  await administrator.wait(`${mark('backup-make')}:not(:disabled)`);
}

async function fill(values) {
  for (const [name, value] of Object.entries(values)) await administrator.get(name).fill(value);
}

// A user more or less is what changes.
async function addUser(name) {
  await administrator.page.goto(`${administrator.url}#/server/users`);
  await administrator.get('user-add').click();
  await fill({ 'user-name': name, 'user-pin': '24680', 'user-puk': '12345678901234' });
  await administrator.get('user-save').click();
  await administrator.page.waitForFunction((wanted) => [...document.querySelectorAll('[data-test="user-named"]')].some((one) => one.textContent === wanted), name);
}

const names = () => administrator.get('user-named').allInnerTexts();

test('nothing is there at first; a passphrase is asked for twice', async () => {
  assert.match(await text('backup-lies'), /no database\.zip/);
  await administrator.get('backup-make').click();
  assert.match(await administrator.page.locator('.field-error').first().innerText(), /8 characters/);
  await fill({ 'backup-passphrase': PASSPHRASE, 'backup-again': `${PASSPHRASE}?` });
  await administrator.get('backup-make').click();
  assert.match(await administrator.page.locator('.field-error').first().innerText(), /not the same/);
  await administrator.shot('backup-empty');
});

test('one click makes it, and it can be taken home', async () => {
  await fill({ 'backup-again': PASSPHRASE });
  await administrator.get('backup-make').click();
  await administrator.wait(mark('backup-made'));
  assert.match(await text('backup-made'), /^Backup made: \d\d:\d\d, [\d.]+ [kM]B\. with the history, with users and codes, encrypted\.$/);
  assert.equal(await administrator.get('backup-passphrase').inputValue(), '');
  const waiting = administrator.page.waitForEvent('download');
  await administrator.get('backup-download').click();
  const file = await waiting;
  assert.equal(file.suggestedFilename(), 'database.zip');
  kept = join(gateway.folder, 'kept.zip');
  await file.saveAs(kept);
  assert.equal(statSync(kept).size, statSync(join(gateway.data, 'export/database.zip')).size);
  await administrator.shot('backup-made');
});

test('what would change is shown first; the change is gone afterwards', async () => {
  await addUser('Temporary');
  await open();
  await fill({ 'backup-passphrase-of': 'something else entirely' });
  await administrator.get('backup-check').click();
  await administrator.wait(mark('backup-failed'));
  assert.match(await text('backup-failed'), /can’t be restored.*passphrase is wrong/);
  await fill({ 'backup-passphrase-of': PASSPHRASE });
  await administrator.get('backup-check').click();
  await administrator.wait(mark('backup-seen'));
  assert.match(await text('backup-rows'), /Users 5 4/);
  await administrator.wait(mark('backup-authentic'));
  await administrator.shot('backup-seen');
  const { pid } = gateway.run().services.recorder;
  await administrator.get('backup-restore').click();
  await administrator.get('yes').click();
  await administrator.wait(`${mark('backup-progress')}[data-step="replacing"], ${mark('backup-restored')}`);
  await administrator.wait(mark('backup-restored'));
  assert.notEqual(gateway.run().services.recorder.pid, pid);
  assert.match(await text('backup-restored'), /^The backup is restored \(\d\d:\d\d\)\. Everything runs again\.$/);
  await administrator.shot('backup-restored');
  await administrator.page.goto(`${administrator.url}#/server/users`);
  await administrator.wait(mark('user-named'));
  assert.equal((await names()).includes('Temporary'), false);
});

test('an upload without its passphrase keeps the users, and says what it cannot tell', async () => {
  await addUser('Stays');
  await open();
  await administrator.get('backup-source-upload').click();
  await administrator.get('backup-file').setInputFiles(kept);
  await administrator.get('backup-check').click();
  await administrator.wait(mark('backup-not-authentic'));
  assert.match(await text('backup-rows'), /Users 5 5/);
  await administrator.get('backup-restore').click();
  await administrator.get('yes').click();
  await administrator.wait(mark('backup-restored'));
  await administrator.page.goto(`${administrator.url}#/server/users`);
  await administrator.wait(mark('user-named'));
  assert.equal((await names()).includes('Stays'), true);
  // What is no backup is refused in words.
  await open();
  const odd = join(gateway.folder, 'odd.zip');
  writeFileSync(odd, 'not an archive');
  await administrator.get('backup-source-upload').click();
  await administrator.get('backup-file').setInputFiles(odd);
  await administrator.get('backup-check').click();
  await administrator.wait(mark('backup-failed'));
  assert.match(await text('backup-failed'), /damaged or was changed/);
});

test('a session that the backup does not know ends at the login; afterwards the page says what happened', async () => {
  // The sessions of that backup are those of before this one.
  const other = await inside(PHONE, USERS.greenUp);
  await other.page.goto(`${other.url}#/server/backup`);
  await other.wait(`${mark('backup-check')}:not(:disabled)`);
  await other.get('backup-passphrase-of').fill(PASSPHRASE);
  await other.get('backup-check').click();
  await other.wait(mark('backup-seen'));
  assert.equal(await other.overflow(), 0);
  await other.page.screenshot({ path: join(process.env.EDGEWATT_BUILD, 'screenshots/backup-phone.png'), fullPage: true });
  await other.get('backup-restore').click();
  await other.get('yes').click();
  await other.wait(mark('login'));
  await other.comeIn(USERS.greenUp);
  await other.page.goto(`${other.url}#/server/backup`);
  await other.wait(mark('backup-restored'));
  assert.deepEqual(other.complaints, []);
  assert.deepEqual(administrator.complaints, []);
  await other.leave();
});
