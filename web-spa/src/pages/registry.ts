// The pages that exist. A new page is one entry here: its tile on the home page, its address and its loading follow.
// The order is that of USR-02. A page that is not built has no entry, and so nobody is led to it.
import type { ComponentType } from 'preact';
import type { MessageKey } from '../i18n/i18n';
import type { PageId } from '../store/state';
import type { IconName } from '../ui/icon';

export interface PageProps { rest: string } // what follows the page in the address

export interface Page {
  id: PageId;
  title: MessageKey;
  about: MessageKey;
  icon: IconName;
  load: () => Promise<{ default: ComponentType<PageProps> }>;
}

export const PAGES: readonly Page[] = [
  {
    id: 'server', title: 'page.server', about: 'ui.page.server.about', icon: 'server',
    load: () => import('./server/page'),
  },
  {
    id: 'system', title: 'page.system', about: 'ui.page.system.about', icon: 'settings',
    load: () => import('./system/page'),
  },
  {
    id: 'installation', title: 'page.installation', about: 'ui.page.installation.about', icon: 'installation',
    load: () => import('./installation/page'),
  },
  {
    id: 'consumption', title: 'page.consumption', about: 'ui.page.consumption.about', icon: 'consumption',
    load: () => import('./consumption/page'),
  },
  {
    id: 'reports', title: 'page.reports', about: 'ui.page.reports.about', icon: 'download',
    load: () => import('./reports/page'),
  },
  {
    id: 'alarms', title: 'page.alarms', about: 'ui.page.alarms.about', icon: 'alarm',
    load: () => import('./alarms/page'),
  },
  {
    id: 'greenup', title: 'page.greenup', about: 'ui.page.greenup.about', icon: 'leaf',
    load: () => import('./greenup/page'),
  },
];

// What this user may open and what exists. The gateway enforces the rights; this only spares dead links.
export const pagesOf = (rights: readonly PageId[]): readonly Page[] => PAGES.filter((page) => rights.includes(page.id));
