// What the alarm report shows. Pure.
import type { AlarmRow } from '../../generated/types/alarms';

export const PAGE_ROWS = 50;

export interface Question {
  readonly sort: 'at' | 'until' | 'device' | 'address' | 'type';
  readonly down: boolean;
  readonly active: boolean;
  readonly code: string;
  readonly text: string;
  readonly page: number;
}

export const FIRST: Question = { sort: 'at', down: true, active: false, code: '', text: '', page: 0 };

const TEXT_BYTES = 63; // what the call takes

function cut(text: string): string {
  let [kept, bytes] = ['', 0];
  for (const letter of text.trim()) {
    bytes += new TextEncoder().encode(letter).length;
    if (bytes > TEXT_BYTES) break;
    kept += letter;
  }
  return kept;
}

// A text longer than the call takes is cut.
export function argsOf(question: Question): object {
  const { page, text, ...rest } = question;
  return { ...rest, text: cut(text), offset: page * PAGE_ROWS, limit: PAGE_ROWS };
}

// A changed order or filter begins at the first page.
export const change = (question: Question, what: Partial<Question>): Question => ({ ...question, page: 0, ...what });

export const pagesOf = (total: number): number => Math.max(1, Math.ceil(total / PAGE_ROWS));

export type Lasting = 'active' | 'over' | 'moment';
export const lasting = (row: Pick<AlarmRow, 'at' | 'until'>): Lasting => (row.until === null ? 'active' : row.until === row.at ? 'moment' : 'over');

// A sentence as the name of a type: what varies is left open.
export const openSentence = (sentence: string): string => sentence.replace(/\{[a-z0-9_]+\}/g, '…');
