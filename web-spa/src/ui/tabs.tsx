// The parts of a page. Each has an address of its own, so that it can be kept and "back" works.
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { Icon, type IconName } from './icon';

export interface Tab { id: string; href: string; title: string; icon?: IconName }

export function Tabs({ label, tabs, current }: { label: string; tabs: readonly Tab[]; current: string }): JSX.Element {
  const bar = useRef<HTMLElement>(null);
  // On a phone the bar scrolls: the chosen one is brought to sight.
  useEffect(() => {
    const chosen = bar.current?.querySelector<HTMLElement>('[aria-current]');
    if (bar.current && chosen) bar.current.scrollLeft = chosen.offsetLeft - (bar.current.clientWidth - chosen.clientWidth) / 2;
  }, [current]);
  return (
    <nav class="tabs" aria-label={label} ref={bar}>
      {tabs.map((tab) => (
        <a key={tab.id} class="tab" href={tab.href} aria-current={tab.id === current ? 'page' : undefined} data-test={`tab-${tab.id}`}>
          {tab.icon && <Icon name={tab.icon} />}{tab.title}
        </a>
      ))}
    </nav>
  );
}
