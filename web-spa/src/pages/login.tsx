// Login as USR-01: the PIN names the user, the PUK page follows any PIN, and only after it comes "wrong code".
import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import * as http from '../api/http';
import { enter } from '../api/visit';
import { reasonText, t } from '../i18n/i18n';
import { Icon } from '../ui/icon';
import { LanguageSelect } from '../ui/language_select';
import { Mark } from '../ui/mark';
import { PIN_LENGTH, PUK_LENGTH, onlyDigits, pukGroups } from './codes_rules';

type Step = 'pin' | 'puk';
type Note = { text: string; wait: boolean } | null;

const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9'] as const;

// One dot for each digit; a PUK is written in groups of 5, 4 and 5, as on the card it is delivered with.
function Dots({ step, count }: { step: Step; count: number }): JSX.Element {
  const groups = step === 'pin' ? [PIN_LENGTH] : pukGroups;
  let index = 0;
  return (
    <span class={`dots dots-${step}`} aria-hidden="true">
      {groups.map((size, group) => (
        <span class="dots-group" key={group}>
          {Array.from({ length: size }, () => {
            const at = index++;
            return <span key={at} class={at < count ? 'dot dot-full' : at === count ? 'dot dot-next' : 'dot'} />;
          })}
        </span>
      ))}
    </span>
  );
}

interface PadProps { disabled: boolean; ready: boolean; onDigit: (digit: string) => void; onErase: () => void; onEnter: () => void }

function Keypad({ disabled, ready, onDigit, onErase, onEnter }: PadProps): JSX.Element {
  const keep = (event: Event): void => event.preventDefault(); // The field keeps the focus.
  return (
    <div class="keypad" onPointerDown={keep}>
      {KEYS.map((key) => (
        <button type="button" key={key} class="key" disabled={disabled} onClick={() => onDigit(key)} data-test={`key-${key}`}>{key}</button>
      ))}
      <button type="button" class="key key-side" disabled={disabled} onClick={onErase} aria-label={t('ui.login.delete')}>
        <Icon name="erase" />
      </button>
      <button type="button" class="key" disabled={disabled} onClick={() => onDigit('0')} data-test="key-0">0</button>
      <button type="button" class="key key-side key-enter" disabled={disabled || !ready} onClick={onEnter} aria-label={t('ui.login.continue')}>
        <Icon name="next" />
      </button>
    </div>
  );
}

// Counts down to 0; `start` begins anew.
function useCountdown(): [number, (seconds: number) => void] {
  const [left, setLeft] = useState(0);
  useEffect(() => {
    if (left <= 0) return undefined;
    const timer = setTimeout(() => setLeft(left - 1), 1000);
    return () => clearTimeout(timer);
  }, [left]);
  return [left, setLeft];
}

export function Login({ ended }: { ended: boolean }): JSX.Element {
  const [step, setStep] = useState<Step>('pin');
  const [pin, setPin] = useState('');
  const [digits, setDigits] = useState('');
  const [busy, setBusy] = useState(false);
  const [note, setNote] = useState<Note>(ended ? { text: t('ui.login.ended'), wait: false } : null);
  const [wait, setWait] = useCountdown();
  const field = useRef<HTMLInputElement>(null);
  const length = step === 'pin' ? PIN_LENGTH : PUK_LENGTH;
  const locked = busy || wait > 0;

  // Never disabled, only read-only while the gateway thinks: a disabled field would lose the focus and the next keys.
  useEffect(() => field.current?.focus(), [step]);

  const restart = (text: string | null): void => {
    setStep('pin');
    setPin('');
    setDigits('');
    setNote(text === null ? null : { text, wait: false });
  };

  const send = async (code: string): Promise<void> => {
    setBusy(true);
    setNote(null);
    const answer = step === 'pin' ? await http.login(code) : await http.login(pin, code);
    if (answer.is === 'ok' && 'next' in answer.value) {
      setPin(code);
      setDigits('');
      setStep('puk');
    } else if (answer.is === 'ok') {
      await enter();
      return; // This page is gone now.
    } else if (answer.is === 'slow') {
      restart(null);
      setWait(answer.waitS);
    } else if (answer.is === 'refused') {
      restart(answer.reason ? reasonText(answer.reason) : t('ui.login.wrong'));
    } else {
      setDigits('');
      setNote({ text: t(answer.is === 'busy' ? 'ui.login.busy' : 'ui.login.unreachable'), wait: false });
    }
    setBusy(false);
  };

  const enterDigits = (text: string): void => {
    if (locked) return;
    const next = onlyDigits(text).slice(0, length);
    setDigits(next);
    if (next.length > 0) setNote(null);
    if (next.length === length) void send(next);
  };

  const message = wait > 0 ? t('ui.login.wait', { seconds: wait }) : note?.text ?? null;
  return (
    <div class="entrance">
      <header class="entrance-top"><LanguageSelect /></header>
      <main class="card login" data-test="login" data-step={step}>
        <div class="login-brand"><Mark /><span>Edgewatt</span></div>
        <h1 class="login-title">{t(step === 'pin' ? 'ui.login.pin' : 'ui.login.puk')}</h1>
        <p class="muted login-hint">{t(step === 'pin' ? 'ui.login.pin_hint' : 'ui.login.puk_hint')}</p>
        <form onSubmit={(event) => event.preventDefault()}>
          <label class="code">
            <span class="hidden">{t(step === 'pin' ? 'ui.login.pin' : 'ui.login.puk')}</span>
            <input ref={field} class="code-field" type="password" inputMode="none" autoComplete="off" value={digits}
              readOnly={locked} aria-describedby="login-note" data-test="code"
              onInput={(event) => {
                enterDigits(event.currentTarget.value);
                event.currentTarget.value = onlyDigits(event.currentTarget.value).slice(0, length);
              }} />
            <Dots step={step} count={digits.length} />
          </label>
          <p class="hidden" aria-live="polite">{t('ui.login.entered', { count: digits.length, total: length })}</p>
          <p id="login-note" class={message === null ? 'login-note' : 'login-note login-note-shown'} role="alert" data-test="note">
            {busy ? <span class="muted">{t('ui.login.checking')}</span> : message}
          </p>
          <Keypad disabled={locked} ready={digits.length === length} onDigit={(digit) => enterDigits(digits + digit)}
            onErase={() => setDigits(digits.slice(0, -1))} onEnter={() => { if (digits.length === length) void send(digits); }} />
        </form>
        <button type="button" class={step === 'puk' ? 'button quiet login-other' : 'button quiet login-other invisible'}
          onClick={() => restart(null)} disabled={step === 'pin' || busy}>
          <Icon name="back" />{t('ui.login.other_pin')}
        </button>
      </main>
    </div>
  );
}
