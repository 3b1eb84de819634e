// The pages this user may open, and no other (USR-02).
import type { JSX } from 'preact';
import { t } from '../i18n/i18n';
import { useStore } from '../store/store';
import type { Session } from '../generated/types';
import { Icon } from '../ui/icon';
import { GreenupNow, InstallationNow } from './home_now';
import { pagesOf, type Page } from './registry';

function About({ page }: { page: Page }): JSX.Element {
  switch (page.id) {
    case 'installation': return <InstallationNow about={t(page.about)} />;
    case 'greenup': return <GreenupNow about={t(page.about)} />;
    default: return <span class="muted">{t(page.about)}</span>;
  }
}

export function Home({ session }: { session: Session }): JSX.Element {
  const site = useStore((state) => state.site?.name) ?? session.site;
  const pages = pagesOf(session.pages);
  return (
    <main class="page" id="main" tabIndex={-1} data-test="home-page">
      <div class="home-head">
        <p class="muted">{t('ui.home.greeting', { name: session.user.name })}</p>
        <h1>{site}</h1>
      </div>
      {pages.length === 0
        ? <div class="empty"><Icon name="clock" /><h2>{t('ui.home.empty')}</h2><p>{t('ui.home.empty_why')}</p></div>
        : (
          <nav class="tiles">
            {pages.map((page) => (
              <a key={page.id} class="card tile" href={`#/${page.id}`} data-test="tile" data-page={page.id}>
                <span class="tile-icon"><Icon name={page.icon} /></span>
                <span class="tile-text">
                  <span class="tile-title">{t(page.title)}</span>
                  <About page={page} />
                </span>
                <Icon name="next" class="tile-next" />
              </a>
            ))}
          </nav>
        )}
    </main>
  );
}
