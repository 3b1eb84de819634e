// What all forms of this page share: saving with the revision that was seen, what somebody else changed meanwhile, undo,
// and the question before something is deleted.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../../api/link';
import type { Reason } from '../../generated/types';
import { reasonText, t } from '../../i18n/i18n';
import { getState } from '../../store/store';
import { Confirm, Dialog } from '../../ui/dialog';
import { errorOf } from '../../ui/field';
import { FormFoot } from '../../ui/form_foot';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import type { Saving } from '../../ui/save';

interface Difference { kind: string; id: number | string; old: Record<string, unknown> | null; new: Record<string, unknown> | null }

const shown = (value: unknown): string => (value === undefined || value === null ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));

function Changed({ one }: { one: Difference }): JSX.Element {
  const keys = one.old && one.new ? [...new Set([...Object.keys(one.old), ...Object.keys(one.new)])].filter((key) => shown(one.old![key]) !== shown(one.new![key])) : [];
  const name = shown((one.new ?? one.old)?.name ?? one.id);
  return (
    <li>
      <b>{name}</b> {one.old === null ? t('ui.system.conflict.added') : one.new === null ? t('ui.system.conflict.deleted') : ''}
      {keys.map((key) => <span key={key} class="conflict-key">{`${key}: ${shown(one.old![key])} → ${shown(one.new![key])}`}</span>)}
    </li>
  );
}

// Somebody else saved meanwhile: what, and the two ways on.
export function Conflict({ reason, onMine, onTheirs }: { reason: Reason; onMine: () => void; onTheirs: () => void }): JSX.Element {
  const difference = ((reason as Reason & { difference?: Difference[] | null }).difference ?? []) as Difference[];
  return (
    <Dialog title={t('ui.system.conflict.title')} onClose={onTheirs} test="conflict" actions={(
      <>
        <button type="button" class="button" onClick={onTheirs} data-test="conflict-theirs">{t('ui.system.conflict.theirs')}</button>
        <button type="button" class="button primary" onClick={onMine} data-test="conflict-mine">{t('ui.system.conflict.mine')}</button>
      </>
    )}>
      <p>{t('ui.system.conflict.text')}</p>
      {difference.length > 0 ? <ul class="conflict-list">{difference.map((one) => <Changed key={`${one.kind}-${one.id}`} one={one} />)}</ul> : <p>{reasonText(reason)}</p>}
    </Dialog>
  );
}

interface FootProps { saving: Saving; fields: readonly string[]; onMine: () => void; onTheirs: () => void }

export function Foot({ saving, fields, onMine, onTheirs }: FootProps): JSX.Element {
  const stale = saving.reason?.code === 'config.stale';
  const [answered, setAnswered] = useState<Reason | null>(null);
  const then = (act: () => void) => (): void => { setAnswered(saving.reason); act(); };
  return (
    <>
      <FormFoot saving={saving} atField={stale || fields.some((field) => errorOf(saving.reason, field) !== null)} />
      {stale && saving.reason !== answered && <Conflict reason={saving.reason!} onMine={then(onMine)} onTheirs={then(onTheirs)} />}
    </>
  );
}

// ---- Delete -------------------------------------------------------------------------------------------------------------

interface RemoveProps { name: string; busy: boolean; onErase: () => void; onDisable?: (() => void) | undefined; why?: string | undefined }

// ORG-04: "disable" beside "erase" where there is such a thing.
export function Remove({ name, busy, onErase, onDisable, why }: RemoveProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const then = (act: () => void) => (): void => { setOpen(false); act(); };
  const button = <button type="button" class="button" onClick={() => setOpen(true)} data-test="remove"><Icon name="trash" />{t('ui.system.remove')}</button>;
  if (!open) return button;
  const title = t('ui.system.remove_title', { name });
  return (
    <>
      {button}
      {onDisable === undefined && why === undefined
        ? <Confirm title={title} text={<p>{t('ui.system.remove_text')}</p>} yes={t('ui.system.erase')} danger busy={busy} onYes={then(onErase)} onNo={() => setOpen(false)} test="remove-dialog" />
        : (
          <Dialog title={title} onClose={() => setOpen(false)} test="remove-dialog" actions={(
            <>
              <button type="button" class="button" onClick={() => setOpen(false)} data-test="no">{t('ui.app.cancel')}</button>
              {onDisable && <button type="button" class="button primary" onClick={then(onDisable)} data-test="disable">{t('ui.system.disable')}</button>}
              {why === undefined && <button type="button" class="button danger" onClick={then(onErase)} data-test="yes">{t('ui.system.erase')}</button>}
            </>
          )}>
            <p>{why ?? t('ui.system.remove_or_disable')}</p>
          </Dialog>
        )}
    </>
  );
}

// ---- Undo ---------------------------------------------------------------------------------------------------------------

export function Undo(): JSX.Element {
  const [asking, setAsking] = useState(false);
  const [said, setSaid] = useState<'undone' | 'lost' | Reason | null>(null);
  const run = async (): Promise<void> => {
    setAsking(false);
    const answer = await call('config', 'undo', { rev: getState().services.get('config')?.rev ?? 0 });
    setSaid(answer.is === 'ok' ? 'undone' : answer.is === 'lost' ? 'lost' : answer.reason);
  };
  return (
    <div class="undo">
      <button type="button" class="button quiet" onClick={() => setAsking(true)} data-test="undo"><Icon name="back" />{t('ui.system.undo')}</button>
      {said !== null && (
        <Notice tone={said === 'undone' ? 'good' : 'bad'} test="undo-said">
          {said === 'undone' ? t('ui.system.undone') : said === 'lost' ? t('ui.app.no_answer') : reasonText(said)}
        </Notice>
      )}
      {asking && <Confirm title={t('ui.system.undo')} text={<p>{t('ui.system.undo_text')}</p>} yes={t('ui.system.undo')} onYes={() => void run()} onNo={() => setAsking(false)} test="undo-dialog" />}
    </div>
  );
}
