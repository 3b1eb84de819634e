// A clock for ages: one timer for all, once a second, on the clock of performance.now().
import { useEffect, useState } from 'preact/hooks';
import { historyTime } from '../format/clock';
import { useStore } from '../store/store';

const watchers = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

export function useNow(): number {
  const [now, setNow] = useState(() => performance.now());
  useEffect(() => {
    const tick = (): void => setNow(performance.now());
    watchers.add(tick);
    timer ??= setInterval(() => { for (const watcher of [...watchers]) watcher(); }, 1000);
    return () => {
      watchers.delete(tick);
      if (watchers.size === 0) {
        clearInterval(timer);
        timer = undefined;
      }
    };
  }, []);
  return now;
}

// The wall clock that history goes by, in ms since 1970; drawn anew each second.
export function useHistoryTime(): number {
  const services = useStore((state) => state.services);
  const clockOffset = useStore((state) => state.clockOffset);
  return historyTime({ services, clockOffset }, useNow(), Date.now());
}
