// The measures of a device, in blocks: a table of quantities by phases.
import type { JSX } from 'preact';
import { quantity, plainName, type Phase, type Quantity } from '../../format/quantity';
import { lookUp, t, type MessageKey } from '../../i18n/i18n';
import type { DeviceMeasures } from '../../store/state';
import { Icon } from '../../ui/icon';
import { PHASES, blocksOf, harmonicsOf, newest, statisticsOf, type Block, type Row, type StatisticRow } from './model';
import { Age, Value, useScale, type Judge } from './value';

export const quantityName = (base: string): string => lookUp(`quantity.${base}`) ?? plainName(base);

const LINES: { readonly [P in Phase]: string } = { total: '', l1: 'L1–L2', l2: 'L2–L3', l3: 'L3–L1', n: '' };

function phaseName(phase: Phase, base?: string): string {
  if (base?.endsWith('_line')) return LINES[phase];
  if (phase === 'total') return t('ui.phase.total');
  return phase === 'n' ? t('ui.phase.n') : phase.toUpperCase();
}

// The name the gateway publishes, put together again.
function publishedName(row: Row, phase: Phase): string {
  const end = row.order > 0 ? `_${row.order}` : '';
  if (row.base === 'voltage_phase') return `voltage_${phase}_n${end}`;
  if (row.base.endsWith('_line')) return `${row.base.slice(0, -5)}_${LINES[phase].toLowerCase().replace('–', '_')}${end}`;
  return `${row.base}${phase === 'total' ? '' : `_${phase}`}${end}`;
}

interface RowProps { row: Row; phases: readonly Phase[]; by: Judge }

// A quantity without phases beside others that have them, as the frequency: its value stands at the end of the row.
function SingleRow({ row, phases, by }: RowProps): JSX.Element {
  const reading = row.cells.total ?? newest(phases.map((phase) => row.cells[phase])) ?? undefined;
  const phase = PHASES.find((one) => row.cells[one] === reading) ?? 'total';
  const scale = useScale(row.quantity.measure, [reading]);
  return (
    <tr class="row row-single">
      <th scope="row"><span class="row-name">{quantityName(row.base)}</span></th>
      <td class="cell" colSpan={phases.length}><Value reading={reading} scale={scale} by={by} name={publishedName(row, phase)} unit /></td>
    </tr>
  );
}

function PhaseRow({ row, phases, by }: RowProps): JSX.Element {
  const scale = useScale(row.quantity.measure, PHASES.map((phase) => row.cells[phase]));
  const own = row.base.endsWith('_line');
  const caption = own ? 'cell-phase cell-phase-own' : 'cell-phase';
  return (
    <tr class={phases.every((phase) => phase === 'total' || !row.cells[phase]) ? 'row row-single' : 'row'}>
      <th scope="row">
        <span class="row-name">{quantityName(row.base)}</span>
        {scale.unit !== '' && <span class="unit">{scale.unit}</span>}
      </th>
      {phases.map((phase) => (
        <td key={phase} class={row.cells[phase] === undefined ? 'cell cell-absent' : 'cell'}>
          {row.cells[phase] !== undefined && <span class={caption}>{phaseName(phase, row.base)}</span>}
          <Value reading={row.cells[phase]} scale={scale} by={by} name={publishedName(row, phase)} />
        </td>
      ))}
    </tr>
  );
}

function blockAge(rows: readonly Row[], by: Judge, plain = false): JSX.Element | null {
  const latest = newest(rows.flatMap((row) => PHASES.map((phase) => row.cells[phase])));
  const none = rows.some((row) => PHASES.some((phase) => row.cells[phase]?.value === null && row.cells[phase]?.text === undefined));
  return latest && <Age reading={latest} by={by} plain={plain} none={none} />;
}

export function MeasureTable({ block, by }: { block: Block; by: Judge }): JSX.Element {
  const { phases } = block;
  const alone = (row: Row): boolean => phases.length === 1 || phases.every((phase) => row.cells[phase] === undefined);
  return (
    <table class={`measures measures-${phases.length}`}>
      {phases.length > 1 && (
        <thead><tr><td />{phases.map((phase) => <th key={phase} scope="col">{phaseName(phase)}</th>)}</tr></thead>
      )}
      <tbody>
        {block.rows.map((row) => alone(row)
          ? <SingleRow key={row.base} row={row} phases={phases} by={by} />
          : <PhaseRow key={row.base} row={row} phases={phases} by={by} />)}
      </tbody>
    </table>
  );
}

function MeasureBlock({ block, by }: { block: Block; by: Judge }): JSX.Element {
  const title = t(`ui.section.${block.section}` as MessageKey);
  return (
    <section class={block.phases.length > 3 ? 'card block block-wide' : 'card block'} data-test="block" data-section={block.section}>
      <header class="block-head"><h2>{title}</h2>{block.section !== 'info' && blockAge(block.rows, by)}</header>
      <MeasureTable block={block} by={by} />
    </section>
  );
}

function HarmonicRow({ row, phases, largest, by }: { row: Row; phases: readonly Phase[]; largest: number; by: Judge }): JSX.Element {
  const scale = useScale(row.quantity.measure, []);
  return (
    <tr>
      <th scope="row" class="numbers">{row.order}</th>
      {phases.map((phase) => {
        const reading = row.cells[phase];
        return (
          <td key={phase} class="cell">
            <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true" focusable="false">
              <rect x="0" y="0" width={(Math.abs(reading?.value ?? 0) / largest) * 100} height="4" />
            </svg>
            <Value reading={reading} scale={scale} by={by} name={publishedName(row, phase)} />
          </td>
        );
      })}
    </tr>
  );
}

function Harmonics({ block, by }: { block: Block; by: Judge }): JSX.Element {
  const base = block.rows[0]?.base ?? '';
  const values = block.rows.flatMap((row) => PHASES.map((phase) => Math.abs(row.cells[phase]?.value ?? 0)));
  const largest = Math.max(1, ...values);
  return (
    <details class="card block" data-test="block" data-section={base}>
      <summary class="block-head"><Icon name="next" class="fold" /><h2>{quantityName(base)} <span class="unit">%</span></h2>{blockAge(block.rows, by, true)}</summary>
      <p class="block-age">{blockAge(block.rows, by)}</p>
      <table class="measures harmonics">
        <thead><tr><th scope="col">{t('ui.harmonics.order')}</th>{block.phases.map((phase) => <th key={phase} scope="col">{phaseName(phase)}</th>)}</tr></thead>
        <tbody>{block.rows.map((row) => <HarmonicRow key={row.order} row={row} phases={block.phases} largest={largest} by={by} />)}</tbody>
      </table>
    </details>
  );
}

export const fullName = (what: Quantity): string =>
  what.phase === 'total' ? quantityName(what.base) : `${quantityName(what.base)} ${phaseName(what.phase, what.base)}`;

function StatisticsRow({ row, by }: { row: StatisticRow; by: Judge }): JSX.Element {
  const scale = useScale(row.quantity.measure, [row.mean, row.min, row.max]);
  return (
    <tr class="row">
      <th scope="row"><span class="row-name">{fullName(row.quantity)}</span>{scale.unit !== '' && <span class="unit">{scale.unit}</span>}</th>
      {(['mean', 'min', 'max'] as const).map((one) => (
        <td key={one} class="cell">
          <span class="cell-phase">{t(`ui.stat.${one}`)}</span>
          <Value reading={row[one]} scale={scale} by={by} />
        </td>
      ))}
    </tr>
  );
}

function Statistics({ rows, by }: { rows: readonly StatisticRow[]; by: Judge }): JSX.Element {
  const latest = newest(rows.flatMap((row) => [row.mean, row.min, row.max]));
  return (
    <details class="card block" data-test="block" data-section="statistics">
      <summary class="block-head"><Icon name="next" class="fold" /><h2>{t('ui.section.statistics')}</h2>{latest && <Age reading={latest} by={by} plain />}</summary>
      {latest && <p class="block-age"><Age reading={latest} by={by} /></p>}
      <table class="measures measures-3">
        <thead><tr><td />{(['mean', 'min', 'max'] as const).map((one) => <th key={one} scope="col">{t(`ui.stat.${one}`)}</th>)}</tr></thead>
        <tbody>{rows.map((row) => <StatisticsRow key={row.key} row={row} by={by} />)}</tbody>
      </table>
    </details>
  );
}

const LEADS = ['active_power', 'active_energy_import', 'volume'] as const;

function Lead({ name, measures, by }: { name: string; measures: DeviceMeasures; by: Judge }): JSX.Element | null {
  const reading = measures.readings[name];
  const what = quantity(name);
  const scale = useScale(what.measure, [reading]);
  if (!reading) return null;
  return (
    <div class="card lead" data-test="lead" data-quantity={name}>
      <span class="lead-name"><span>{quantityName(what.base)}</span><Age reading={reading} by={by} none={reading.value === null} /></span>
      <span class="lead-value"><Value reading={reading} scale={scale} by={by} name={name} unit /></span>
    </div>
  );
}

export function Blocks({ measures, by, leads }: { measures: DeviceMeasures; by: Judge; leads: boolean }): JSX.Element {
  const statistics = statisticsOf(measures);
  return (
    <>
      {leads && <div class="leads">{LEADS.map((name) => <Lead key={name} name={name} measures={measures} by={by} />)}</div>}
      <div class="blocks">
        {blocksOf(measures).map((block) => <MeasureBlock key={block.section} block={block} by={by} />)}
        {harmonicsOf(measures).map((block) => <Harmonics key={block.rows[0]?.base} block={block} by={by} />)}
        {statistics.length > 0 && <Statistics rows={statistics} by={by} />}
      </div>
    </>
  );
}
