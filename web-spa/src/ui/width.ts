// The width of an element in CSS pixels, for drawings whose text must stay readable at every size. 0: not known yet.
import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export function useWidth(target: RefObject<Element | null>): number {
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const watcher = new ResizeObserver(([entry]) => setWidth(Math.round(entry?.contentRect.width ?? 0)));
    if (target.current) watcher.observe(target.current);
    return () => watcher.disconnect();
  }, [target]);
  return width;
}
