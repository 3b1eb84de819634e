// Which time it is for the gateway. Pure.
import type { State } from '../store/state';

// The wall clock of the gateway, which times of services are told by; that of the browser may be wrong. `now` is on the
// clock of performance.now().
export function gatewayTime(state: Pick<State, 'services' | 'clockOffset'>, now: number, browser: number): number {
  const since = state.services.get('config')?.machine?.since;
  if (since === undefined || state.clockOffset === null) return browser;
  const at = Date.parse(since) + now - state.clockOffset;
  return Number.isFinite(at) ? at : browser;
}

// The same where history is asked for: while the gateway itself does not trust its clock, that of the browser is the better one.
export const historyTime = (state: Pick<State, 'services' | 'clockOffset'>, now: number, browser: number): number =>
  (state.services.get('recorder')?.clock === 'trusted' ? gatewayTime(state, now, browser) : browser);
