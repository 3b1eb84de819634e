// How Green'Up stands: on or off, its bands, and what everybody must know.
import type { JSX } from 'preact';
import { ageWords } from '../../format/freshness';
import { reasonText, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Explain } from '../../ui/explain';
import { Notice } from '../../ui/notice';
import { BandBadge, Gauge } from './gauge';
import type { Live } from './live';
import { axisEnd, worstBand } from './model';
import { Selector } from './selector';

function ageSentence(age: number | null): string {
  if (age === null) return t('ui.age.stale');
  const words = ageWords(Math.max(age, 2000));
  return t(`ui.age.${words.key}`, { n: words.n });
}

// What stands against believing the page, or what is wrong with the charging.
export function Troubles({ live }: { live: Live }): JSX.Element {
  const { status } = live;
  return (
    <>
      {live.running === false && <Notice tone="bad" test="controller-down">{t('ui.greenup.down')}</Notice>}
      {status && live.running !== false && live.is !== 'fresh' && <Notice tone="warn" test="status-old">{t('ui.greenup.old', { age: ageSentence(live.age) })}</Notice>}
      {status && !status.meter.ok && status.on && <Notice tone="bad" test="meter-lost">{status.meter.reason ? reasonText(status.meter.reason) : t('ui.greenup.meter_lost')}</Notice>}
      {(status?.alarms ?? []).map((alarm) => <Notice key={alarm.code} tone="warn" test="greenup-alarm">{reasonText(alarm)}</Notice>)}
    </>
  );
}

function Bands({ live }: { live: Live }): JSX.Element | null {
  const meter = useStore((state) => state.devices.get(live.status?.meter.device ?? 0)?.name);
  if (!live.status) return null;
  const { phases } = live.status;
  const end = axisEnd(phases);
  return (
    <>
      <div class="gauges">{phases.map((phase) => <Gauge key={phase.phase} phase={phase} name={`L${phase.phase}`} end={end} fresh={live.is === 'fresh'} />)}</div>
      <p class="gauge-legend muted">
        <span><svg class="gauge-key" viewBox="0 0 16 8" aria-hidden="true"><rect class="gauge-base" y="2" width="16" height="5" /></svg>{t('ui.greenup.base')}</span>
        <span><svg class="gauge-key" viewBox="0 0 16 8" aria-hidden="true"><path class="gauge-booked" d="M0 2h14v5" /></svg>{t('ui.greenup.booked')}</span>
        <span><svg class="gauge-key" viewBox="0 0 16 8" aria-hidden="true"><path class="gauge-hold" d="M8 0v8" /></svg>{t('ui.greenup.hold_line')}</span>
        {meter && <span>{t('ui.greenup.measured_by', { name: meter })}</span>}
      </p>
    </>
  );
}

export function Overview({ live, compact }: { live: Live; compact?: boolean }): JSX.Element {
  const { status } = live;
  const waiting = (status?.stations ?? []).filter((one) => one.state === 'wait').length;
  const charging = (status?.stations ?? []).filter((one) => one.state === 'charge').length;
  const mode = status?.mode ?? null;
  return (
    <section class={`card overview${live.is === 'fresh' ? '' : ' overview-old'}`} data-test="overview" data-mode={mode ?? 'unknown'} data-fresh={live.is}>
      <div class="overview-head">
        <div class="overview-now">
          <h2>{t(mode === null ? 'ui.greenup.mode.unknown' : `ui.greenup.mode.${mode}`)}</h2>
          {status && mode !== 'off' && (
            <p class="overview-band">
              <Explain text={t(`ui.greenup.band.${worstBand(status.phases)}_why`)} test="band-why"><BandBadge band={worstBand(status.phases)} test="band" /></Explain>
              <span class="muted numbers">{t('ui.home.charging', { charging, waiting })}</span>
            </p>
          )}
          {mode !== null && mode !== 'run' && <p class="muted">{t(`ui.greenup.mode.${mode}_why`)}</p>}
          {mode === null && <p class="muted">{t('ui.greenup.mode.unknown_why')}</p>}
        </div>
        <Selector on={status?.on ?? null} />
      </div>
      {!compact && <Bands live={live} />}
    </section>
  );
}
