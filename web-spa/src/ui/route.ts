// The address behind the #: "#/installation/5" is the page `installation` and its own part "5".
import { useEffect, useState } from 'preact/hooks';

export interface Route { page: string; rest: string }

export function readRoute(hash: string): Route {
  const [page = '', ...rest] = hash.replace(/^#\/?/, '').split('/');
  return { page, rest: rest.join('/') };
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const changed = (): void => setRoute(readRoute(location.hash));
    window.addEventListener('hashchange', changed);
    return () => window.removeEventListener('hashchange', changed);
  }, []);
  return route;
}
