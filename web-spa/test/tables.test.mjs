// DEV-12: register tables of one's own: what is typed and what is asked, what registers mean, what can be said of a value.
import assert from 'node:assert/strict';
import test from 'node:test';
import {
  attachedTo, bind, checkArgs, composed, csvOf, decode, emptyForm, faultsOf, finish, fixed, formOf, idOf, isPlain, judge, lineOf, orderOfAll, placeOf, readArgs, textOf, usersOf,
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

const bound = (one) => bind(one, {});
test('registers become values as the gateway makes them', () => {
  const cases = [
    [{ type: 'u16' }, [65535], 65535], [{ type: 's16' }, [65535], -1], [{ type: 'u32' }, [1, 2], 65538], [{ type: 'u32', order: 'lsw' }, [2, 1], 65538], [{ type: 's32' }, [65535, 65530], -6],
    [{ type: 'f32' }, [0x4366, 0x8000], 230.5], [{ type: 'f32', order: 'lsw' }, [0x8000, 0x4366], 230.5], [{ type: 'f64' }, [0x406c, 0xd000, 0, 0], 230.5], [{ type: 'u64' }, [0, 1, 0, 0], 4294967296], [{ type: 's64' }, [65535, 65535, 65535, 65535], -1],
    [{ type: 'u16', scale: 0.1 }, [2305], 230.5], [{ type: 'u16', nan: ['0xFFFF'] }, [65535], null], [{ type: 's16', nan: ['0x8000'] }, [0x8000], null], [{ type: 'f32' }, [0x7fc0, 0], null],
    [{ type: 'u16', mask: '0x0F', shift: 4 }, [0x12a5], 10], [{ type: 'string', words: 3 }, [0x4142, 0x4300, 0x4444], 'ABC'], [{ type: 'bool', fc: 1 }, [1], 1],
  ];
  for (const [more, registers, value] of cases) {
    const one = { fc: 3, address: 0, group: 'instant', ...more };
    assert.equal(decode(one, bound(one), registers), value, JSON.stringify(more));
  }
  assert.deepEqual(bind({ fc: '$fc', address: '0x10', type: 'f32', group: 'x', scale: '$factor' }, { fc: { preset: 4 }, factor: { preset: 10 } }), { fc: 4, address: 16, words: 2, scale: 10 });
  assert.equal(bind({ fc: 3, address: '$register', type: 'u16', group: 'x' }, { register: {} }), null, 'the device must say');
  assert.deepEqual(readArgs(2, 5, { fc: 4, address: 16, words: 2, scale: 10 }), { bus: 2, unit: 5, fc: 4, address: 16, count: 2, type: 'u16' });
});

test('what other registers say of a value', () => {
  const steps = [{ from: 0, scale: 1 }, { from: 100, scale: 10 }];
  for (const [one, value, others, result] of [
    [{ scale_from: { registers: ['ct_ratio', 'vt_ratio'] } }, 2, { ct_ratio: 40, vt_ratio: 2 }, 160], [{ scale_from: { registers: ['ct_ratio'] } }, 2, {}, null], [{ scale_from: { registers: ['ct_ratio'], steps } }, 2, { ct_ratio: 99 }, 2],
    [{ scale_from: { registers: ['ct_ratio'], steps } }, 2, { ct_ratio: 100 }, 20], [{ sign_from: { register: 's', negative: 1 } }, 5, { s: 1 }, -5], [{ sign_from: { register: 's', negative: '0x1' } }, 5, { s: 0 }, 5],
    [{ divide_above: 100 }, 500, {}, 50], [{ four_quadrant: true }, -1.2, {}, -0.8], [{}, null, {}, null], [{}, 'x', {}, 'x'],
  ]) assert.equal(typeof result === 'number' ? Number(finish(one, value, others).toFixed(6)) : finish(one, value, others), result, JSON.stringify(one));
});

// [quantity, register, words, nominal] -> how it looks, and what would mend it.
test('an unlikely value is told, with what would make it likely', () => {
  const f32 = (value, swapped) => { const view = new DataView(new ArrayBuffer(4)); view.setFloat32(0, value); const words = [view.getUint16(0), view.getUint16(2)]; return swapped ? words.reverse() : words; };
  const cases = [
    ['voltage_l1_n', { type: 'u16' }, [2300], 'odd', ['scale 0.1 230']], ['voltage_l1_n', { type: 'u16', scale: 0.1 }, [2300], 'good', []], ['voltage_l1_l2', { type: 'u16', scale: 0.1 }, [4000], 'good', []],
    ['voltage_l1_n', { type: 'f32' }, f32(231.25, true), 'odd', ['order lsw 231.25']], ['voltage_l1_n', { type: 'u32' }, f32(231.25), 'odd', ['type f32 231.25']], ['frequency', { type: 'u16', scale: 0.1 }, [5000], 'odd', ['scale 0.01 50']],
    ['active_power', { type: 'u32' }, [65535, 65000], 'odd', ['type s32 -536']], ['active_power', { type: 's32' }, [500, 0], 'odd', ['order lsw 500']], ['power_factor', { type: 's16' }, [985], 'odd', ['scale 0.001 0.985', 'scale 0.0001 0.0985']],
    ['active_power', { type: 's32' }, [0, 0], 'zero', []], ['current_l1', { type: 'f32' }, f32(3.5), 'good', []], ['current_l1', { type: 'u16' }, [12500], 'odd', ['scale 0.001 12.5']], ['active_energy_import', { type: 'u32' }, [1, 1], 'good', []],
    ['error_code', { type: 'u16' }, [7], 'unknown', []], ['temperature', { type: 'u16' }, [900], 'odd', []],
  ];
  for (const [name, more, words, looks, fixes] of cases) {
    const one = { fc: 3, address: 0, group: 'instant', ...more };
    const verdict = judge(name, one, bound(one), words, decode(one, bound(one), words), 230);
    assert.deepEqual([verdict.looks, verdict.fixes.map((fix) => `${fix.do} ${fix[fix.do]} ${fix.value}`)], [looks, fixes], `${name} ${JSON.stringify(more)}`);
  }
  assert.equal(judge('voltage_l1_n', { type: 'u16' }, { scale: 1 }, [120], 120, 120).looks, 'good', 'by the voltage of the site');
  assert.equal(judge('serial_number', { type: 'string' }, {}, [], 'A1', 230).looks, 'unknown');
  assert.equal(judge('current_l1', { type: 'u16' }, {}, [65535], null, 230).looks, 'none');
});

test('what was chosen is a change of the table', () => {
  assert.equal(fixed(tree, 'voltage_l1_n', { do: 'scale', scale: 0.01, value: 1 }).registers.voltage_l1_n.scale, 0.01);
  assert.equal(fixed(tree, 'active_power', { do: 'type', type: 'f32', value: 1 }).registers.active_power.type, 'f32');
  const turned = orderOfAll(tree, 'msw').registers;
  assert.deepEqual([turned.active_power.order, turned.voltage_l1_n.order], ['msw', undefined], 'one register has no order');
  assert.equal(tree.registers.active_power.order, 'lsw', 'nothing is changed in place');
});
