// What a register table makes of a live device, before it is kept: each value as it is now, and whether it can be.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../../api/link';
import { formatNumber, showValue } from '../../format/number';
import { readQuantity } from '../../format/quantity';
import type { Reason, Registers } from '../../generated/types';
import { language, lookUp, reasonText, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Badge, type Tone } from '../../ui/badge';
import { NumberField, SelectField } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { Table } from '../../ui/table';
import { byName } from './model';
import {
  bind, decode, finish, fixed, judge, orderOfAll, readArgs, type Bound, type Fix, type Looks, type ProfileTree, type Register, type Value, type Verdict,
} from './tables_model';

const NOMINAL_V = 230;
const TONES: { readonly [looks in Looks]: Tone } = { good: 'good', odd: 'warn', zero: 'neutral', unknown: 'neutral', none: 'neutral' };
const RETRY_MS = 300;
const RETRIES = 5;

interface Row { name: string; one: Register; bound: Bound; value?: Value; verdict?: Verdict; registers?: readonly number[]; refused?: string }

const nameOf = (name: string): string => {
  const { base, phase } = readQuantity(name);
  return `${lookUp(`quantity.${base}`) ?? name}${phase === 'total' ? '' : ` ${phase.toUpperCase()}`}`;
};

function shown(name: string, value: Value): string {
  if (value === null) return '–';
  if (typeof value === 'string') return value;
  const { measure } = readQuantity(name);
  if (Math.abs(value) > 1e15 || (value !== 0 && Math.abs(value) < 1e-4)) return value.toExponential(2);
  if (measure === 'unknown' || measure === 'count' || measure === 'ratio') return formatNumber(value, Number.isInteger(value) ? 0 : 3, language());
  const { number, unit } = showValue(measure, value, language());
  return unit === '' ? number : `${number} ${unit}`;
}

const rowsOf = (whole: ProfileTree): Row[] => Object.entries(whole.registers ?? {}).flatMap(([name, one]) => {
  const bound = bind(one, whole.params);
  return bound ? [{ name, one, bound }] : [];
});

type Read = { registers: readonly number[] } | { refused: string; reason?: Reason };

async function readOne(bus: number, unit: number, bound: Bound): Promise<Read> {
  for (let n = 0; ; n++) {
    const answer = await call<Registers>('poller', 'read', readArgs(bus, unit, bound));
    if (answer.is === 'error' && answer.reason.code === 'tool.busy' && n < RETRIES) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      continue;
    }
    if (answer.is === 'lost') return { refused: t('ui.app.no_answer') };
    const reason = answer.is === 'error' ? answer.reason : answer.value.reason;
    if (reason) return { refused: reasonText(reason), reason };
    return { registers: (answer as { value: Registers }).value.registers ?? [] };
  }
}

// Nothing on this line answers: asking for the next register would only wait once more.
const SILENT = new Set(['bus.timeout', 'bus.gateway_silent', 'bus.refused', 'bus.unreachable', 'bus.host_unknown', 'inlet.no_bus']);

// Values may hang on others of the same table: all are finished anew when one has come.
function judged(rows: readonly Row[], nominal: number): Row[] {
  const values = Object.fromEntries(rows.map((row) => [row.name, row.registers ? decode(row.one, row.bound, row.registers) : undefined]));
  return rows.map((row) => {
    if (!row.registers) return row;
    const value = finish(row.one, values[row.name] ?? null, values);
    return { ...row, value, verdict: judge(row.name, row.one, row.bound, row.registers, value, nominal) };
  });
}

const fixText = (name: string, fix: Fix): string => {
  const value = shown(name, fix.value);
  return fix.do === 'scale' ? t('ui.tables.fix.scale', { scale: fix.scale, value }) : fix.do === 'type' ? t('ui.tables.fix.type', { type: fix.type, value }) : t('ui.tables.fix.order', { value });
};

function Hint({ row, onFix }: { row: Row; onFix: (name: string, fix: Fix) => void }): JSX.Element | null {
  if (row.refused) return <span class="line-reason" data-test="row-refused">{row.refused}</span>;
  if (!row.verdict) return null;
  return (
    <span class="looks">
      <Badge tone={TONES[row.verdict.looks]} test="looks">{t(`ui.tables.looks.${row.verdict.looks}`)}</Badge>
      {row.verdict.fixes.map((fix, n) => <button type="button" key={n} class="button small" onClick={() => onFix(row.name, fix)} data-test={`fix-${fix.do}`}>{fixText(row.name, fix)}</button>)}
    </span>
  );
}

interface Props { tree: ProfileTree; whole: ProfileTree; bus: string; unit: string; onChange: (tree: ProfileTree) => void }

export function Preview({ tree, whole, bus: firstBus, unit: firstUnit, onChange }: Props): JSX.Element {
  const buses = useStore((all) => all.buses);
  const nominal = useStore((all) => (all.site as { nominal_voltage?: number } | null)?.nominal_voltage ?? NOMINAL_V);
  const [bus, setBus] = useState(firstBus || String([...buses.values()].filter((one) => one.on !== false).sort(byName)[0]?.id ?? ''));
  const [unit, setUnit] = useState(/^\d+/.exec(firstUnit)?.[0] ?? '1');
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [done, setDone] = useState<number | null>(null); // of those asked; null: not asking
  const turn = useRef(0);
  useEffect(() => () => { turn.current++; }, []);
  const run = async (): Promise<void> => {
    const mine = ++turn.current;
    const asked = rowsOf(whole);
    let current: readonly Row[] = asked;
    setRows(asked);
    for (const [n, { bound }] of asked.entries()) {
      setDone(n);
      const read = await readOne(Number(bus), Number(unit), bound);
      if (turn.current !== mine) return;
      current = judged(current.map((row, at) => (at === n ? { ...row, ...('registers' in read ? { registers: read.registers } : { refused: read.refused }) } : row)), nominal);
      setRows(current);
      if ('reason' in read && read.reason && SILENT.has(read.reason.code)) break;
    }
    setDone(null);
  };
  const asked = useRef(false);
  useEffect(() => { if (asked.current) void run(); }, [whole]); // what was changed is read again
  const start = (): void => { asked.current = true; void run(); };
  const stop = (): void => { turn.current++; setDone(null); };
  const orders = [...new Set(rows.flatMap((row) => (row.verdict?.fixes ?? []).flatMap((fix) => (fix.do === 'order' ? [fix.order] : []))))];
  const several = rows.filter((row) => row.verdict?.fixes.some((fix) => fix.do === 'order')).length > 1;
  return (
    <section class="card system-part" data-test="preview" data-reading={done === null ? 'no' : 'yes'}>
      <h2>{t('ui.tables.preview')}</h2>
      <p class="muted">{t('ui.tables.preview_why')}</p>
      <div class="fields">
        <SelectField label={t('ui.system.bus')} value={bus} onChange={setBus} test="preview-bus" options={[...(bus === '' ? [{ value: '', label: t('ui.system.choose') }] : []), ...[...buses.values()].sort(byName).map((one) => ({ value: String(one.id), label: one.name }))]} />
        <NumberField label={t('ui.system.device.address')} value={unit} onChange={setUnit} test="preview-unit" />
      </div>
      <div class="part-row">
        {done === null ? <button type="button" class="button primary" disabled={bus === '' || !/^\d+$/.test(unit)} onClick={start} data-test="read-now"><Icon name="play" />{t('ui.tables.read')}</button>
          : <button type="button" class="button" onClick={stop} data-test="read-stop"><Icon name="pause" />{t('ui.tables.stop')}</button>}
        {done !== null && <span class="muted numbers" role="status">{t('ui.tables.reading', { done: done + 1, total: rows.length })}</span>}
      </div>
      {several && orders.length === 1 && (
        <Notice tone="accent" test="order-all">
          <p>{t('ui.tables.order_all_why')}</p>
          <button type="button" class="button small" onClick={() => onChange(orderOfAll(tree, orders[0]!))} data-test="fix-order-all">{t('ui.tables.order_all')}</button>
        </Notice>
      )}
      {rows.length > 0 && (
        <Table caption={t('ui.tables.preview')} rows={rows} rowKey={(row) => row.name} test="preview-values" columns={[
          { key: 'name', title: t('ui.tables.col.quantity'), main: true, cell: (row) => nameOf(row.name) },
          { key: 'place', title: t('ui.tables.col.register'), numeric: true, cell: (row) => `${row.bound.fc} / ${row.bound.address}` },
          { key: 'value', title: t('ui.tables.col.value'), numeric: true, cell: (row) => (row.value === undefined ? (row.refused ? '–' : '…') : shown(row.name, row.value)) },
          { key: 'looks', title: t('ui.tables.col.looks'), cell: (row) => <Hint row={row} onFix={(name, fix) => onChange(fixed(tree, name, fix))} /> },
        ]} />
      )}
    </section>
  );
}
