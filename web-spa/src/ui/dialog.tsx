// A question that stops everything else. The browser's own <dialog>: focus stays inside, Esc closes.
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import { t } from '../i18n/i18n';
import { Icon } from './icon';

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ComponentChildren;
  actions: ComponentChildren; // buttons, the safe one first
  wide?: boolean;
  test?: string;
}

// Shown as long as it is drawn.
export function Dialog({ title, onClose, children, actions, wide, test }: DialogProps): JSX.Element {
  const id = useId();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current!;
    const before = document.activeElement;
    dialog.showModal();
    return () => {
      dialog.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus(); // where the keyboard was
    };
  }, []);
  return (
    <dialog class={wide ? 'dialog dialog-wide' : 'dialog'} ref={element} aria-labelledby={id} data-test={test}
      onCancel={(event) => { event.preventDefault(); onClose(); }} onClose={onClose}
      onClick={(event) => { if (event.target === element.current) onClose(); }}>
      <div class="dialog-inside">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="button quiet" aria-label={t('ui.app.close')} onClick={onClose}><Icon name="close" /></button>
        </header>
        <div class="dialog-body">{children}</div>
        <footer class="dialog-actions">{actions}</footer>
      </div>
    </dialog>
  );
}

interface ConfirmProps { title: string; text: ComponentChildren; yes: string; danger?: boolean; busy?: boolean; onYes: () => void; onNo: () => void; test?: string }

export const Confirm = ({ title, text, yes, danger, busy, onYes, onNo, test }: ConfirmProps): JSX.Element => (
  <Dialog title={title} onClose={onNo} {...(test ? { test } : {})} actions={(
    <>
      <button type="button" class="button" onClick={onNo} data-test="no">{t('ui.app.cancel')}</button>
      <button type="button" class={danger ? 'button danger' : 'button primary'} disabled={busy ?? false} onClick={onYes} data-test="yes">{yes}</button>
    </>
  )}>{text}</Dialog>
);
