// A clock for ages: one timer for all, once a second, on the clock of performance.now().
import { useEffect, useState } from 'preact/hooks';

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
