// Cost of consumption, as the manual's examples have it: two tariffs, a rule for the day and one for the evening, Christmas
// as an exception that has to stand first; what is wrong is said at its field.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DESK, USERS, mark } from './browser.mjs';
import { freePorts } from './gateway.mjs';
import { smallSite } from './site.mjs';
import { gateway, inside, stage } from './stage.mjs';

stage(async () => {
  const [port] = await freePorts(1);
  return {
    site: smallSite('costs', { id: 2, name: 'Switchboard', port, on: false }, [{ id: 10, bus: 2, name: 'Main meter', profile: 'eastron-sdm630', unit: 1, on: true }]),
    user: USERS.installer,
  };
});

const fill = (visitor, name, text) => visitor.get(name).fill(text);

async function create(visitor, kind, enter) {
  await visitor.page.click(mark(`add-${kind}`));
  await visitor.wait(`[data-test="${kind}-form"][data-id="new"]`);
  await enter();
  await visitor.get('save').click();
  await visitor.wait(`[data-test="${kind}-form"]:not([data-id="new"])`);
  return visitor.get(`${kind}-form`).getAttribute('data-id');
}
const order = (visitor) => visitor.page.locator(mark('rule')).evaluateAll((all) => all.map((one) => one.dataset.id));
// Every minute of a day of the year in the calendar: the colours and their minutes.
const dayOf = (visitor, day) => visitor.page.locator(`${mark('calendar')} rect[data-tariff]`).evaluateAll((all, x) =>
  all.filter((one) => one.getAttribute('x') === String(x)).map((one) => [Number(one.getAttribute('y')), Number(one.getAttribute('height')), one.dataset.tariff]), day * 3);

test('tariffs and rules are made, moved, and the calendar shows what they come to', async () => {
  const visitor = await inside(DESK, USERS.installer);
  await visitor.page.goto(`${gateway.url}#/system/costs`);
  await visitor.wait(mark('costs'));

  const day = await create(visitor, 'tariff', async () => {
    await fill(visitor, 'name', 'Tarif 1');
    await visitor.get('color').fill('#ff8800');
    await fill(visitor, 'price', '0.12345678');
    await visitor.get('save').click();
    await visitor.wait('.field-error'); // more than six decimals
    await fill(visitor, 'price', '0,1742');
  });
  const night = await create(visitor, 'tariff', async () => {
    await fill(visitor, 'name', 'Tarif 2');
    await visitor.get('color').fill('#0055ff');
    await fill(visitor, 'price', '0.1');
  });

  const rule = (tariff, from, to, days, dates) => create(visitor, 'rule', async () => {
    await visitor.get('rule-tariff').selectOption(tariff);
    await fill(visitor, 'from', from);
    await fill(visitor, 'to', to);
    for (const other of [6, 7]) if (days === 5) await visitor.get(`day-${other}`).uncheck();
    if (dates) {
      await fill(visitor, 'from-date', dates);
      await fill(visitor, 'to-date', dates);
      await visitor.get('yearly').check();
    }
  });
  const christmas = await rule(night, '00:00', '23:59', 7, '2020-12-25');
  const evening = await rule(night, '19:00', '23:59', 5);
  const daytime = await rule(day, '00:00', '18:59', 5);
  await visitor.page.waitForFunction((count) => document.querySelectorAll('[data-test="rule"]').length === count, 3);
  assert.deepEqual(await order(visitor), [daytime, evening, christmas]); // a new one stands first

  // 25 December 2026 is a Friday: day 358. As long as Christmas stands last, it is a working day.
  const working = [[0, 1140, day], [1140, 300, night]];
  const stand = async (want) => {
    for (let tries = 0; tries < 100; tries++) {
      if (JSON.stringify(await dayOf(visitor, 358)) === JSON.stringify(want)) return;
      await visitor.page.waitForTimeout(100);
    }
    assert.deepEqual(await dayOf(visitor, 358), want);
  };
  for (let year = new Date().getFullYear(); year > 2026; year--) await visitor.page.click('.cost-steps button:first-child');
  await stand(working);
  for (let moves = 0; moves < 2; moves++) {
    const before = await order(visitor);
    await visitor.page.click(`[data-test="rule"][data-id="${christmas}"] ${mark('rule-up')}`);
    await visitor.page.waitForFunction((old) => JSON.stringify([...document.querySelectorAll('[data-test="rule"]')].map((each) => each.dataset.id)) !== old, JSON.stringify(before));
  }
  assert.deepEqual(await order(visitor), [christmas, daytime, evening]);
  await stand([[0, 1440, night]]);
  assert.ok(await visitor.page.locator(`${mark('rule')}[data-active="true"]`).count() <= 1);

  // A tariff in use can't be deleted; the reason is said.
  await visitor.page.click(`[data-test="tariff"][data-id="${day}"]`);
  await visitor.wait(`[data-test="tariff-form"][data-id="${day}"]`);
  await visitor.page.click(mark('remove'));
  await visitor.page.click(mark('yes'));
  await visitor.wait(mark('refused'));
  await visitor.close?.();
});
