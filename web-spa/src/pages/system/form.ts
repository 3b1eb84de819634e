// The state of one form: taken over from the gateway unless one is typing, saved with the revision that was seen.
import { useEffect, useRef, useState } from 'preact/hooks';
import { useStore } from '../../store/store';
import { useSave, type Change, type Saving } from '../../ui/save';

export interface FormState<F> {
  form: F;
  set: (change: Partial<F>) => void;
  saving: Saving;
  dirty: boolean;
  submit: () => Promise<(number | null)[] | null>;
  run: (changes: readonly Change[]) => Promise<(number | null)[] | null>; // a change at once, beside what is typed
  mine: () => void;   // save over what somebody else changed
  theirs: () => void; // take their values
}

// `stored`: the object as the gateway has it, null: a new one.
export function useForm<F extends object>(stored: object | null, fresh: () => F, changesOf: (form: F) => readonly Change[]): FormState<F> {
  const [form, setForm] = useState(fresh);
  const [dirty, setDirty] = useState(stored === null);
  const { saving, begin, save } = useSave();
  const last = useRef<readonly Change[]>([]);
  const take = (): void => {
    setForm(fresh());
    begin();
  };
  const rev = useStore((state) => state.services.get('config')?.rev);
  useEffect(() => { if (!dirty) take(); }, [stored, rev]);
  const run = (changes: readonly Change[]): Promise<(number | null)[] | null> => {
    last.current = changes;
    return save(changes);
  };
  const submit = async (): Promise<(number | null)[] | null> => {
    const ids = await run(changesOf(form));
    if (ids !== null) setDirty(false);
    return ids;
  };
  return {
    form, saving, dirty, submit, run,
    set: (change) => { setDirty(true); setForm((before) => ({ ...before, ...change })); },
    mine: () => { begin(); void save(last.current).then((ids) => { if (ids !== null) setDirty(false); }); },
    theirs: () => { setDirty(false); take(); },
  };
}
