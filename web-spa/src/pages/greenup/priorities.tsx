// Which charge points have priority by default.
import type { JSX } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Choice } from '../../ui/choice';
import { TextField } from '../../ui/field';
import { FormFoot } from '../../ui/form_foot';
import { Icon } from '../../ui/icon';
import { useSave } from '../../ui/save';
import { filterPoints, isPriority, readSettings, withPriority, type Point } from './model';
import { PointFilter } from './point_filter';
import { StationIcon } from './station';

export function Priorities({ points }: { points: readonly Point[] }): JSX.Element {
  const stored = useStore((state) => state.settings.get('greenup'));
  const [draft, setDraft] = useState(() => readSettings(stored));
  const [dirty, setDirty] = useState(false);
  const [filter, setFilter] = useState('all');
  const [text, setText] = useState('');
  const { saving, begin, save } = useSave();
  useEffect(() => {
    if (dirty) return;
    setDraft(readSettings(stored));
    begin();
  }, [stored]);
  const shown = useMemo(() => filterPoints(points, filter, text, (one) => isPriority(draft, one.id)), [points, filter, text, draft]);
  const choose = (id: number, priority: boolean): void => {
    setDirty(true);
    setDraft((before) => withPriority(before, id, priority));
  };
  const submit = async (): Promise<void> => {
    if ((await save([{ kind: 'settings', id: 'greenup', value: draft }])) !== null) setDirty(false);
  };
  return (
    <form class="greenup-page" onSubmit={(event) => { event.preventDefault(); void submit(); }} data-test="priorities">
      <p class="muted">{t('ui.greenup.priorities_note')}</p>
      <div class="greenup-bar">
        <PointFilter points={points} value={filter} onChange={setFilter} />
        <TextField label={t('ui.greenup.search')} value={text} onChange={setText} test="point-search" />
      </div>
      <ul class="card lines">
        {shown.map((point) => (
          <li key={point.id} class="priority-line" data-test="priority" data-device={point.id} data-priority={isPriority(draft, point.id)}>
            <StationIcon station={point.station} />
            <span class="manage-name"><strong>{point.name}</strong><span class="muted">{t('ui.device.id')} {point.id}</span></span>
            {isPriority(draft, point.id) && <Icon name="priority" class="priority-star" />}
            <Choice<'normal' | 'priority'> label={t('ui.greenup.priority_default', { name: point.name })} value={isPriority(draft, point.id) ? 'priority' : 'normal'} test={`default-${point.id}`}
              onChange={(one) => choose(point.id, one === 'priority')} options={[['normal', t('ui.greenup.normal')], ['priority', t('ui.greenup.priority')]]} />
          </li>
        ))}
      </ul>
      {shown.length === 0 && <p class="muted empty">{t('ui.greenup.none')}</p>}
      <FormFoot saving={saving} disabled={!dirty} />
    </form>
  );
}
