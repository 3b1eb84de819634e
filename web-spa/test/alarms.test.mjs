// The alarm report: what is asked, which page, how long an alarm lasts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as model from '../src/pages/alarms/model';

test('the question says page and order; a long text is cut where the call would refuse it', () => {
  assert.deepEqual(model.argsOf({ ...model.FIRST, page: 3, text: ` ${'é'.repeat(60)} ` }),
    { sort: 'at', down: true, active: false, code: '', text: 'é'.repeat(31), offset: 150, limit: 50 });
});
test('another order or filter begins at the first page', () => {
  assert.deepEqual(model.change({ ...model.FIRST, page: 7 }, { code: 'a.b' }), { ...model.FIRST, code: 'a.b' });
});
for (const [total, pages] of [[0, 1], [1, 1], [50, 1], [51, 2], [10_000, 200]]) test(`${total} alarms are ${pages} pages`, () => assert.equal(model.pagesOf(total), pages));
test('an alarm goes on, is over, or had no duration', () => {
  assert.deepEqual([{ at: 'a', until: null }, { at: 'a', until: 'b' }, { at: 'a', until: 'a' }].map(model.lasting), ['active', 'over', 'moment']);
});
test('the name of a type leaves open what varies', () => assert.equal(model.openSentence('Unit {unit} of {bus} is silent.'), 'Unit … of … is silent.'));
