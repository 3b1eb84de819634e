// One of a few: a segmented control.
import type { JSX } from 'preact';

export interface ChoiceProps<T extends string> {
  label: string;
  value: T;
  options: ReadonlyArray<readonly [T, string]>;
  onChange: (value: T) => void;
  test?: string; // each button is marked `${test}-${value}`
  disabled?: boolean;
}

export function Choice<T extends string>({ label, value, options, onChange, test, disabled }: ChoiceProps<T>): JSX.Element {
  return (
    <div class="choice" role="group" aria-label={label}>
      {options.map(([one, text]) => (
        <button type="button" key={one} aria-pressed={value === one} disabled={disabled ?? false} onClick={() => onChange(one)}
          {...(test ? { 'data-test': `${test}-${one}` } : {})}>{text}</button>
      ))}
    </div>
  );
}
