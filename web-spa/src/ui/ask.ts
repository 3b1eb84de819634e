// Asks the recorder, and asks again: when the link comes back, when something new is stored, and now and then.
import { useEffect, useState } from 'preact/hooks';
import { call } from '../api/link';
import type { Reason } from '../generated/types';
import { useStore } from '../store/store';

const RETRY_MS = 5_000;
const REFRESH_MS = 60_000;

export interface Asked<T> {
  readonly answer: T | null; // of this question; null: not yet
  readonly lost: boolean;    // no answer came to the last try
  readonly refused: Reason | null;
}

// `args` null: nothing to ask yet.
export function useAsk<T>(method: string, args: object | null): Asked<T> {
  const key = args === null ? '' : `${method} ${JSON.stringify(args)}`;
  const [state, setState] = useState<Asked<T> & { key: string }>({ key: '', answer: null, lost: false, refused: null });
  const [turn, setTurn] = useState(0);
  const online = useStore((all) => all.link.is === 'online');
  const stored = useStore((all) => all.services.get('recorder')?.last_sample ?? '');
  useEffect(() => {
    if (!online || args === null) return undefined;
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    void call<T>('recorder', method, args).then((reply) => {
      if (!current) return;
      setState((before) => ({
        key, answer: reply.is === 'ok' ? reply.value : before.key === key ? before.answer : null,
        lost: reply.is === 'lost', refused: reply.is === 'error' ? reply.reason : null,
      }));
      timer = setTimeout(() => setTurn((n) => n + 1), reply.is === 'lost' ? RETRY_MS : REFRESH_MS);
    });
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [online, key, stored, turn]);
  return state.key === key ? state : { answer: null, lost: state.lost, refused: null };
}
