// Coming in, staying and going: the life of a session in this tab.
import { startLanguage } from '../i18n/i18n';
import { dispatch, getState } from '../store/store';
import * as http from './http';
import * as link from './link';

const browserLanguages = (): string[] => [...navigator.languages];

// While somebody uses the page the session must not run out; asking for it is what counts as use.
let lastTouch = 0;
let lastAsked = 0;
const touch = (): void => { lastTouch = Date.now(); };
for (const event of ['pointerdown', 'keydown', 'scroll'] as const) {
  window.addEventListener(event, touch, { passive: true, capture: true });
}

setInterval(() => {
  const { visit } = getState();
  if (visit.at !== 'inside') return;
  const every = Math.max(30_000, visit.session.idle_s * 1000 / 6);
  if (lastTouch <= lastAsked || Date.now() - lastAsked < every) return;
  lastAsked = Date.now();
  void http.session().then((answer) => { if (answer.is === 'refused') leave(true); });
}, 15_000);

function leave(ended: boolean): void {
  link.stop();
  dispatch({ type: 'visit', visit: { at: 'login', ended } });
}

// The first thing the page does, and again after login, after changed codes and on "try again".
export async function enter(): Promise<void> {
  const answer = await http.session();
  lastAsked = Date.now();
  if (answer.is === 'refused') {
    await startLanguage(answer.language === null ? browserLanguages() : [answer.language]);
    return leave(false);
  }
  if (answer.is !== 'ok') {
    await startLanguage(browserLanguages());
    dispatch({ type: 'visit', visit: { at: 'unreachable', why: answer.is === 'unreachable' ? 'network' : 'gateway' } });
    return;
  }
  await startLanguage([answer.value.language]);
  dispatch({ type: 'visit', visit: { at: 'inside', session: answer.value } });
  if (!answer.value.must_change) link.start(() => leave(true));
}

// false: the gateway could not be told; the session goes on, and it would be wrong to say otherwise. `lock`: the next
// time this browser asks for PIN and PUK.
export async function goOut(lock: boolean): Promise<boolean> {
  const answer = await (lock ? http.lock() : http.logout());
  if (answer.is !== 'ok' && answer.is !== 'refused') return false;
  leave(false);
  return true;
}
