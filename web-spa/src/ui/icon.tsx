// Line icons on a 24 px grid, drawn for this app. Shapes differ as well as colours, so that colour is never needed.
import type { JSX } from 'preact';

const PATHS = {
  bolt: 'M13 3 5 13.5h6L10.5 21 19 10h-6.5z',
  meter: 'M4 15a8 8 0 1 1 16 0M12 15l4-5M4 19h16',
  station: 'M6 21V5a2 2 0 0 1 2-2h5a2 2 0 0 1 2 2v16M4 21h13M15 10h2a2 2 0 0 1 2 2v4a1.5 1.5 0 0 0 3 0V9l-3-3M11 7l-2.5 4h4L10 15',
  breaker: 'M12 3v5M12 16v5M12 16 8 9M9.5 8h5',
  pulse: 'M3 13h4l2-6 4 12 3-8 1.5 2H21',
  io: 'M4 8h10M11 5l3 3-3 3M20 16H10M13 13l-3 3 3 3',
  link: 'M10 14a4 4 0 0 1 0-5.6l3-3a4 4 0 0 1 5.7 5.7l-1.6 1.6M14 10a4 4 0 0 1 0 5.6l-3 3a4 4 0 0 1-5.7-5.7l1.6-1.6',
  bus: 'M4 12h16M7 12V7M17 12V7M12 12v5M5 4h4v3H5zM15 4h4v3h-4zM10 17h4v3h-4z',
  panel: 'M5 3h14v18H5zM9 7h6M9 11h6M12 15v2',
  device: 'M5 5h14v14H5zM9 9h6v6H9z',
  back: 'M15 5l-7 7 7 7',
  next: 'M9 5l7 7-7 7',
  home: 'M4 11.5 12 4l8 7.5M6 10v10h4.5v-5.5h3V20H18V10',
  logout: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  lock: 'M6 11h12v10H6zM8.5 11V7.5a3.5 3.5 0 0 1 7 0V11M12 15v2.5',
  globe: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3.5 9.5h17M3.5 14.5h17M12 3c-5 5-5 13 0 18M12 3c5 5 5 13 0 18',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20',
  erase: 'M9 6h11v12H9l-5-6zM12.5 10l4 4M16.5 10l-4 4',
  installation: 'M12 3 4 7v10l8 4 8-4V7zM4 7l8 4 8-4M12 11v10',
  consumption: 'M4 20V4M4 20h16M8 20v-6M12 20V9M16 20v-9',
  server: 'M4 4h16v7H4zM4 13h16v7H4zM7.5 7.5h.2M7.5 16.5h.2M11 7.5h6M11 16.5h6',
  clock: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7v5l3.5 2',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  up: 'M6 15l6-6 6 6',
  down: 'M6 9l6 6 6-6',
  sort: 'M8 10l4-4 4 4M8 14l4 4 4-4',
  first: 'M18 5l-7 7 7 7M7 5v14',
  last: 'M6 5l7 7-7 7M17 5v14',
  info: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5M12 7.8v.3',
  expand: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  shrink: 'M9 4v5H4M15 4v5h5M9 20v-5H4M15 20v-5h5',
  download: 'M12 4v11M7.5 11l4.5 4.5 4.5-4.5M4 20h16',
  edit: 'M4 20h4L19 9l-4-4L4 16zM13 7l4 4',
  add: 'M12 5v14M5 12h14',
  trash: 'M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5',
  settings: 'M4 7h9M17 7h3M4 17h3M11 17h9M15 4.5v5M9 14.5v5',
  user: 'M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20c.8-3.6 3.8-5.5 7.5-5.5s6.7 1.9 7.5 5.5',
  alarm: 'M6 17V11a6 6 0 1 1 12 0v6M4 17h16M10.5 20.5h3',
  compare: 'M7 20V10M12 20V4M17 20v-7M4 20h16',
  tag: 'M4 4h8l8 8-8 8-8-8zM8.5 8.5h.2',
  flame: 'M12 3c.5 4-4.5 6-4.5 11a4.5 4.5 0 0 0 9 0c0-2-1-3.5-1.8-4.5-.4 1.4-1.2 2-1.9 2.2C13.5 9 13.5 6 12 3z',
  drop: 'M12 3.5c3 4 5.5 7 5.5 10.5a5.5 5.5 0 0 1-11 0C6.5 10.5 9 7.5 12 3.5z',
  priority: 'M12 4l2.5 5.2 5.7.8-4.1 4 1 5.7-5.1-2.7-5.1 2.7 1-5.7-4.1-4 5.7-.8z',
  pause: 'M9 6v12M15 6v12',
  play: 'M8 5l11 7-11 7z',
  queue: 'M4 7h12M4 12h12M4 17h7M18 14l3 3-3 3',
  leaf: 'M5 19c0-9 5-14 15-14 0 10-5 15-13 13M5 20c2-5 5-8 9-9.5',
  // What a device does: it measures, tells a state, takes commands.
  measures: 'M3 13h4l2.5-7 4 13 3-9 1.2 3H21',
  tells: 'M2.5 12S6 6 12 6s9.5 6 9.5 6-3.5 6-9.5 6-9.5-6-9.5-6zM12 9.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z',
  obeys: 'M8.5 7h7a5 5 0 0 1 0 10h-7a5 5 0 0 1 0-10zM15.5 9.7a2.3 2.3 0 1 0 0 4.6 2.3 2.3 0 0 0 0-4.6z',
  // Breakers: the contact lifted, down, or thrown.
  breakerOpen: 'M12 3v5M12 16v5M12 16 7 9',
  breakerClosed: 'M12 3v18M9.5 8h5M9.5 16h5',
  breakerTripped: 'M12 3v4M12 17v4M12 17 6.5 11M15 8l-2.5 4h4L14 16',
  // States. Each has its own outline: disc, ring, triangle, octagon, dashed ring.
  stateOn: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 12.5l2.8 2.8L16 9.5',
  stateOff: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 12h8',
  stateError: 'M12 4 2.5 20h19zM12 10v4.5M12 17.2v.3',
  stateFault: 'M8.3 3h7.4L21 8.3v7.4L15.7 21H8.3L3 15.7V8.3zM12 7.5V13M12 16.2v.3',
  stateUnconfigured: 'M12 3a9 9 0 0 1 3.4.7M19 6.3a9 9 0 0 1 1.9 4M20.5 15a9 9 0 0 1-2.6 3.7M14.5 20.7a9 9 0 0 1-4.8 0M6.2 18.8A9 9 0 0 1 3.6 15M3.1 10.4a9 9 0 0 1 1.8-4M8.6 3.7A9 9 0 0 1 12 3M9.8 9.5a2.3 2.3 0 1 1 3.4 2c-.8.5-1.2 1-1.2 2M12 16.4v.3',
  stateUnknown: 'M9.2 9a3 3 0 1 1 4.5 2.6c-1.1.7-1.7 1.4-1.7 2.7M12 17.5v.3',
  linkOffline: 'M4 4l16 16M8.5 8.6A8 8 0 0 0 5.6 10.6M2.5 7.5a13 13 0 0 1 3.2-2.2M10 4.2a13 13 0 0 1 11.5 3.3M13.5 8.2a8 8 0 0 1 4.9 2.4M9 14a4.3 4.3 0 0 1 4.6-.9M12 18v.2',
  // Charging.
  vehicle: 'M4 16v-4l2-5h12l2 5v4zM4 12h16M7 16v2.5M17 16v2.5M7.5 14h.2M16.5 14h.2',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, class: extra }: { name: IconName; class?: string }): JSX.Element {
  return (
    <svg class={extra ? `icon ${extra}` : 'icon'} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}
