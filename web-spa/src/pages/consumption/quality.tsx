// The weekly check of the supply by EN 50160 (PQ-01), of the power-quality device of a bus.
import type { JSX } from 'preact';
import { addDays, spanName } from '../../format/period';
import type { QualityAnswer } from '../../generated/types';
import { reasonText, t, useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { useAsk } from '../../ui/ask';
import { Badge, type Tone } from '../../ui/badge';

type Week = QualityAnswer['weeks'][number];
type Finding = Week['criteria'][number];

const TONES: { readonly [V in Finding['verdict']]: Tone } = { ok: 'good', ko: 'bad', none: 'neutral' };
const conductorName = (conductor: string): string => conductor.toUpperCase().replace('_', '-'); // L1-L2

const Verdict = ({ verdict, test }: { verdict: Finding['verdict']; test?: string }): JSX.Element => (
  <Badge tone={TONES[verdict]} {...(test ? { test } : {})}>{verdict === 'none' ? t('ui.quality.none') : verdict.toUpperCase()}</Badge>
);

// "3 of 1008 ten-minute values outside, 50 allowed": what the verdict of a criterion rests on.
function findingText(finding: Finding, marks: number): string {
  const { known, beyond, allowed, reason } = finding;
  const holes = { known: String(known), beyond: String(beyond), allowed: String(allowed), marks: String(marks) };
  return t(`ui.quality.reason.${reason === 'within' || reason === 'beyond' ? 'counts' : reason}`, holes);
}

function Criterion({ finding, marks }: { finding: Finding; marks: number }): JSX.Element {
  return (
    <li data-test={`quality-${finding.criterion}`} data-verdict={finding.verdict}>
      <Verdict verdict={finding.verdict} />
      <span>{t(`ui.quality.criterion.${finding.criterion}`)}<span class="muted quality-why">{finding.conductor !== null && `${conductorName(finding.conductor)}: `}{findingText(finding, marks)}</span></span>
    </li>
  );
}

function WeekPart({ week, title }: { week: Week; title: string }): JSX.Element {
  const locale = useLanguage();
  const day = (date: string): string => spanName(date, 'day', locale);
  return (
    <section class="card quality-week" data-test="quality-week" data-monday={week.monday} data-verdict={week.verdict}>
      <h3>{title} <Verdict verdict={week.verdict} test="quality-verdict" /></h3>
      <p class="muted">{day(week.monday)} – {day(addDays(week.monday, 6))}</p>
      <ul class="quality-list">{week.criteria.map((finding) => <Criterion key={finding.criterion} finding={finding} marks={week.marks} />)}</ul>
      {week.interrupted > 0 && <p class="muted">{t('ui.quality.interrupted', { n: String(week.interrupted) })}</p>}
    </section>
  );
}

function Weeks({ id }: { id: number }): JSX.Element | null {
  const { answer, refused } = useAsk<QualityAnswer>('quality', { device: id, weeks: 2 });
  if (!answer && !refused) return null;
  return (
    <section class="live-part" data-test="quality">
      <h2>{t('ui.quality.title')}</h2>
      {answer ? <div class="quality-weeks">{answer.weeks.map((week, i) => <WeekPart key={week.monday} week={week} title={t(i === 0 ? 'ui.quality.last' : 'ui.quality.before')} />)}</div>
        : refused && <p class="muted empty">{reasonText(refused)}</p>}
    </section>
  );
}

export function Quality({ id }: { id: number }): JSX.Element | null {
  const chosen = useStore((state) => [...state.buses.values()].some((bus) => bus.quality_device === id));
  return chosen ? <Weeks id={id} /> : null;
}
