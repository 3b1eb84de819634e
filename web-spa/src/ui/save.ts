// Saving a part of the configuration: what the form saw, what config said to it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { call } from '../api/link';
import { t } from '../i18n/i18n';
import type { Reason } from '../generated/types';
import { getState } from '../store/store';

// As the call config/change takes them; id null: new, value null: deleted.
export interface Change { kind: string; id: number | string | null; value: object | null; index?: number }

export interface Saving {
  readonly state: 'idle' | 'busy' | 'saved' | 'refused' | 'lost';
  readonly reason: Reason | null; // of `refused`
}

// The newest revision that this page has seen: the status of config comes now and then, its objects at once.
let answered = 0;
function revision(): number {
  const { services, settings, buses, devices, panels, circuits, zones, tariffs, costRules } = getState();
  let newest = Math.max(answered, services.get('config')?.rev ?? 0);
  for (const table of [settings, buses, devices, panels, circuits, zones, tariffs, costRules]) {
    for (const one of table.values()) newest = Math.max(newest, one.rev);
  }
  return newest;
}

// `begin()` when the form takes its values anew: a save names the revision that was seen then, and a later change of
// somebody else is refused with the difference instead of being overwritten.
export function useSave(): { saving: Saving; begin: () => void; save: (changes: readonly Change[]) => Promise<(number | null)[] | null> } {
  const [saving, setSaving] = useState<Saving>({ state: 'idle', reason: null });
  const seen = useRef(revision());
  const mounted = useRef(true);
  useEffect(() => () => { mounted.current = false; }, []);
  const begin = (): void => { seen.current = revision(); };
  const save = async (changes: readonly Change[]): Promise<(number | null)[] | null> => {
    setSaving({ state: 'busy', reason: null });
    const answer = await call<{ rev: number; ids: (number | null)[] }>('config', 'change', { rev: seen.current, changes });
    if (answer.is === 'ok') seen.current = answered = answer.value.rev;
    if (mounted.current) {
      setSaving(answer.is === 'ok' ? { state: 'saved', reason: null }
        : answer.is === 'lost' ? { state: 'lost', reason: null } : { state: 'refused', reason: answer.reason });
    }
    return answer.is === 'ok' ? answer.value.ids : null;
  };
  return { saving, begin, save };
}

export const savingText = (saving: Saving): string | null =>
  saving.state === 'saved' ? t('ui.app.saved') : saving.state === 'lost' ? t('ui.app.no_answer') : null;
