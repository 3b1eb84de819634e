// Chooses what is on the screen. The only component that knows all pages.
import type { ComponentType, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { want } from './api/link';
import { enter } from './api/visit';
import { loadAllTexts, t, useLanguage } from './i18n/i18n';
import { Codes } from './pages/codes';
import { Home } from './pages/home';
import { Login } from './pages/login';
import { pagesOf, type Page, type PageProps } from './pages/registry';
import { useStore } from './store/store';
import type { Session } from './generated/types';
import { Banner } from './ui/banner';
import { Header } from './ui/header';
import { Icon } from './ui/icon';
import { useRoute } from './ui/route';

const Waiting = (): JSX.Element => <main class="page waiting" id="main" tabIndex={-1}><p class="muted">{t('ui.app.loading')}</p></main>;

function Unreachable({ why }: { why: 'network' | 'gateway' }): JSX.Element {
  const [busy, setBusy] = useState(false);
  const again = async (): Promise<void> => {
    setBusy(true);
    await enter();
    setBusy(false);
  };
  useEffect(() => {
    const timer = setInterval(() => void enter(), 5000);
    return () => clearInterval(timer);
  }, []);
  return (
    <div class="entrance">
      <main class="card login empty" data-test="unreachable">
        <Icon name="linkOffline" />
        <p>{t(why === 'network' ? 'ui.login.unreachable' : 'ui.login.busy')}</p>
        <button type="button" class="button primary" disabled={busy} onClick={() => void again()}>{t('ui.app.retry')}</button>
      </main>
    </div>
  );
}

// Pages are fetched when they are opened, and kept.
function Loaded({ page, rest }: { page: Page; rest: string }): JSX.Element {
  const [component, setComponent] = useState<{ of: Page; is: ComponentType<PageProps> } | null>(null);
  const [failed, setFailed] = useState(0);
  useEffect(() => {
    let current = true;
    Promise.all([page.load(), loadAllTexts()]).then(
      ([module]) => { if (current) setComponent({ of: page, is: module.default }); },
      () => { if (current) setTimeout(() => setFailed((n) => n + 1), 3000); },
    );
    return () => { current = false; };
  }, [page, failed]);
  const open = component?.of === page;
  useEffect(() => {
    if (!open) return undefined;
    document.documentElement.dataset.page = page.id; // What is open, for style sheets and tests.
    return () => { delete document.documentElement.dataset.page; };
  }, [open, page]);
  if (component?.of !== page) return <Waiting />;
  const Component = component.is;
  return <Component rest={rest} />;
}

function Inside({ session }: { session: Session }): JSX.Element {
  const route = useRoute();
  const page = pagesOf(session.pages).find((one) => one.id === route.page);
  const title = page ? t(page.title) : null;
  useEffect(() => { document.title = title === null ? 'Edgewatt' : `${title} · Edgewatt`; }, [title]);
  useEffect(() => want(['service/+/status', 'config/settings/site'], 1), []);
  // An address of a page that is not there, or not for this user, leads home.
  useEffect(() => { if (!page && route.page !== '') location.replace('#/'); }, [page, route.page]);
  return (
    <>
      <Header title={title} live />
      <Banner />
      {page ? <Loaded page={page} rest={route.rest} /> : <Home session={session} />}
    </>
  );
}

export function App(): JSX.Element {
  const visit = useStore((state) => state.visit);
  const language = useLanguage();
  switch (visit.at) {
    case 'starting': return <main class="page waiting" />;
    case 'unreachable': return <Unreachable key={language} why={visit.why} />;
    case 'login': return <Login key={visit.ended ? 'ended' : 'login'} ended={visit.ended} />;
    case 'inside': return visit.session.must_change ? <Codes /> : <Inside session={visit.session} />;
  }
}
