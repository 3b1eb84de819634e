// What is needed to judge the readings of one device, from the store.
import { flowing } from '../../format/freshness';
import { useLanguage } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { useNow } from '../../ui/now';
import { CHARGE_GROUP } from './model';
import type { Judge } from './value';

export function useJudge(id: number, answers: boolean): Judge {
  const measures = useStore((state) => state.measures.get(id));
  const charge = useStore((state) => state.charges.get(id));
  const flows = useStore(flowing);
  const offset = useStore((state) => state.clockOffset);
  const periods = { ...measures?.periods, ...(charge?.period_ms === undefined ? {} : { [CHARGE_GROUP]: charge.period_ms }) };
  return { now: useNow(), offset, flows, answers, periods, locale: useLanguage() };
}
