// The selector ON/OFF. Before ON: what stands against it, and the sentences a person must tick, a station each.
import type { JSX } from 'preact';
import { useState } from 'preact/hooks';
import { call } from '../../api/link';
import type { ControllerCheck, ControllerSwitch, Reason } from '../../generated/types';
import { reasonText, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Confirm, Dialog } from '../../ui/dialog';
import { CheckField, Switch } from '../../ui/field';
import { Notice } from '../../ui/notice';
import { placeToMend } from './model';

type Ask = { is: 'closed' } | { is: 'off' } | { is: 'asking' } | { is: 'check'; check: ControllerCheck } | { is: 'failed'; reason: Reason | null };

const tickKey = (one: { device: number; code: string }): string => `${one.device}/${one.code}`;

function DeviceName({ id }: { id: number | null }): JSX.Element {
  const name = useStore((state) => (id === null ? state.site?.name : state.devices.get(id)?.name));
  return <strong>{name ?? (id === null ? '' : `#${id}`)}</strong>;
}

// One thing that stands against ON, and the way to the place where it is mended, for who may open it.
function Against({ fact, onLeave }: { fact: ControllerCheck['against'][number]; onLeave: () => void }): JSX.Element {
  const place = placeToMend(fact.device, fact.reason.code);
  const may = useStore((state) => state.visit.at === 'inside' && state.visit.session.pages.includes(place.page));
  return (
    <li>
      <Notice tone="bad">
        <DeviceName id={fact.device} />: {reasonText(fact.reason)}
        {may && <p class="against-way"><a class="button small" href={place.href} onClick={onLeave} data-test={`mend-${fact.device ?? 'site'}`}>{t('ui.greenup.on.mend')}</a></p>}
      </Notice>
    </li>
  );
}

interface TicksProps { check: ControllerCheck; ticked: ReadonlySet<string>; toggle: (key: string, on: boolean) => void; onLeave: () => void }

function Ticks({ check, ticked, toggle, onLeave }: TicksProps): JSX.Element {
  return (
    <>
      {check.against.length > 0 && (
        <>
          <p>{t('ui.greenup.on.against')}</p>
          <ul class="against" data-test="against">
            {check.against.map((one) => <Against key={`${one.device}/${one.reason.code}`} fact={one} onLeave={onLeave} />)}
          </ul>
        </>
      )}
      {check.accept.length > 0 && (
        <>
          <p>{t('ui.greenup.on.accept')}</p>
          <ul class="accept" data-test="accept">
            {check.accept.map((one) => (
              <li key={tickKey(one)}>
                <CheckField checked={one.accepted || ticked.has(tickKey(one))} disabled={one.accepted} test={`tick-${one.device}`}
                  onChange={(on) => toggle(tickKey(one), on)} label={<><DeviceName id={one.device} />: {reasonText(one.reason)}</>} />
              </li>
            ))}
          </ul>
        </>
      )}
      {check.against.length === 0 && check.accept.length === 0 && <p>{t('ui.greenup.on.ready')}</p>}
    </>
  );
}

function OnDialog({ check, onClose, onDone }: { check: ControllerCheck; onClose: () => void; onDone: (reason: Reason | null) => void }): JSX.Element {
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const [busy, setBusy] = useState(false);
  const open = check.accept.filter((one) => !one.accepted && !ticked.has(tickKey(one)));
  const allowed = check.against.length === 0 && open.length === 0;
  const toggle = (key: string, on: boolean): void => setTicked((before) => new Set(on ? [...before, key] : [...before].filter((one) => one !== key)));
  const go = async (): Promise<void> => {
    setBusy(true);
    const accept = check.accept.filter((one) => ticked.has(tickKey(one))).map(({ device, code }) => ({ device, code }));
    const answer = await call<ControllerSwitch>('controller', 'switch', { on: true, accept });
    setBusy(false);
    if (answer.is === 'ok') onClose();
    else onDone(answer.is === 'error' ? answer.reason : null);
  };
  return (
    <Dialog title={t('ui.greenup.on.title')} onClose={onClose} test="on-dialog" actions={(
      <>
        <button type="button" class="button" onClick={onClose} data-test="no">{t('ui.app.cancel')}</button>
        <button type="button" class="button primary" disabled={!allowed || busy} onClick={() => void go()} data-test="yes">{t('ui.greenup.on.yes')}</button>
      </>
    )}><Ticks check={check} ticked={ticked} toggle={toggle} onLeave={onClose} /></Dialog>
  );
}

// `on`: what the gateway says; null: it has not said.
export function Selector({ on }: { on: boolean | null }): JSX.Element {
  const [ask, setAsk] = useState<Ask>({ is: 'closed' });
  const close = (): void => setAsk({ is: 'closed' });
  const failed = (reason: Reason | null): void => setAsk({ is: 'failed', reason });
  const wish = async (wanted: boolean): Promise<void> => {
    if (!wanted) return setAsk({ is: 'off' });
    setAsk({ is: 'asking' });
    const answer = await call<ControllerCheck>('controller', 'check', {});
    if (answer.is === 'ok') setAsk({ is: 'check', check: answer.value });
    else failed(answer.is === 'error' ? answer.reason : null);
  };
  const off = async (): Promise<void> => {
    close();
    const answer = await call<ControllerSwitch>('controller', 'switch', { on: false, accept: [] });
    if (answer.is !== 'ok') failed(answer.is === 'error' ? answer.reason : null);
  };
  return (
    <div class="selector">
      <Switch label={t('ui.greenup.selector')} checked={on === true} disabled={on === null || ask.is === 'asking'} onChange={(wanted) => void wish(wanted)} test="selector" />
      {ask.is === 'failed' && <Notice tone="bad" test="selector-failed">{ask.reason ? reasonText(ask.reason) : t('ui.app.no_answer')}</Notice>}
      {ask.is === 'off' && <Confirm title={t('ui.greenup.off.title')} text={<p>{t('ui.greenup.off.text')}</p>} yes={t('ui.greenup.off.yes')} danger onYes={() => void off()} onNo={close} test="off-dialog" />}
      {ask.is === 'check' && <OnDialog check={ask.check} onClose={close} onDone={failed} />}
    </div>
  );
}
