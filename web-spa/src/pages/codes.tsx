// Whoever logs in with the codes of delivery chooses other ones before anything else (USR-01).
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import * as http from '../api/http';
import { enter } from '../api/visit';
import { reasonText, t, type MessageKey } from '../i18n/i18n';
import { Header } from '../ui/header';
import { checkCodes, onlyDigits, type CodesForm, type CodesProblem } from './codes_rules';

const EMPTY: CodesForm = { pin: '', puk: '', newPin: '', newPuk: '', repeatPin: '', repeatPuk: '' };
const FIELDS: ReadonlyArray<{ name: keyof CodesForm; label: MessageKey; length: number }> = [
  { name: 'pin', label: 'ui.codes.pin', length: 5 },
  { name: 'puk', label: 'ui.codes.puk', length: 14 },
  { name: 'newPin', label: 'ui.codes.new_pin', length: 5 },
  { name: 'repeatPin', label: 'ui.codes.repeat_pin', length: 5 },
  { name: 'newPuk', label: 'ui.codes.new_puk', length: 14 },
  { name: 'repeatPuk', label: 'ui.codes.repeat_puk', length: 14 },
];

interface FieldProps { name: string; label: string; value: string; length: number; show: boolean; problem: CodesProblem | undefined; onChange: (value: string) => void }

function Field({ name, label, value, length, show, problem, onChange }: FieldProps): JSX.Element {
  const id = `codes-${name}`;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input id={id} class="input numbers" {...(show ? { type: 'text' } as const : { type: 'password' } as const)} inputMode="numeric" autoComplete="off" value={value}
        aria-invalid={problem !== undefined} aria-describedby={`${id}-note`} data-test={id}
        onInput={(event) => {
          const digits = onlyDigits(event.currentTarget.value).slice(0, length);
          event.currentTarget.value = digits;
          onChange(digits);
        }} />
      <p id={`${id}-note`} class="field-note">{problem === undefined ? '' : t(`ui.codes.${problem}`)}</p>
    </div>
  );
}

function failureText(answer: http.Answer<unknown>): string {
  switch (answer.is) {
    case 'slow': return t('ui.login.wait', { seconds: answer.waitS });
    case 'refused': return answer.reason ? reasonText(answer.reason) : t('ui.login.wrong');
    case 'busy': return answer.reason ? reasonText(answer.reason) : t('ui.login.busy');
    default: return t('ui.login.unreachable');
  }
}

export function Codes(): JSX.Element {
  const [form, setForm] = useState(EMPTY);
  const [tried, setTried] = useState(false);
  const [show, setShow] = useState(false);
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const problems = checkCodes(form);

  const save = async (): Promise<void> => {
    setTried(true);
    setFailure(null);
    if (Object.keys(problems).length > 0) return;
    setBusy(true);
    const answer = await http.changeCodes({ pin: form.pin, puk: form.puk, new_pin: form.newPin, new_puk: form.newPuk });
    if (answer.is === 'ok') await enter();
    else setFailure(failureText(answer));
    setBusy(false);
  };

  return (
    <>
      <Header title={null} live={false} />
      <main class="page narrow" id="main" tabIndex={-1} data-test="codes">
        <h1>{t('ui.codes.title')}</h1>
        <p>{t('ui.codes.why')}</p>
        <form class="card form" onSubmit={(event) => { event.preventDefault(); void save(); }}>
          {FIELDS.map(({ name, label, length }) => (
            <Field key={name} name={name} label={t(label)} value={form[name]} length={length} show={show}
              problem={tried ? problems[name] : undefined} onChange={(value) => setForm((now) => ({ ...now, [name]: value }))} />
          ))}
          <label class="check">
            <input type="checkbox" checked={show} onChange={(event) => setShow(event.currentTarget.checked)} />
            {t('ui.codes.show')}
          </label>
          <p class="muted">{t('ui.codes.keep')}</p>
          {failure !== null && <p class="form-failure" role="alert" data-test="codes-failure">{failure}</p>}
          <button type="submit" class="button primary" disabled={busy} data-test="codes-save">
            {t(busy ? 'ui.codes.saving' : 'ui.codes.save')}
          </button>
        </form>
      </main>
    </>
  );
}
