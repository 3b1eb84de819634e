// Fields of forms: a label, a hint, and the error where the mistake is.
import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';
import type { Reason } from '../generated/types';
import { reasonText } from '../i18n/i18n';
import { Icon } from './icon';

// The sentence for one field of a refusal whose path ends in its name ("/changes/0/value/hysteresis_pct"), or null.
export const errorOf = (reason: Reason | null, name: string): string | null =>
  reason?.path !== undefined && `${reason.path}/`.includes(`/${name}/`) ? reasonText(reason) : null;

interface Common { label: string; hint?: string | undefined; error?: string | null | undefined; disabled?: boolean; test?: string; unit?: string }

interface FrameProps extends Common { id: string; children: ComponentChildren }

function Frame({ id, label, hint, error, unit, children }: FrameProps): JSX.Element {
  return (
    <div class={error ? 'field field-wrong' : 'field'}>
      <label for={id}>{label}</label>
      <div class={unit === undefined ? 'field-box' : 'field-box field-box-unit'}>{children}{unit !== undefined && <span class="unit field-unit">{unit}</span>}</div>
      {hint && <p id={`${id}-hint`} class="field-hint">{hint}</p>}
      {error && <p id={`${id}-error`} class="field-error" role="alert"><Icon name="stateError" />{error}</p>}
    </div>
  );
}

// What a reader is told beside the label.
const described = (id: string, { hint, error }: Common): { 'aria-describedby'?: string; 'aria-invalid'?: 'true' } => {
  const parts = [hint ? `${id}-hint` : '', error ? `${id}-error` : ''].filter((one) => one !== '').join(' ');
  return { ...(parts === '' ? {} : { 'aria-describedby': parts }), ...(error ? { 'aria-invalid': 'true' } : {}) };
};

export interface TextFieldProps extends Common {
  value: string;
  onChange: (value: string) => void;
  type?: 'text' | 'password' | 'date' | 'time' | 'email';
  inputMode?: 'decimal' | 'numeric' | 'text';
  maxLength?: number;
  placeholder?: string;
}

export function TextField(props: TextFieldProps): JSX.Element {
  const id = useId();
  const { value, onChange, type, inputMode, maxLength, placeholder, disabled, test } = props;
  return (
    <Frame {...props} id={id}>
      <input id={id} class="input" type={(type ?? 'text') as 'text'} value={value} disabled={disabled ?? false} data-test={test} autocomplete="off"
        {...(inputMode ? { inputMode } : {})} {...(maxLength ? { maxLength } : {})} {...(placeholder ? { placeholder } : {})} {...described(id, props)}
        onInput={(event) => onChange(event.currentTarget.value)} />
    </Frame>
  );
}

export interface AreaFieldProps extends Common { value: string; rows: number; onChange: (value: string) => void; placeholder?: string }

// Several lines, in letters of one width.
export function AreaField(props: AreaFieldProps): JSX.Element {
  const id = useId();
  const { value, rows, onChange, placeholder, disabled, test } = props;
  return (
    <Frame {...props} id={id}>
      <textarea id={id} class="input area" rows={rows} value={value} disabled={disabled ?? false} data-test={test} spellcheck={false} autocomplete="off" wrap="off"
        {...(placeholder ? { placeholder } : {})} {...described(id, props)} onInput={(event) => onChange(event.currentTarget.value)} />
    </Frame>
  );
}

// A number as it is typed; readNumber() of format/number tells what it is.
export const NumberField = (props: Omit<TextFieldProps, 'type' | 'inputMode'>): JSX.Element => <TextField {...props} inputMode="decimal" />;

export interface Option { value: string; label: string; disabled?: boolean }
export interface SelectFieldProps extends Common { value: string; options: readonly Option[]; onChange: (value: string) => void }

export function SelectField(props: SelectFieldProps): JSX.Element {
  const id = useId();
  const { value, options, onChange, disabled, test } = props;
  return (
    <Frame {...props} id={id}>
      <select id={id} class="input select" value={value} disabled={disabled ?? false} data-test={test} {...described(id, props)}
        onChange={(event) => onChange(event.currentTarget.value)}>
        {options.map((one) => <option key={one.value} value={one.value} disabled={one.disabled ?? false}>{one.label}</option>)}
      </select>
    </Frame>
  );
}

export interface CheckFieldProps { label: ComponentChildren; checked: boolean; onChange: (checked: boolean) => void; hint?: string; disabled?: boolean; test?: string }

export function CheckField({ label, checked, onChange, hint, disabled, test }: CheckFieldProps): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} disabled={disabled ?? false} data-test={test} onChange={(event) => onChange(event.currentTarget.checked)} />
      <span>{label}{hint && <span class="field-hint">{hint}</span>}</span>
    </label>
  );
}

// On or off at once, without a button to save.
export function Switch({ label, checked, onChange, hint, disabled, test }: CheckFieldProps): JSX.Element {
  return (
    <label class="check switch">
      <span class="switch-text">{label}{hint && <span class="field-hint">{hint}</span>}</span>
      <input type="checkbox" role="switch" checked={checked} disabled={disabled ?? false} data-test={test}
        onChange={(event) => {
          const wanted = event.currentTarget.checked;
          event.currentTarget.checked = checked; // What is shown is what the gateway says, not what was wished.
          onChange(wanted);
        }} />
    </label>
  );
}
