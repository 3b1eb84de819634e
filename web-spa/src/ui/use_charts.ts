// The charts once they are loaded; null until then.
import { useEffect, useState } from 'preact/hooks';

type Charts = typeof import('./charts');

export function useCharts(): Charts | null {
  const [charts, setCharts] = useState<Charts | null>(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let current = true;
    import('./charts').then(
      (module) => { if (current) setCharts(module); },
      () => { if (current) setTimeout(() => setTurn((n) => n + 1), 3000); },
    );
    return () => { current = false; };
  }, [turn]);
  return charts;
}
