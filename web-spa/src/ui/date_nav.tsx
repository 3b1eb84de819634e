// Which day, month, year or ten years: arrows, a date, and back to now.
import type { JSX } from 'preact';
import { SPANS, sameSpan, shift, spanName, startOf, type Span } from '../format/period';
import { t, useLanguage } from '../i18n/i18n';
import { Choice } from './choice';
import { Icon } from './icon';

interface DateNavProps { span: Span; date: string; today: string; onChange: (span: Span, date: string) => void; spans?: readonly Span[] }

export function DateNav({ span, date, today, onChange, spans }: DateNavProps): JSX.Element {
  const locale = useLanguage();
  const now = sameSpan(date, today, span);
  const arrow = (by: -1 | 1): JSX.Element => (
    <button type="button" class="button quiet icon-only" disabled={by === 1 && now} aria-label={t(by < 0 ? 'ui.date.earlier' : 'ui.date.later')}
      data-test={by < 0 ? 'date-back' : 'date-next'} onClick={() => {
        const next = shift(date, span, by);
        onChange(span, next > today ? today : next);
      }}><Icon name={by < 0 ? 'back' : 'next'} /></button>
  );
  return (
    <div class="date-nav">
      <Choice label={t('ui.date.span')} value={span} test="span" options={(spans ?? SPANS).map((one) => [one, t(`ui.date.${one}`)] as const)} onChange={(next) => onChange(next, date)} />
      <div class="date-nav-when">
        {arrow(-1)}
        <label class="date-nav-date">
          <span data-test="date" data-date={startOf(date, span)}>{spanName(date, span, locale)}</span>
          <input type="date" value={date} max={today} aria-label={t('ui.date.choose')} data-test="date-field"
            onChange={(event) => { if (event.currentTarget.value !== '' && event.currentTarget.value <= today) onChange(span, event.currentTarget.value); }}
            onClick={(event) => { try { event.currentTarget.showPicker(); } catch { /* older browsers open it by themselves */ } }} />
        </label>
        {arrow(1)}
        <button type="button" class="button quiet date-nav-now" disabled={now} onClick={() => onChange(span, today)} data-test="date-now">{t('ui.date.today')}</button>
      </div>
    </div>
  );
}
