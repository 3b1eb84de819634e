// A table that can be sorted; on a phone each row is a card whose cells carry the name of their column.
import type { ComponentChildren, JSX } from 'preact';
import { t } from '../i18n/i18n';
import { Icon } from './icon';

export interface Column<T> {
  readonly key: string;
  readonly title: string;
  readonly cell: (row: T) => ComponentChildren;
  readonly sortable?: boolean;
  readonly numeric?: boolean;
  readonly main?: boolean; // the name of the row: first and bold on a phone
}

export interface Sort { readonly key: string; readonly down: boolean }

interface TableProps<T> {
  caption: string; // for readers of the screen
  columns: readonly Column<T>[];
  rows: readonly T[];
  rowKey: (row: T) => string | number;
  sort?: Sort;
  onSort?: (sort: Sort) => void;
  test?: string;
}

function Head<T>({ column, sort, onSort }: { column: Column<T>; sort: Sort | undefined; onSort: ((sort: Sort) => void) | undefined }): JSX.Element {
  if (column.title === '') return <td />; // a column of buttons has no name
  const on = sort?.key === column.key;
  const order = on ? (sort.down ? 'descending' : 'ascending') : undefined;
  return (
    <th scope="col" class={column.numeric ? 'table-number' : undefined} aria-sort={order}>
      {column.sortable && onSort
        ? (
          <button type="button" class="table-sort" data-test={`sort-${column.key}`} onClick={() => onSort({ key: column.key, down: on ? !sort.down : false })}>
            {column.title}<Icon name={on ? (sort.down ? 'down' : 'up') : 'sort'} class={on ? '' : 'table-sort-idle'} />
          </button>
        )
        : column.title}
    </th>
  );
}

// On a phone there are no heads to tap: the order is chosen from a list.
function Order<T>({ columns, sort, onSort }: { columns: readonly Column<T>[]; sort: Sort; onSort: (sort: Sort) => void }): JSX.Element {
  const options = columns.filter((column) => column.sortable).flatMap((column) => [false, true].map((down) => ({ column, down })));
  return (
    <label class="table-order">
      <span>{t('ui.table.order')}</span>
      <select class="input select" value={`${sort.key}/${sort.down}`} data-test="order" onChange={(event) => {
        const [key = '', down] = event.currentTarget.value.split('/');
        onSort({ key, down: down === 'true' });
      }}>
        {options.map(({ column, down }) => <option key={`${column.key}/${down}`} value={`${column.key}/${down}`}>{column.title} {down ? '↓' : '↑'}</option>)}
      </select>
    </label>
  );
}

export function Table<T>({ caption, columns, rows, rowKey, sort, onSort, test }: TableProps<T>): JSX.Element {
  const table = (
    <table class="data-table" data-test={test}>
      <caption class="hidden">{caption}</caption>
      <thead><tr>{columns.map((column) => <Head key={column.key} column={column} sort={sort} onSort={onSort} />)}</tr></thead>
      <tbody>
        {rows.map((row) => (
          <tr key={rowKey(row)} data-test={test ? `${test}-row` : undefined} data-key={rowKey(row)}>
            {columns.map((column) => (
              <td key={column.key} data-title={column.title} class={`${column.numeric ? 'table-number ' : ''}${column.main ? 'table-main' : ''}`}><div>{column.cell(row)}</div></td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
  return <>{sort && onSort && columns.some((column) => column.sortable) && <Order columns={columns} sort={sort} onSort={onSort} />}{table}</>;
}

// Sorts a copy; what is equal keeps its order. null comes last in either direction.
export function sortRows<T>(rows: readonly T[], value: (row: T) => string | number | null, down: boolean): T[] {
  const compare = (a: string | number, b: string | number): number =>
    typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, { numeric: true });
  return [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === null || y === null) return Number(x === null) - Number(y === null);
    return down ? compare(y, x) : compare(x, y);
  });
}

// `page` from 0.
export function Pager({ page, pages, onPage }: { page: number; pages: number; onPage: (page: number) => void }): JSX.Element | null {
  if (pages <= 1) return null;
  const button = (to: number, icon: 'first' | 'back' | 'next' | 'last', label: string): JSX.Element => (
    <button type="button" class="button quiet" aria-label={label} disabled={to < 0 || to >= pages || to === page} data-test={`page-${icon}`} onClick={() => onPage(to)}>
      <Icon name={icon} />
    </button>
  );
  return (
    <nav class="pager" aria-label={t('ui.table.pages')}>
      {button(0, 'first', t('ui.table.first'))}{button(page - 1, 'back', t('ui.table.previous'))}
      <span class="numbers" data-test="page-now">{t('ui.table.page', { page: page + 1, pages })}</span>
      {button(page + 1, 'next', t('ui.table.next'))}{button(pages - 1, 'last', t('ui.table.last'))}
    </nav>
  );
}
