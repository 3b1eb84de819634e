// A word or a number in a frame: a property, not a state (that is StateMark).
import type { ComponentChildren, JSX } from 'preact';
import { Icon, type IconName } from './icon';

export type Tone = 'neutral' | 'accent' | 'good' | 'warn' | 'bad';

interface BadgeProps { tone?: Tone; icon?: IconName; children: ComponentChildren; test?: string }

export const Badge = ({ tone, icon, children, test }: BadgeProps): JSX.Element => (
  <span class={`badge badge-${tone ?? 'neutral'}`} data-test={test}>{icon && <Icon name={icon} />}{children}</span>
);
