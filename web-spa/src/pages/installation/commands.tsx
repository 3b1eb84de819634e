// What a device can be told (VIEW-01, DEV-08): its outputs and how they act, its resets; each order with how it ended.
import type { JSX } from 'preact';
import { useMemo, useState } from 'preact/hooks';
import { command } from '../../api/link';
import type { ConfigDevice, Reason } from '../../generated/types';
import { readNumber } from '../../format/number';
import { lookUp, reasonText, t } from '../../i18n/i18n';
import { useStore } from '../../store/store';
import { Confirm } from '../../ui/dialog';
import { NumberField, SelectField, TextField } from '../../ui/field';
import { FormFoot } from '../../ui/form_foot';
import { Icon } from '../../ui/icon';
import { Notice } from '../../ui/notice';
import { useSave } from '../../ui/save';
import { commandsOf, labelOf, outputForm, outputSettings, outputsOf, resetsOf, type OutputForm } from './outputs';

function useCommands(device: ConfigDevice): readonly string[] | undefined {
  const profiles = useStore((state) => state.profiles);
  return useMemo(() => commandsOf(device, profiles), [device, profiles]);
}

type Ended = { is: 'idle' } | { is: 'busy' } | { is: 'done' } | { is: 'lost' } | { is: 'refused'; reason: Reason };

// Sends one order at a time and keeps how the last one ended.
export function useCommand(device: number): { ended: Ended; send: (what: object) => void } {
  const [ended, setEnded] = useState<Ended>({ is: 'idle' });
  const send = async (what: object): Promise<void> => {
    setEnded({ is: 'busy' });
    const answer = await command(device, what);
    if (answer.is === 'lost') setEnded({ is: 'lost' });
    else if (answer.is === 'error') setEnded({ is: 'refused', reason: answer.reason });
    else setEnded(answer.value.ok ? { is: 'done' } : { is: 'refused', reason: answer.value.reason ?? { code: 'command.failed', text: '' } });
  };
  return { ended, send: (what) => void send(what) };
}

export function EndedNote({ ended }: { ended: Ended }): JSX.Element | null {
  switch (ended.is) {
    case 'lost': return <Notice tone="bad" test="command-ended">{t('ui.app.no_answer')}</Notice>;
    case 'refused': return <Notice tone="bad" test="command-ended">{reasonText(ended.reason)}</Notice>;
    case 'done': return <p class="form-saved" role="status" data-test="command-ended">{t('ui.command.done')}</p>;
    default: return null;
  }
}

interface OnOffProps { label: string; now: boolean | null | undefined; busy: boolean; send: (on: boolean) => void; test: string; pulse?: boolean }

export function OnOff({ label, now, busy, send, test, pulse }: OnOffProps): JSX.Element {
  return (
    <span class="on-off" role="group" aria-label={label}>
      <button type="button" class="button" disabled={busy} aria-pressed={now === true} onClick={() => send(true)} data-test={`${test}-on`}>{t(pulse ? 'ui.command.pulse' : 'ui.state.on')}</button>
      {!pulse && <button type="button" class="button" disabled={busy} aria-pressed={now === false} onClick={() => send(false)} data-test={`${test}-off`}>{t('ui.state.off')}</button>}
    </span>
  );
}

function Settings({ device, n, onClose }: { device: ConfigDevice; n: number; onClose: () => void }): JSX.Element {
  const [form, setForm] = useState<OutputForm>(() => outputForm(device, n));
  const [tried, setTried] = useState(false);
  const { saving, save } = useSave();
  const set = (change: Partial<OutputForm>): void => setForm((before) => ({ ...before, ...change }));
  const wrong = (text: string): string | null => (tried && (readNumber(text) ?? -1) < 0 ? t('ui.greenup.problem.number') : null);
  const submit = async (): Promise<void> => {
    setTried(true);
    const value = outputSettings(device, n, form);
    if (value && (await save([{ kind: 'device', id: device.id, value }])) !== null) onClose();
  };
  return (
    <form class="output-form" noValidate onSubmit={(event) => { event.preventDefault(); void submit(); }} data-test={`output-form-${n}`}>
      <div class="fields">
        <TextField label={t('ui.output.label')} value={form.label} maxLength={40} onChange={(label) => set({ label })} test="output-label" />
        <SelectField label={t('ui.output.contact')} value={form.contact} onChange={(contact) => set({ contact: contact as OutputForm['contact'] })} test="output-contact"
          options={[{ value: 'no', label: t('ui.output.no') }, { value: 'nc', label: t('ui.output.nc') }]} />
        <SelectField label={t('ui.output.form')} value={form.form} onChange={(one) => set({ form: one as OutputForm['form'] })} test="output-form"
          options={[{ value: 'impulse', label: t('ui.output.impulse') }, { value: 'blinking', label: t('ui.output.blinking') }]} />
        <NumberField label={t('ui.output.on_s')} hint={t('ui.output.on_why')} unit="s" value={form.onS} onChange={(onS) => set({ onS })} error={wrong(form.onS)} test="output-on-s" />
      </div>
      <FormFoot saving={saving} label={t('ui.output.write')} test="output-write" />
    </form>
  );
}

// A wall screen only looks.
const useLooksOnly = (): boolean => useStore((state) => state.visit.at === 'inside' && state.visit.session.display === true);

function Output({ device, n }: { device: ConfigDevice; n: number }): JSX.Element {
  const now = useStore((state) => state.deviceStates.get(device.id)?.outputs?.[String(n)]);
  const commands = useCommands(device);
  const maySet = useStore((state) => state.visit.at === 'inside' && state.visit.session.pages.includes('system'));
  const looksOnly = useLooksOnly();
  const { ended, send } = useCommand(device.id);
  const [open, setOpen] = useState(false);
  const label = labelOf(device, 'output', n) ?? t('ui.state.output', { n });
  const form = outputForm(device, n);
  const pulse = form.form === 'impulse' && (readNumber(form.onS) ?? 0) > 0;
  return (
    <li class="output" data-test="output" data-output={n} data-now={String(now ?? 'unknown')}>
      <span class="output-name"><strong>{label}</strong><span class="muted">{now == null ? t('ui.value.none') : t(now ? 'ui.state.on' : 'ui.state.off')}{form.contact === 'nc' && ` · ${t('ui.output.nc')}`}</span></span>
      {looksOnly ? null : commands?.includes(`output_${n}`)
        ? <OnOff label={label} now={now} busy={ended.is === 'busy'} send={(on) => send({ output: n, on })} test={`output-${n}`} pulse={pulse} />
        : <span class="muted">{t('ui.command.none')}</span>}
      {maySet && <button type="button" class="button quiet icon-only" aria-expanded={open} aria-label={t('ui.output.settings', { name: label })} onClick={() => setOpen(!open)} data-test={`output-settings-${n}`}><Icon name="settings" /></button>}
      <EndedNote ended={ended} />
      {open && <Settings device={device} n={n} onClose={() => setOpen(false)} />}
    </li>
  );
}

function Reset({ device, what }: { device: ConfigDevice; what: string }): JSX.Element {
  const { ended, send } = useCommand(device.id);
  const [asked, setAsked] = useState(false);
  const label = t('ui.command.reset', { what: lookUp(`ui.command.reset.${what}`) ?? what.replace(/_/g, ' ') });
  return (
    <li class="output">
      <button type="button" class="button" disabled={ended.is === 'busy'} onClick={() => setAsked(true)} data-test={`reset-${what}`}>{label}</button>
      <EndedNote ended={ended} />
      {asked && <Confirm title={label} text={<p>{t('ui.command.reset_why')}</p>} yes={label} danger onYes={() => { setAsked(false); send({ reset: what }); }} onNo={() => setAsked(false)} />}
    </li>
  );
}

export function Commands({ device }: { device: ConfigDevice }): JSX.Element | null {
  const state = useStore((all) => all.deviceStates.get(device.id));
  const commands = useCommands(device);
  const outputs = outputsOf(state, commands);
  const resets = useLooksOnly() ? [] : resetsOf(commands);
  if (outputs.length === 0 && resets.length === 0) return null;
  return (
    <section class="card block" data-test="commands">
      <header class="block-head"><h2>{t('ui.command.title')}</h2></header>
      <ul class="outputs">
        {outputs.map((n) => <Output key={n} device={device} n={n} />)}
        {resets.map((what) => <Reset key={what} device={device} what={what} />)}
      </ul>
    </section>
  );
}
