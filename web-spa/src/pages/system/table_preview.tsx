// What a register table makes of a live device, before it is kept: each value as it is now, and whether it can be.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../../api/link';
import { formatNumber, showValue } from '../../format/number';
import { readQuantity } from '../../format/quantity';
import type { Preview as Answer } from '../../generated/types';
import { language, lookUp, reasonText, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Badge, type Tone } from '../../ui/badge';
import { NumberField, SelectField } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { Table } from '../../ui/table';
import { byName } from './model';
import { fixed, orderOfAll, type Fix, type Looks, type ProfileTree, type Row } from './tables_model';

const TONES: { readonly [looks in Looks]: Tone } = { good: 'good', odd: 'warn', zero: 'neutral', unknown: 'neutral', none: 'neutral' };
const RETRY_MS = 300;
const RETRIES = 5;

const nameOf = (name: string): string => {
  const { base, phase } = readQuantity(name);
  return `${lookUp(`quantity.${base}`) ?? name}${phase === 'total' ? '' : ` ${phase.toUpperCase()}`}`;
};

function shown(name: string, value: Row['value']): string {
  if (value === null || value === undefined) return '–';
  if (typeof value === 'string') return value;
  const { measure } = readQuantity(name);
  if (Math.abs(value) > 1e15 || (value !== 0 && Math.abs(value) < 1e-4)) return value.toExponential(2);
  if (measure === 'unknown' || measure === 'count' || measure === 'ratio') return formatNumber(value, Number.isInteger(value) ? 0 : 3, language());
  const { number, unit } = showValue(measure, value, language());
  return unit === '' ? number : `${number} ${unit}`;
}

// Some registers from `from` on; null: nobody answers.
async function readSome(bus: number, unit: number, profile: ProfileTree, from: number): Promise<Answer | { refused: string }> {
  for (let n = 0; ; n++) {
    const answer = await call<Answer>('poller', 'preview', { bus, unit, profile, from });
    if (answer.is === 'error' && answer.reason.code === 'tool.busy' && n < RETRIES) {
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      continue;
    }
    if (answer.is === 'lost') return { refused: t('ui.app.no_answer') };
    return answer.is === 'error' ? { refused: reasonText(answer.reason) } : answer.value;
  }
}

const fixText = (name: string, fix: Fix): string => {
  const value = shown(name, fix.value);
  return fix.do === 'scale' ? t('ui.tables.fix.scale', { scale: fix.scale ?? 1, value }) : fix.do === 'type' ? t('ui.tables.fix.type', { type: fix.type ?? '', value }) : t('ui.tables.fix.order', { value });
};

function Hint({ row, onFix }: { row: Row; onFix: (name: string, fix: Fix) => void }): JSX.Element | null {
  if (row.reason) return <span class="line-reason" data-test="row-refused">{reasonText(row.reason)}</span>;
  if (!row.looks) return null;
  return (
    <span class="looks">
      <Badge tone={TONES[row.looks]} test="looks">{t(`ui.tables.looks.${row.looks}`)}</Badge>
      {(row.fixes ?? []).map((fix, n) => <button type="button" key={n} class="button small" onClick={() => onFix(row.quantity, fix)} data-test={`fix-${fix.do}`}>{fixText(row.quantity, fix)}</button>)}
    </span>
  );
}

interface Props { tree: ProfileTree; whole: ProfileTree; bus: string; unit: string; onChange: (tree: ProfileTree) => void }

export function Preview({ tree, whole, bus: firstBus, unit: firstUnit, onChange }: Props): JSX.Element {
  const buses = useStore((all) => all.buses);
  const [bus, setBus] = useState(firstBus || String([...buses.values()].filter((one) => one.on !== false).sort(byName)[0]?.id ?? ''));
  const [unit, setUnit] = useState(/^\d+/.exec(firstUnit)?.[0] ?? '1');
  const [rows, setRows] = useState<readonly Row[]>([]);
  const [done, setDone] = useState<number | null>(null); // of those asked; null: not asking
  const [total, setTotal] = useState(0);
  const [refused, setRefused] = useState<string | null>(null);
  const turn = useRef(0);
  useEffect(() => () => { turn.current++; }, []);
  const run = async (): Promise<void> => {
    const mine = ++turn.current;
    let found: readonly Row[] = [];
    setRefused(null);
    setTotal(Object.keys(whole.registers ?? {}).length);
    for (let from: number | undefined = 0; from !== undefined;) {
      setDone(from);
      const some: Answer | { refused: string } = await readSome(Number(bus), Number(unit), whole, from);
      if (turn.current !== mine) return;
      if ('refused' in some) {
        setRefused(some.refused);
        break;
      }
      found = [...found, ...some.values];
      setRows(found);
      setTotal(some.total);
      from = some.next;
    }
    setDone(null);
  };
  const asked = useRef(false);
  useEffect(() => { if (asked.current) void run(); }, [whole]); // what was changed is read again
  const start = (): void => { asked.current = true; void run(); };
  const stop = (): void => { turn.current++; setDone(null); };
  const orders = [...new Set(rows.flatMap((row) => (row.fixes ?? []).flatMap((fix) => (fix.order ? [fix.order] : []))))];
  const several = rows.filter((row) => row.fixes?.some((fix) => fix.do === 'order')).length > 1;
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
        {done !== null && <span class="muted numbers" role="status">{t('ui.tables.reading', { done: done + 1, total })}</span>}
      </div>
      {refused !== null && <Notice tone="bad" test="preview-refused"><p>{refused}</p></Notice>}
      {several && orders.length === 1 && (
        <Notice tone="accent" test="order-all">
          <p>{t('ui.tables.order_all_why')}</p>
          <button type="button" class="button small" onClick={() => onChange(orderOfAll(tree, orders[0]!))} data-test="fix-order-all">{t('ui.tables.order_all')}</button>
        </Notice>
      )}
      {rows.length > 0 && (
        <Table caption={t('ui.tables.preview')} rows={rows} rowKey={(row) => row.quantity} test="preview-values" columns={[
          { key: 'name', title: t('ui.tables.col.quantity'), main: true, cell: (row) => nameOf(row.quantity) },
          { key: 'place', title: t('ui.tables.col.register'), numeric: true, cell: (row) => (row.fc === undefined ? '–' : `${row.fc} / ${row.address}`) },
          { key: 'value', title: t('ui.tables.col.value'), numeric: true, cell: (row) => shown(row.quantity, row.value) },
          { key: 'looks', title: t('ui.tables.col.looks'), cell: (row) => <Hint row={row} onFix={(name, fix) => onChange(fixed(tree, name, fix))} /> },
        ]} />
      )}
    </section>
  );
}
