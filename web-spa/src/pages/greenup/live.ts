// How much of what Green'Up says can be believed at this moment.
import { ageMs, freshness, linkUp, type Freshness } from '../../format/freshness';
import type { GreenupStatus } from '../../generated/types';
import { useStore } from '../../store/store';
import { useNow } from '../../ui/now';

const STATUS_PERIOD_MS = 5_000; // of greenup/status

export interface Live { readonly status: GreenupStatus | null; readonly is: Freshness; readonly age: number | null; readonly running: boolean | null }

// `running`: whether the controller runs; null while nobody said.
export function useLive(): Live {
  const status = useStore((state) => state.greenup);
  const offset = useStore((state) => state.clockOffset);
  const up = useStore((state) => linkUp(state.link));
  const running = useStore((state) => state.services.get('controller')?.online ?? null);
  const now = useNow();
  if (!status) return { status, is: 'none', age: null, running };
  return { status, is: freshness(status.up_ms, STATUS_PERIOD_MS, offset, now, up && running !== false, true), age: ageMs(status.up_ms, offset, now), running };
}
