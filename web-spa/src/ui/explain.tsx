// A mark that explains itself when it is tapped: why a number is not what it seems.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Icon } from './icon';

export function Explain({ text, label, children, test }: { text: ComponentChildren; label?: string; children?: ComponentChildren; test?: string }): JSX.Element {
  const [open, setOpen] = useState(false);
  const id = useId();
  const root = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const shut = (event: Event): void => { if (!root.current?.contains(event.target as Node)) setOpen(false); };
    const escape = (event: KeyboardEvent): void => { if (event.key === 'Escape') setOpen(false); };
    document.addEventListener('pointerdown', shut);
    document.addEventListener('keydown', escape);
    return () => {
      document.removeEventListener('pointerdown', shut);
      document.removeEventListener('keydown', escape);
    };
  }, [open]);
  return (
    <span class="explain" ref={root}>
      <button type="button" class="explain-mark" aria-expanded={open} aria-controls={open ? id : undefined} aria-label={label} data-test={test} onClick={() => setOpen(!open)}>
        {children ?? <Icon name="info" />}
      </button>
      {open && <span id={id} class="explain-text" role="status">{text}</span>}
    </span>
  );
}
