// DEV-12: register tables of one's own: what is typed and what is asked, what is changed in them.
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  attachedTo, checkArgs, composed, csvOf, emptyForm, faultsOf, fixed, formOf, idOf, isPlain, lineOf, orderOfAll, placeOf, textOf, usersOf,
} from '../src/pages/system/tables_model.ts';

const bytes = (...parts) => Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...Buffer.from(part, 'latin1')] : part)));

test('a file is read as it was meant, whatever wrote it', () => {
  for (const [file, text] of [
    [bytes([0xef, 0xbb, 0xbf], [...Buffer.from('µ °C', 'utf8')]), 'µ °C'], [bytes([...Buffer.from('µ °C', 'utf8')]), 'µ °C'], [bytes('\xb5 \xb0C'), 'µ °C'],
    [bytes([0xff, 0xfe], [...Buffer.from('µ °C', 'utf16le')]), 'µ °C'], [bytes([0xfe, 0xff, 0, 0xb5, 0, 0x20]), 'µ '], [bytes([...Buffer.from('fc', 'utf16le')]), 'fc'], [bytes([0, 0x66, 0, 0x63]), 'fc'], [bytes(''), ''],
  ]) assert.equal(textOf(file), text);
});

test('what is asked of the gateway: a table as typed, or a profile', () => {
  const form = { ...emptyForm, text: 'quantity;fc', id: ' a ', family: 'F', model: 'M', first: '30001', document: ' D ', max: '50', gap: 'x' };
  assert.deepEqual(checkArgs(form), { args: { check: true, table: { csv: 'quantity;fc', id: 'a', family: 'F', model: 'M', kind: 'meter', first: 30001, order: 'msw', document: 'D', max_registers: 50, gap_ms: 'x' } } });
  assert.deepEqual(checkArgs({ ...emptyForm, text: ' {"id":"x"}' }), { args: { check: true, profile: { id: 'x' } } });
  assert.ok('badJson' in checkArgs({ ...emptyForm, text: '{"id":' }));
  assert.equal(idOf('Acme & Söhne', ' M-1/2 '), 'acme-sohne-m-1-2');
  assert.equal(idOf('', ''), '');
});

const tree = { id: 'm', version: '1.0', family: 'F', model: 'M', kind: 'meter', confidence: 'candidate', limits: { max_registers: 50, gap_ms: 20, holes: false }, registers: {
  voltage_l1_n: { fc: 4, address: 0, type: 'u16', scale: 0.1, unit: 'V', group: 'instant', nan: ['0xFFFF'] }, active_power: { fc: 4, address: 16, type: 's32', order: 'lsw', group: 'instant' } } };

test('a table goes on top of what the catalogue says of a model, and of nothing else', () => {
  assert.deepEqual(composed(tree, null), tree);
  const attached = composed(tree, attachedTo('legrand-x'));
  assert.deepEqual(attached, { id: 'legrand-x', extends: 'legrand-x', offers: null, notes: null, confidence: 'candidate', limits: tree.limits, registers: tree.registers });
  const before = { ...tree, asks: ['supply'], confidence: 'document', references: ['old'], evidence: ['old'] };
  const after = composed(tree, before);
  assert.deepEqual([after.asks, after.confidence, after.references, after.evidence], [['supply'], 'candidate', undefined, undefined], 'an old document proves nothing of a new table');
});

test('a table comes back as it was written, with the numbers of the paper', () => {
  assert.equal(csvOf(tree, 30001), 'quantity;fc;address;type;order;scale;unit;group;nan\nvoltage_l1_n;4;30001;u16;;0.1;V;instant;0xFFFF\nactive_power;4;30017;s32;lsw;1;;instant;\n');
  assert.equal(isPlain(tree), true);
  for (const more of [{ mask: 1 }, { address: '$register' }, { scale_from: { registers: ['ct_ratio'] } }, { hidden: true }, { nan: [1, 2] }]) {
    assert.equal(isPlain({ registers: { state: { fc: 3, address: 1, type: 'u16', group: 'state', ...more } } }), false, JSON.stringify(more));
  }
  assert.equal(isPlain({ ...tree, commands: {} }), false);
  const form = formOf(tree, { family: 'F', model: 'M', kind: 'meter' });
  assert.deepEqual([form.max, form.gap, form.document, form.first], ['50', '20', '', '0']);
  assert.ok(formOf({ ...tree, commands: {} }, { family: 'F', model: 'M', kind: 'meter' }).text.startsWith('{'));
});

test('faults have a place, and the row itself', () => {
  assert.deepEqual(placeOf({ code: 'x', text: '', path: 'row 7, address' }), { row: 7, column: 'address' });
  assert.deepEqual(placeOf({ code: 'x', text: '', path: 'row 7' }), { row: 7, column: '' });
  assert.equal(placeOf({ code: 'x', text: '', path: '/id' }), null);
  assert.equal(lineOf('a\r\nb\nc', 2), 'b');
  assert.equal(lineOf('a', 9), '');
  assert.equal(lineOf('x'.repeat(1000), 1).length, 200);
  const one = { code: 'x', text: '' };
  assert.deepEqual(faultsOf(one), [one]);
  assert.deepEqual(faultsOf({ ...one, faults: [one, one] }), [one, one]);
  assert.deepEqual(usersOf('m', [{ id: 1, profile: 'm' }, { id: 2, profile: 'n' }]).map((device) => device.id), [1]);
});

test('what was chosen is a change of the table', () => {
  assert.equal(fixed(tree, 'voltage_l1_n', { do: 'scale', scale: 0.01, value: 1 }).registers.voltage_l1_n.scale, 0.01);
  assert.equal(fixed(tree, 'active_power', { do: 'type', type: 'f32', value: 1 }).registers.active_power.type, 'f32');
  const turned = orderOfAll(tree, 'msw').registers;
  assert.deepEqual([turned.active_power.order, turned.voltage_l1_n.order], ['msw', undefined], 'one register has no order');
  assert.equal(tree.registers.active_power.order, 'lsw', 'nothing is changed in place');
});
