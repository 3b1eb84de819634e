// Moments as the pages show them: in the time zone of the site, in the language of the page.
import { showTime } from '../format/time';
import { useLanguage } from '../i18n/i18n';
import { useStore } from '../store/store';

// A dash for what has no time, or one of a clock that was never set.
export function useTime(): (at: string | null) => string {
  const locale = useLanguage();
  const zone = useStore((state) => state.site?.tz);
  return (at) => (at === null ? '–' : showTime(at, locale, zone, new Date()) ?? '–');
}
