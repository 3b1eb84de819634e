// Users of the gateway and the browsers that know them (USR-03, USR-04).
import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, type Answer } from '../../api/link';
import type { Reason, Users } from '../../generated/types';
import { reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Badge } from '../../ui/badge';
import { Confirm, Dialog } from '../../ui/dialog';
import { CheckField, TextField, errorOf } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { Table } from '../../ui/table';
import { useTime } from '../../ui/time';
import {
  ALL_PAGES, DISPLAY_PAGES, agentName, changesOf, emptyForm, formOf, problemsOf, withDisplay, withPage, type Form, type KnownBrowser, type Problem, type User,
} from './users_model';

const REFRESH_MS = 10_000;

type Refusal = { is: 'reason'; reason: Reason } | { is: 'lost' } | null;

const refusalText = (refusal: Refusal): string | null =>
  refusal === null ? null : refusal.is === 'lost' ? t('ui.app.no_answer') : reasonText(refusal.reason);

const refusalOf = (answer: Answer<unknown>): Refusal =>
  answer.is === 'error' ? { is: 'reason', reason: answer.reason } : answer.is === 'lost' ? { is: 'lost' } : null;

interface EditorProps { user: User | null; self: boolean; onDone: () => void; onClose: () => void }

function Editor({ user, self, onDone, onClose }: EditorProps): JSX.Element {
  const [form, setForm] = useState<Form>(user ? formOf(user) : emptyForm);
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<Refusal>(null);
  const problems = problemsOf(form, user === null);
  const reason = refusal?.is === 'reason' ? refusal.reason : null;
  const error = (name: Problem): string | null =>
    (tried && problems.includes(name) ? t(`ui.users.wrong.${name}`) : errorOf(reason, name));
  const shown = (['name', 'pin', 'puk'] as const).some((name) => errorOf(reason, name) !== null);
  const save = async (): Promise<void> => {
    setTried(true);
    setRefusal(null);
    if (problems.length > 0) return;
    setBusy(true);
    const answer = await call('config', user ? 'user_change' : 'user_add', changesOf(form, user));
    setBusy(false);
    if (answer.is === 'ok') onDone();
    else setRefusal(refusalOf(answer));
  };
  const codesHint = user ? t('ui.users.codes_stay') : undefined;
  return (
    <Dialog title={user ? user.name : t('ui.users.add')} onClose={onClose} test="user-editor" actions={(
      <>
        <button type="button" class="button" onClick={onClose} data-test="no">{t('ui.app.cancel')}</button>
        <button type="button" class="button primary" disabled={busy} onClick={() => void save()} data-test="user-save">{t(busy ? 'ui.app.saving' : 'ui.app.save')}</button>
      </>
    )}>
      <TextField label={t('ui.users.name')} value={form.name} maxLength={32} error={error('name')} test="user-name" onChange={(name) => setForm({ ...form, name })} />
      <TextField label={t('ui.users.pin')} value={form.pin} inputMode="numeric" maxLength={5} hint={codesHint} error={error('pin')} test="user-pin"
        onChange={(pin) => setForm({ ...form, pin: pin.replace(/[^0-9]/g, '') })} />
      <TextField label={t('ui.users.puk')} value={form.puk} inputMode="numeric" maxLength={18} hint={codesHint} error={error('puk')} test="user-puk"
        onChange={(puk) => setForm({ ...form, puk: puk.replace(/[^0-9]/g, '') })} />
      <fieldset class="users-pages">
        <legend>{t('ui.users.pages')}</legend>
        {ALL_PAGES.map((page) => (
          <CheckField key={page} label={t(`page.${page}`)} checked={form.pages.includes(page)} disabled={form.display && !DISPLAY_PAGES.includes(page)}
            test={`user-page-${page}`} onChange={(on) => setForm(withPage(form, page, on))} />
        ))}
      </fieldset>
      <CheckField label={t('ui.users.display')} hint={t('ui.users.display_hint')} checked={form.display} disabled={self} test="user-display"
        onChange={(display) => setForm(withDisplay(form, display))} />
      <CheckField label={t('ui.users.must_change')} checked={form.mustChange} test="user-must-change" onChange={(mustChange) => setForm({ ...form, mustChange })} />
      {user && (
        <CheckField label={t('ui.users.disabled')} hint={t('ui.users.disabled_hint')} checked={form.disabled} disabled={self} test="user-disabled"
          onChange={(disabled) => setForm({ ...form, disabled })} />
      )}
      {refusal && !shown && <Notice tone="bad" test="user-refused">{refusalText(refusal)}</Notice>}
    </Dialog>
  );
}

function Marks({ user, self }: { user: User; self: boolean }): JSX.Element {
  return (
    <span class="users-marks">
      {self && <Badge tone="accent" test="self">{t('ui.users.self')}</Badge>}
      {user.disabled && <Badge tone="warn" test="disabled">{t('ui.users.is_disabled')}</Badge>}
      {user.locked && <Badge tone="bad" test="locked">{t('ui.users.is_locked')}</Badge>}
      {user.display && <Badge test="display">{t('ui.users.is_display')}</Badge>}
      {user.must_change && <Badge test="must-change">{t('ui.users.is_must_change')}</Badge>}
      {user.sessions > 0 && <Badge tone="good" test="sessions">{t('ui.users.sessions', { count: user.sessions })}</Badge>}
    </span>
  );
}

const Act = ({ icon, label, onClick, test, disabled }: { icon: 'edit' | 'trash' | 'check'; label: string; onClick: () => void; test: string; disabled?: boolean }): JSX.Element => (
  <button type="button" class="button quiet" aria-label={label} title={label} disabled={disabled ?? false} onClick={onClick} data-test={test}><Icon name={icon} /></button>
);

interface ListProps { users: Users; onEdit: (user: User) => void; onRemove: (user: User) => void; onUnlock: (user: User) => void }

function UserList({ users, onEdit, onRemove, onUnlock }: ListProps): JSX.Element {
  const self = (user: User): boolean => user.id === users.self;
  return (
    <Table caption={t('ui.users.title')} rows={users.users} rowKey={(user) => user.id} test="users" columns={[
      { key: 'name', title: t('ui.users.name'), main: true, cell: (user) => <span data-test="user-named">{user.name}</span> },
      { key: 'pages', title: t('ui.users.pages'), cell: (user) => user.pages.map((page) => t(`page.${page}`)).join(', ') || '–' },
      { key: 'state', title: t('ui.users.state'), cell: (user) => <Marks user={user} self={self(user)} /> },
      {
        key: 'acts', title: '', cell: (user) => (
          <span class="users-acts">
            {user.locked && <Act icon="check" label={t('ui.users.unlock', { name: user.name })} test="user-unlock" onClick={() => onUnlock(user)} />}
            <Act icon="edit" label={t('ui.users.edit', { name: user.name })} test="user-edit" onClick={() => onEdit(user)} />
            <Act icon="trash" label={t('ui.users.remove', { name: user.name })} test="user-remove" disabled={self(user)} onClick={() => onRemove(user)} />
          </span>
        ),
      },
    ]} />
  );
}

function BrowserList({ users, onRevoke }: { users: Users; onRevoke: (browser: KnownBrowser) => void }): JSX.Element {
  const time = useTime();
  const names = new Map(users.users.map((user) => [user.id, user.name]));
  if (users.browsers.length === 0) return <p class="muted">{t('ui.users.no_browser')}</p>;
  return (
    <Table caption={t('ui.users.browsers')} rows={users.browsers} rowKey={(browser) => browser.id} test="browsers" columns={[
      { key: 'user', title: t('ui.users.name'), main: true, cell: (one) => names.get(one.user) ?? '–' },
      { key: 'agent', title: t('ui.users.browser'), cell: (one) => <span title={one.agent}>{agentName(one.agent) ?? t('ui.users.browser_other')}</span> },
      { key: 'address', title: t('ui.users.address'), cell: (one) => <span class="numbers">{one.address}</span> },
      { key: 'seen', title: t('ui.users.seen'), cell: (one) => <span class="numbers">{time(one.seen)}</span> },
      { key: 'known', title: t('ui.users.known'), cell: (one) => <span class="numbers">{time(one.known)}</span> },
      { key: 'acts', title: '', cell: (one) => <button type="button" class="button small" onClick={() => onRevoke(one)} data-test="browser-revoke">{t('ui.users.revoke')}</button> },
    ]} />
  );
}

const Part = ({ title, children }: { title: string; children: ComponentChildren }): JSX.Element =>
  <section class="card health-card users-card"><h2>{title}</h2>{children}</section>;

type Asked = { is: 'edit'; user: User | null } | { is: 'remove'; user: User } | null;

export function UsersPage(): JSX.Element {
  useLanguage();
  const online = useStore((state) => state.link.is === 'online');
  const [users, setUsers] = useState<Users | null>(null);
  const [asked, setAsked] = useState<Asked>(null);
  const [refusal, setRefusal] = useState<Refusal>(null);
  const load = async (): Promise<void> => {
    const answer = await call<Users>('config', 'users', {});
    if (answer.is === 'ok') setUsers(answer.value);
    else setRefusal(refusalOf(answer));
  };
  // Nobody announces these: what others change is asked for.
  useEffect(() => {
    if (!online) return undefined;
    void load();
    const timer = setInterval(() => void load(), REFRESH_MS);
    return () => clearInterval(timer);
  }, [online]);
  const act = async (method: string, args: object): Promise<void> => {
    const answer = await call('config', method, args);
    setRefusal(refusalOf(answer));
    setAsked(null);
    await load();
  };
  const done = (): void => {
    setAsked(null);
    setRefusal(null);
    void load();
  };
  return (
    <div class="users" data-test="users-page">
      {refusal && <Notice tone="bad" test="users-refused">{refusalText(refusal)}</Notice>}
      <Part title={t('ui.users.title')}>
        {users && (
          <UserList users={users} onEdit={(user) => setAsked({ is: 'edit', user })} onRemove={(user) => setAsked({ is: 'remove', user })}
            onUnlock={(user) => void act('user_change', { id: user.id, locked: false })} />
        )}
        <button type="button" class="button" disabled={!users} onClick={() => setAsked({ is: 'edit', user: null })} data-test="user-add">
          <Icon name="add" />{t('ui.users.add')}
        </button>
      </Part>
      <Part title={t('ui.users.browsers')}>
        <p class="muted">{t('ui.users.browsers_why')}</p>
        {users && <BrowserList users={users} onRevoke={(browser) => void act('browser_revoke', { id: browser.id })} />}
      </Part>
      {asked?.is === 'edit' && (
        <Editor key={asked.user?.id ?? 0} user={asked.user} self={asked.user !== null && asked.user.id === users?.self} onDone={done} onClose={() => setAsked(null)} />
      )}
      {asked?.is === 'remove' && (
        <Confirm title={t('ui.users.remove', { name: asked.user.name })} text={t('ui.users.remove_why')} yes={t('ui.users.remove_yes')} danger
          onYes={() => void act('user_remove', { id: asked.user.id })} onNo={() => setAsked(null)} test="user-remove-sure" />
      )}
    </div>
  );
}
