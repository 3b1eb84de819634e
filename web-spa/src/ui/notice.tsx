// A sentence that must be read where it stands.
import type { ComponentChildren, JSX } from 'preact';
import { Icon, type IconName } from './icon';
import type { Tone } from './badge';

const ICONS: { readonly [T in Tone]: IconName } = { neutral: 'info', accent: 'info', good: 'stateOn', warn: 'stateError', bad: 'stateFault' };

interface NoticeProps { tone: Tone; children: ComponentChildren; test?: string }

export const Notice = ({ tone, children, test }: NoticeProps): JSX.Element => (
  <div class={`notice notice-${tone}`} role={tone === 'bad' || tone === 'warn' ? 'alert' : 'status'} data-test={test}>
    <Icon name={ICONS[tone]} /><div class="notice-text">{children}</div>
  </div>
);
