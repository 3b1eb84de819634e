// What the users page sends, and how it names browsers.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { agentName, changesOf, emptyForm, formOf, problemsOf, withDisplay, withPage } from '../src/pages/server/users_model';

const anna = { id: 7, name: 'Anna', pages: ['consumption', 'alarms'], display: false, disabled: false, locked: false, must_change: false, sessions: 0 };
const full = { ...emptyForm, name: ' Bob ', pin: '12346', puk: '12345678901235' };

test('only what differs is sent', () => {
  const table = [
    [{}, {}], [{ name: 'Anne' }, { name: 'Anne' }], [{ name: ' Anna ' }, {}], [{ pin: '12346' }, { pin: '12346' }],
    [{ puk: '12345678901235' }, { puk: '12345678901235' }], [{ pages: ['alarms'] }, { pages: ['alarms'] }],
    [{ disabled: true }, { disabled: true }], [{ display: true }, { display: true }], [{ mustChange: true }, { must_change: true }],
  ];
  for (const [change, sent] of table) assert.deepEqual(changesOf({ ...formOf(anna), ...change }, anna), { id: 7, ...sent });
  assert.deepEqual(changesOf(full, null), {
    name: 'Bob', pin: '12346', puk: '12345678901235', pages: ['consumption', 'alarms'], display: false, must_change: true,
  });
});

test('a new user needs name and codes, one who is there may keep them', () => {
  const table = [
    [full, true, []], [emptyForm, true, ['name', 'pin', 'puk']], [formOf(anna), false, []], [{ ...full, pin: '1234' }, false, ['pin']],
    [{ ...full, puk: '1' }, true, ['puk']], [{ ...full, name: '  ' }, false, ['name']],
  ];
  for (const [form, isNew, problems] of table) assert.deepEqual(problemsOf(form, isNew), problems);
});

test('a display keeps the pages that look, and pages stand in their order', () => {
  const wall = withDisplay({ ...full, pages: ['server', 'installation', 'alarms'] }, true);
  assert.deepEqual([wall.pages, wall.mustChange], [['installation', 'alarms'], false]);
  assert.deepEqual(withPage({ ...full, pages: ['alarms'] }, 'system', true).pages, ['system', 'alarms']);
  assert.deepEqual(withPage({ ...full, pages: ['alarms'] }, 'alarms', false).pages, []);
});

test('browsers are named as people know them', () => {
  const table = [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', 'Firefox, Linux'],
    ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36', 'Chrome, Windows'],
    ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0', 'Edge, Windows'],
    ['Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 OPR/112.0', 'Opera, Windows'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1', 'Safari, iPhone'],
    ['Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36', 'Chrome, Android'],
    ['curl/8.5.0', null], ['', null],
  ];
  for (const [agent, name] of table) assert.equal(agentName(agent), name, agent);
});
