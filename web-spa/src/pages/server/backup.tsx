// Server configuration: backup and restore (SYS-08). The gateway does the work; this page asks how far it is.
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { upload } from '../../api/http';
import { call } from '../../api/link';
import type { BackupAnswer, Reason } from '../../generated/types';
import { language, reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Choice } from '../../ui/choice';
import { Confirm } from '../../ui/dialog';
import { CheckField, TextField } from '../../ui/field';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { Table } from '../../ui/table';
import { useTime } from '../../ui/time';
import { PASSPHRASE_MIN, ROW_NAMES, holds, problemOf, type Last } from './backup_model';
import { showBytes } from './words';
import '../../style/backup.css';

const WATCH_MS = 700;

type Source = 'export' | 'upload';
// `lost`: the connection went, not the question: it is asked again.
type Refusal = Reason | 'lost' | null;

interface Job { answer: BackupAnswer | null; refusal: Refusal; ask: (args: object) => Promise<boolean> }

// What the gateway says of the work, asked for again while some is under way and when the link comes back.
function useJob(): Job {
  const online = useStore((state) => state.link.is === 'online');
  const [answer, setAnswer] = useState<BackupAnswer | null>(null);
  const [refusal, setRefusal] = useState<Refusal>(null);
  const ask = async (args: object): Promise<boolean> => {
    const reply = await call<BackupAnswer>('config', 'backup', args);
    if (reply.is === 'ok') setAnswer(reply.value);
    setRefusal(reply.is === 'ok' ? null : reply.is === 'lost' ? 'lost' : reply.reason);
    return reply.is === 'ok';
  };
  const running = answer?.running ?? true;
  useEffect(() => {
    if (!online) return undefined;
    let current = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const watch = async (): Promise<void> => {
      const reply = await call<BackupAnswer>('config', 'backup', { action: 'status' });
      if (!current) return;
      if (reply.is === 'ok') setAnswer(reply.value);
      timer = setTimeout(() => void watch(), WATCH_MS);
    };
    if (running) void watch();
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [online, running]);
  return { answer, refusal, ask };
}

const Refused = ({ refusal }: { refusal: Refusal }): JSX.Element | null =>
  (refusal === null ? null : <Notice tone="bad" test="backup-refused">{refusal === 'lost' ? t('ui.app.no_answer') : reasonText(refusal)}</Notice>);

function Progress({ last }: { last: Last }): JSX.Element {
  const text = t(`ui.backup.step.${last.step}`);
  const counted = last.step === 'history' || last.step === 'packing' || last.step === 'unpacking';
  return (
    <div class="backup-progress" role="status" data-test="backup-progress" data-step={last.step}>
      <span>{counted ? `${text} (${last.percent} %)` : text}</span>
      {counted ? <progress max={100} value={last.percent} aria-label={text} /> : <progress aria-label={text} />}
    </div>
  );
}

// What came of the last one. One that came to nothing says why.
function Outcome({ last }: { last: Last }): JSX.Element | null {
  const time = useTime();
  if (last.reason) {
    return (
      <Notice tone={last.kind === 'restore' ? 'warn' : 'bad'} test="backup-failed">
        {t(`ui.backup.failed.${last.kind}`)} {reasonText(last.reason)}
      </Notice>
    );
  }
  const { backup } = last;
  if (last.kind === 'restore' && backup) return <Notice tone="good" test="backup-restored">{t('ui.backup.restored', { time: time(backup.made) })}</Notice>;
  if (last.kind !== 'make' || !backup || last.at === undefined) return null;
  return (
    <Notice tone="good" test="backup-made">
      {t('ui.backup.made', { time: time(last.at), size: showBytes(backup.bytes, language()) })} {holds(backup).map((key) => t(key)).join(', ')}.
    </Notice>
  );
}

interface PassphraseProps { label: string; hint: string; value: string; error?: string | null; disabled: boolean; onChange: (value: string) => void; test: string }

const Passphrase = ({ error, ...props }: PassphraseProps): JSX.Element => <TextField {...props} type="password" maxLength={500} error={error} />;

function Make({ job, busy }: { job: Job; busy: boolean }): JSX.Element {
  const time = useTime();
  const [history, setHistory] = useState(true);
  const [plain, setPlain] = useState(false);
  const [first, setFirst] = useState('');
  const [second, setSecond] = useState('');
  const [tried, setTried] = useState(false);
  const problem = plain ? null : problemOf(first, second);
  const lies = job.answer?.export;
  const make = async (): Promise<void> => {
    setTried(true);
    if (problem !== null) return;
    if (!await job.ask({ action: 'make', history, ...(plain ? {} : { passphrase: first }) })) return;
    setFirst('');
    setSecond('');
    setTried(false);
  };
  return (
    <section class="card health-card backup-card">
      <h2>{t('ui.backup.make_title')}</h2>
      <p class="muted">{t('ui.backup.make_why')}</p>
      <form onSubmit={(event) => { event.preventDefault(); void make(); }}>
        <CheckField label={t('ui.backup.history')} hint={t('ui.backup.history_hint')} checked={history} disabled={busy} onChange={setHistory} test="backup-history" />
        <CheckField label={t('ui.backup.without_secrets')} hint={t('ui.backup.without_secrets_hint')} checked={plain} disabled={busy} onChange={setPlain} test="backup-plain" />
        {!plain && (
          <>
            <Passphrase label={t('ui.backup.passphrase')} hint={t('ui.backup.passphrase_hint')} value={first} disabled={busy} onChange={setFirst} test="backup-passphrase"
              error={tried && problem === 'short' ? t('ui.backup.short') : null} />
            <Passphrase label={t('ui.backup.again')} hint="" value={second} disabled={busy} onChange={setSecond} test="backup-again"
              error={tried && problem === 'differ' ? t('ui.backup.differ') : null} />
          </>
        )}
        <button type="submit" class="button primary" disabled={busy} data-test="backup-make">{t('ui.backup.make')}</button>
      </form>
      <p class="backup-lies" data-test="backup-lies">
        {lies ? t('ui.backup.lies', { size: showBytes(lies.bytes, language()), time: time(lies.at) }) : t('ui.backup.none')}
        {lies && !busy && <a class="button small" href="/api/backup" download="database.zip" data-test="backup-download"><Icon name="download" />{t('ui.backup.download')}</a>}
      </p>
    </section>
  );
}

// What the check found, and the question.
function Seen({ last, onRestore, busy }: { last: Last; onRestore: () => void; busy: boolean }): JSX.Element | null {
  const time = useTime();
  const { backup, changes } = last;
  if (!backup || !changes) return null;
  const number = (value: number): string => (value < 0 ? '–' : String(value));
  return (
    <div class="backup-seen" data-test="backup-seen">
      <h3>{t('ui.backup.seen')}</h3>
      <p>{t('ui.backup.from', { name: backup.site_name, id: backup.site_id, time: time(backup.made), version: backup.version })}</p>
      {changes.site_id !== '' && changes.site_id !== backup.site_id && <Notice tone="warn" test="backup-other-site">{t('ui.backup.other_site', { now: changes.site_id })}</Notice>}
      <Table caption={t('ui.backup.seen')} rows={changes.rows.filter((row) => row.now !== 0 || row.then !== 0)} rowKey={(row) => row.what} test="backup-rows" columns={[
        { key: 'what', title: t('ui.backup.what'), main: true, cell: (row) => t(ROW_NAMES[row.what]) },
        { key: 'now', title: t('ui.backup.now'), numeric: true, cell: (row) => <span class="numbers">{number(row.now)}</span> },
        { key: 'then', title: t('ui.backup.then'), numeric: true, cell: (row) => <span class="numbers">{number(row.then)}</span> },
      ]} />
      <ul class="backup-words">
        <li>{t(backup.history ? 'ui.backup.history_replaced' : 'ui.backup.history_stays')}</li>
        <li>{t(changes.users_replaced ? 'ui.backup.users_replaced' : 'ui.backup.users_stay')}</li>
      </ul>
      {changes.users_replaced
        ? <Notice tone="good" test="backup-authentic">{t('ui.backup.authentic')}</Notice>
        : <Notice tone="warn" test="backup-not-authentic">{t('ui.backup.not_authentic')}</Notice>}
      <button type="button" class="button danger" disabled={busy} onClick={onRestore} data-test="backup-restore">{t('ui.backup.restore')}</button>
    </div>
  );
}

function FileField({ disabled, onChoose }: { disabled: boolean; onChoose: (file: File | null) => void }): JSX.Element {
  return (
    <label class="backup-file">
      <span>{t('ui.backup.file')}</span>
      <input type="file" accept=".zip,application/zip" disabled={disabled} data-test="backup-file" onChange={(event) => onChoose(event.currentTarget.files?.[0] ?? null)} />
    </label>
  );
}

function Restore({ job, busy }: { job: Job; busy: boolean }): JSX.Element {
  const [source, setSource] = useState<Source>('export');
  const [file, setFile] = useState<File | null>(null);
  const [passphrase, setPassphrase] = useState('');
  const [sent, setSent] = useState<number | null>(null); // percent of the upload under way
  const [failure, setFailure] = useState<Refusal>(null);
  const [asked, setAsked] = useState(false);
  const checked = useRef(''); // the passphrase that was checked, until the answer
  const last = job.answer?.last ?? null;
  const off = busy || sent !== null;
  const send = async (): Promise<boolean> => {
    if (file === null) return false;
    setSent(0);
    const answer = await upload('/api/upload', file, (part) => setSent(Math.floor(part * 100)));
    setSent(null);
    if (answer.is === 'ok') return true;
    setFailure(answer.is === 'unreachable' || answer.reason === null ? 'lost' : answer.reason);
    return false;
  };
  const check = async (): Promise<void> => {
    setFailure(null);
    if (source === 'upload' && !await send()) return;
    checked.current = passphrase;
    await job.ask({ action: 'check', upload: source === 'upload', ...(passphrase === '' ? {} : { passphrase }) });
  };
  const restore = async (): Promise<void> => {
    setAsked(false);
    const backup = last?.backup;
    if (!backup) return;
    const { current } = checked;
    await job.ask({ action: 'restore', upload: backup.upload, sum: backup.sum, ...(last.changes?.users_replaced ? { passphrase: current } : {}) });
    checked.current = '';
    setPassphrase('');
  };
  const ready = source === 'upload' ? file !== null : Boolean(job.answer?.export);
  const seen = last?.kind === 'check' && last.done && !last.reason && !off ? last : null;
  return (
    <section class="card health-card backup-card">
      <h2>{t('ui.backup.restore_title')}</h2>
      <p class="muted">{t('ui.backup.restore_why')}</p>
      <Choice label={t('ui.backup.source')} value={source} onChange={setSource} disabled={off} test="backup-source"
        options={[['export', t('ui.backup.source.export')], ['upload', t('ui.backup.source.upload')]]} />
      {source === 'upload' && <FileField disabled={off} onChoose={setFile} />}
      <form onSubmit={(event) => { event.preventDefault(); void check(); }}>
        <Passphrase label={t('ui.backup.passphrase_of')} hint={t('ui.backup.passphrase_of_hint')} value={passphrase} disabled={off} onChange={setPassphrase} test="backup-passphrase-of"
          error={passphrase !== '' && passphrase.length < PASSPHRASE_MIN ? t('ui.backup.short') : null} />
        <button type="submit" class="button" disabled={off || !ready} data-test="backup-check">{t('ui.backup.check')}</button>
      </form>
      {sent !== null && (
        <div class="backup-progress" role="status" data-test="backup-sending">
          <span>{t('ui.backup.sending', { percent: sent })}</span><progress max={100} value={sent} aria-label={t('ui.backup.sending', { percent: sent })} />
        </div>
      )}
      {failure !== null && <Notice tone="bad" test="backup-upload-failed">{failure === 'lost' ? t('ui.backup.sent_not') : reasonText(failure)}</Notice>}
      {seen && <Seen last={seen} busy={off} onRestore={() => setAsked(true)} />}
      {asked && (
        <Confirm title={t('ui.backup.restore_title')} text={t('ui.backup.sure_why')} yes={t('ui.backup.restore')} danger onYes={() => void restore()} onNo={() => setAsked(false)}
          test="backup-sure" />
      )}
    </section>
  );
}

export function BackupPage(): JSX.Element {
  useLanguage();
  const job = useJob();
  const last = job.answer?.last ?? null;
  const busy = job.answer === null || job.answer.running;
  // While the services restart nobody can be asked.
  const away = useStore((state) => state.link.is !== 'online') && last?.kind === 'restore';
  return (
    <div class="backup" data-test="backup-page">
      <Refused refusal={job.refusal} />
      {last && job.answer?.running && <Progress last={away ? { ...last, step: 'replacing' } : last} />}
      {last && !job.answer?.running && <Outcome last={last} />}
      <Make job={job} busy={busy} />
      <Restore job={job} busy={busy} />
    </div>
  );
}
