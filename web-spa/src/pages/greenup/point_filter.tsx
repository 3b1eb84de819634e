// Which charge points: all, those with priority, those of a zone.
import type { JSX } from 'preact';
import { t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { SelectField } from '../../ui/field';
import { zonesOf, type Point } from './model';

export function PointFilter({ points, value, onChange }: { points: readonly Point[]; value: string; onChange: (value: string) => void }): JSX.Element {
  const zones = useStore((state) => state.zones);
  return (
    <SelectField label={t('ui.greenup.filter')} value={value} onChange={onChange} test="point-filter" options={[
      { value: 'all', label: t('ui.greenup.filter.all') }, { value: 'priority', label: t('ui.greenup.filter.priority') },
      ...zonesOf(points, zones).map((zone) => ({ value: `zone-${zone.id}`, label: t('ui.greenup.filter.zone', { name: zone.name }) })),
    ]} />
  );
}
