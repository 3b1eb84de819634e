// One part of the page on the whole screen.
import type { JSX, RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { t } from '../i18n/i18n';
import { Icon } from './icon';

export function FullScreen({ target }: { target: RefObject<HTMLElement | null> }): JSX.Element | null {
  const [full, setFull] = useState(false);
  useEffect(() => {
    const changed = (): void => setFull(document.fullscreenElement !== null && document.fullscreenElement === target.current);
    document.addEventListener('fullscreenchange', changed);
    return () => document.removeEventListener('fullscreenchange', changed);
  }, [target]);
  if (!document.fullscreenEnabled) return null; // phones of one maker have no such thing
  const label = t(full ? 'ui.app.full_screen_end' : 'ui.app.full_screen');
  return (
    <button type="button" class="button quiet icon-only" aria-label={label} title={label} data-test="full-screen"
      onClick={() => void (full ? document.exitFullscreen() : target.current?.requestFullscreen())}>
      <Icon name={full ? 'shrink' : 'expand'} />
    </button>
  );
}
