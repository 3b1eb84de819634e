// Where one is in a task of several steps.
import type { JSX } from 'preact';
import { Icon } from './icon';

export const Steps = ({ label, steps, current }: { label: string; steps: readonly string[]; current: number }): JSX.Element => (
  <ol class="steps" aria-label={label}>
    {steps.map((step, i) => (
      <li key={step} class={i < current ? 'step step-done' : i === current ? 'step step-now' : 'step'} aria-current={i === current ? 'step' : undefined}>
        <span class="step-mark">{i < current ? <Icon name="check" /> : i + 1}</span>
        <span class="step-name">{step}</span>
      </li>
    ))}
  </ol>
);
