// The export folder over FTP (REC-05): on or off and why, its password.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../../api/link';
import type { Reason, ServiceStatus } from '../../generated/types';
import { reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Switch, TextField, errorOf } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';

type Ftp = NonNullable<ServiceStatus['ftp']>;
type Change = { on: boolean } | { plain: boolean } | { password: string };
type Outcome = { is: 'done' } | { is: 'lost' } | { is: 'reason'; reason: Reason } | null;

const USER = 'wsmeasure'; // The manual's; it can't be changed.
const LENGTH = { min: 8, max: 64 };

async function change(what: Change): Promise<Outcome> {
  const answer = await call('config', 'ftp_change', what);
  return answer.is === 'ok' ? { is: 'done' } : answer.is === 'error' ? { is: 'reason', reason: answer.reason } : { is: 'lost' };
}

function Row({ name, value, test }: { name: string; value: string; test: string }): JSX.Element {
  return <div class="health-pair" data-test={test}><dt>{name}</dt><dd class="numbers">{value}</dd></div>;
}

function State({ ftp }: { ftp: Ftp }): JSX.Element {
  const [outcome, setOutcome] = useState<Outcome>(null);
  const on = ftp.state === 'on';
  const save = async (what: Change): Promise<void> => setOutcome(await change(what));
  const host = location.hostname.includes(':') ? `[${location.hostname.replace(/[[\]]/g, '')}]` : location.hostname;
  return (
    <section class="card health-card users-card" data-test="ftp-state" data-state={ftp.state}>
      <h2>{t('ui.ftp.title')}</h2>
      <p class="muted">{t('ui.ftp.about')}</p>
      <span class={`state state-${on ? 'on' : 'off'}`}><Icon name={on ? 'stateOn' : 'stateOff'} /><span>{t(`ui.ftp.state.${ftp.state}`)}</span></span>
      {!on && ftp.reason && <Notice tone="warn" test="ftp-why">{reasonText(ftp.reason)}</Notice>}
      {on && (
        <dl>
          <Row name={t('ui.ftp.address')} value={`ftp://${host}:${ftp.port}/`} test="ftp-address" />
          <Row name={t('ui.ftp.user')} value={USER} test="ftp-user" />
          <Row name={t('ui.ftp.security')} value={t(ftp.plain ? 'ui.ftp.security.both' : 'ui.ftp.security.only')} test="ftp-security" />
        </dl>
      )}
      {on && !ftp.changed && <Notice tone="warn" test="ftp-demo">{t('ui.ftp.demo', { password: USER })}</Notice>}
      <Switch label={t('ui.ftp.switch')} checked={ftp.wanted} onChange={(wanted) => void save({ on: wanted })} test="ftp-on" />
      <Switch label={t('ui.ftp.encrypted')} hint={t('ui.ftp.encrypted_why')} checked={!ftp.plain} onChange={(only) => void save({ plain: !only })} test="ftp-encrypted" />
      {outcome?.is === 'reason' && <Notice tone="bad">{reasonText(outcome.reason)}</Notice>}
      {outcome?.is === 'lost' && <Notice tone="bad">{t('ui.app.no_answer')}</Notice>}
    </section>
  );
}

function Password(): JSX.Element {
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const [tried, setTried] = useState(false);
  const [outcome, setOutcome] = useState<Outcome>(null);
  const differs = tried && password !== again;
  const save = async (): Promise<void> => {
    setTried(true);
    setOutcome(null);
    if (password !== again) return;
    const now = await change({ password });
    setOutcome(now);
    if (now?.is !== 'done') return;
    setPassword('');
    setAgain('');
    setTried(false);
  };
  const wrong = outcome?.is === 'reason' ? errorOf(outcome.reason, 'password') : null;
  return (
    <form class="card health-card users-card" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <h2>{t('ui.ftp.change')}</h2>
      <TextField label={t('ui.ftp.password')} type="password" value={password} maxLength={LENGTH.max} hint={t('ui.ftp.password_hint', LENGTH)} error={wrong}
        onChange={setPassword} test="ftp-password" />
      <TextField label={t('ui.ftp.password_again')} type="password" value={again} maxLength={LENGTH.max} error={differs ? t('ui.ftp.password_differs') : null}
        onChange={setAgain} test="ftp-again" />
      <button type="submit" class="button primary" disabled={password === ''} data-test="ftp-save">{t('ui.ftp.change')}</button>
      {outcome?.is === 'done' && <Notice tone="good" test="ftp-changed">{t('ui.ftp.changed')}</Notice>}
      {outcome?.is === 'reason' && wrong === null && <Notice tone="bad">{reasonText(outcome.reason)}</Notice>}
      {outcome?.is === 'lost' && <Notice tone="bad">{t('ui.app.no_answer')}</Notice>}
    </form>
  );
}

export function FtpPage(): JSX.Element {
  useLanguage();
  const ftp = useStore((state) => state.services.get('ftp'))?.ftp;
  return (
    <div class="users" data-test="ftp-page">
      {ftp ? <State ftp={ftp} /> : <Notice tone="warn">{t('ui.ftp.silent')}</Notice>}
      <Password />
    </div>
  );
}
