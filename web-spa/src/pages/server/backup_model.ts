// Backup and restore as the page judges them. Pure.
import type { BackupAnswer } from '../../generated/types';
import type { MessageKey } from '../../generated/messages';

export type Last = NonNullable<BackupAnswer['last']>;
type Backup = NonNullable<Last['backup']>;
type Row = NonNullable<Last['changes']>['rows'][number];

export const PASSPHRASE_MIN = 8;

export const ROW_NAMES: { readonly [K in Row['what']]: MessageKey } = {
  buses: 'ui.health.buses', devices: 'ui.backup.row.devices', panels: 'ui.system.panels', circuits: 'ui.system.circuits', zones: 'ui.system.zones_tab',
  tariffs: 'ui.costs.tariffs', cost_rules: 'ui.costs.rules', users: 'ui.users.title',
};

// Of a new passphrase and its repetition.
export const problemOf = (first: string, second: string): 'short' | 'differ' | null =>
  (first.length < PASSPHRASE_MIN ? 'short' : first === second ? null : 'differ');

export const holds = (backup: Backup): MessageKey[] => [
  backup.history ? 'ui.backup.holds.history' : 'ui.backup.holds.no_history',
  backup.secrets ? 'ui.backup.holds.secrets' : 'ui.backup.holds.no_secrets',
];
