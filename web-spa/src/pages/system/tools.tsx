// Test and scan of a bus, where its result is read: beside the button.
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { call, want } from '../../api/link';
import { formatNumber } from '../../format/number';
import { quantity } from '../../format/quantity';
import type { BusScan, ConfigDevice, Reason, TestResult } from '../../generated/types';
import { language, lookUp, reasonText, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Badge } from '../../ui/badge';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { hrefOf, type Find } from './model';

const AGAIN = 4;
const AGAIN_MS = 600;
const NOT_YET = new Set(['tool.no_device', 'inlet.no_bus']); // what was saved a moment ago reaches the poller a moment later

// Names and numbers as this reader writes them.
function words(reason: Reason): string {
  const params: Record<string, unknown> = { ...reason.params };
  if (typeof params.quantity === 'string') {
    const { base, phase } = quantity(params.quantity);
    params.quantity = `${lookUp(`quantity.${base}`) ?? params.quantity}${phase === 'total' ? '' : ` ${phase.toUpperCase()}`}`;
  }
  const value = /^(-?\d+(?:\.\d+)?)( .*)?$/.exec(String(params.value ?? ''));
  if (value) params.value = `${formatNumber(Number(value[1]), (value[1]!.split('.')[1] ?? '').length > 0 ? 2 : 0, language())}${value[2] ?? ''}`;
  return reasonText({ ...reason, params } as Reason);
}

type Result = { is: 'idle' } | { is: 'busy' } | { is: 'lost' } | { is: 'error'; reason: Reason } | { is: 'said'; said: TestResult };

async function ask(args: object): Promise<Result> {
  for (let n = 0; ; n++) {
    const answer = await call<TestResult>('poller', 'test', args);
    const code = answer.is === 'error' ? answer.reason.code : answer.is === 'ok' ? answer.value.reason.code : '';
    if (NOT_YET.has(code) && n < AGAIN) {
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      continue;
    }
    return answer.is === 'ok' ? { is: 'said', said: answer.value } : answer.is === 'lost' ? { is: 'lost' } : { is: 'error', reason: answer.reason };
  }
}

// `of`: {bus} or {device}.
export function Test({ of }: { of: object }): JSX.Element {
  const [result, setResult] = useState<Result>({ is: 'idle' });
  const run = async (): Promise<void> => {
    setResult({ is: 'busy' });
    setResult(await ask(of));
  };
  return (
    <div class="tool">
      <button type="button" class="button" disabled={result.is === 'busy'} onClick={() => void run()} data-test="test"><Icon name="bolt" />{t(result.is === 'busy' ? 'ui.system.testing' : 'ui.system.test')}</button>
      {result.is === 'said' && (
        <Notice tone={result.said.ok ? 'good' : 'bad'} test="test-result">
          <p data-code={result.said.reason.code}>{words(result.said.reason)}</p>
          {result.said.advice && <p class="tool-advice" data-code={result.said.advice.code}>{reasonText(result.said.advice)}</p>}
        </Notice>
      )}
      {result.is === 'error' && <Notice tone="bad" test="test-result">{reasonText(result.reason)}</Notice>}
      {result.is === 'lost' && <Notice tone="bad" test="test-result">{t('ui.app.no_answer')}</Notice>}
    </div>
  );
}

// ---- Scan ---------------------------------------------------------------------------------------------------------------

function Guess({ bus, find, device }: { bus: number; find: Find; device: ConfigDevice | undefined }): JSX.Element {
  const [chosen, setChosen] = useState(0);
  if (device) return <a class="button small" href={hrefOf('devices', device.id)}>{device.name}</a>;
  if (!find.guessed) return <span class="muted">{t('ui.system.scan.guessing')}</span>;
  const guess = find.guesses[chosen];
  return (
    <span class="find-guess">
      {find.guesses.length > 1 && (
        <select class="input select" value={String(chosen)} aria-label={t('ui.system.model')} onChange={(event) => setChosen(Number(event.currentTarget.value))} data-test="guess">
          {find.guesses.map((one, at) => <option key={one.profile} value={String(at)}>{`${one.family} ${one.model}`}</option>)}
        </select>
      )}
      {find.guesses.length === 1 && <span data-test="guess">{`${guess!.family} ${guess!.model}`}</span>}
      {guess ? <Badge tone={guess.sure === 'possible' ? 'neutral' : 'good'}>{t(`ui.system.scan.sure.${guess.sure}`)}</Badge> : <span class="muted">{t('ui.system.scan.no_guess')}</span>}
      <a class="button small" href={hrefOf('devices', 'new', bus, find.unit, guess?.profile ?? '')} data-test="add-find"><Icon name="add" />{t('ui.system.scan.add')}</a>
    </span>
  );
}

function FindLine({ bus, find }: { bus: number; find: Find }): JSX.Element {
  const device = useStore((state) => (find.device === undefined ? undefined : state.devices.get(find.device)));
  return (
    <li class="find" data-test="find" data-unit={find.unit}>
      <span class="find-unit numbers">{find.unit}</span>
      <span class="find-text">
        {find.answer === 'disturbed' ? t('ui.system.scan.disturbed') : t('ui.system.scan.answers', { ms: Math.max(1, Math.round(find.ms)) })}
      </span>
      <Guess bus={bus} find={find} device={device} />
    </li>
  );
}

function Progress({ scan }: { scan: BusScan }): JSX.Element {
  const share = scan.total > 0 ? Math.floor((scan.done * 100) / scan.total) : 0;
  return (
    <div class="scan-progress" role="status">
      <progress value={scan.done} max={Math.max(1, scan.total)} aria-label={t('ui.system.scan.title')} />
      <span class="numbers muted">{t(scan.pass === 'full' ? 'ui.system.scan.full' : 'ui.system.scan.quick', { share })}</span>
    </div>
  );
}

export function Scan({ bus }: { bus: number }): JSX.Element {
  const scan = useStore((state) => state.scans.get(bus));
  const [refused, setRefused] = useState<string | null>(null);
  useEffect(() => want([`bus/${bus}/scan`], 1), [bus]);
  const tell = async (action: 'start' | 'stop'): Promise<void> => {
    const answer = await call('poller', 'scan', { bus, action });
    setRefused(answer.is === 'ok' ? null : answer.is === 'lost' ? t('ui.app.no_answer') : reasonText(answer.reason));
  };
  const runs = scan?.state === 'running';
  return (
    <section class="card system-part" data-test="scan" data-state={scan?.state ?? 'none'}>
      <header class="part-head">
        <h2>{t('ui.system.scan.title')}</h2>
        <button type="button" class="button" onClick={() => void tell(runs ? 'stop' : 'start')} data-test={runs ? 'scan-stop' : 'scan-start'}>
          <Icon name={runs ? 'pause' : 'search'} />{t(runs ? 'ui.system.scan.stop' : 'ui.system.scan.start')}
        </button>
      </header>
      <p class="muted">{t('ui.system.scan.about')}</p>
      {refused !== null && <Notice tone="bad" test="scan-refused">{refused}</Notice>}
      {scan && runs && <Progress scan={scan} />}
      {scan?.state === 'failed' && scan.reason && <Notice tone="bad">{reasonText(scan.reason)}</Notice>}
      {scan && scan.finds.length > 0 && <ul class="finds">{scan.finds.map((find) => <FindLine key={find.unit} bus={bus} find={find} />)}</ul>}
      {scan && !runs && scan.state !== 'failed' && <p class="muted" data-test="scan-end">{t(scan.state === 'stopped' ? 'ui.system.scan.stopped' : 'ui.system.scan.done', { count: scan.finds.length })}</p>}
    </section>
  );
}
