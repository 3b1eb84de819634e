// The sign of the product: a bolt crossing an edge.
import type { JSX } from 'preact';

export const Mark = (): JSX.Element => (
  <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <rect class="mark-ground" x="1" y="1" width="30" height="30" rx="8" />
    <path class="mark-bolt" d="M17.5 5.5 8.5 17.8h6.3l-1.6 8.7 10-13.2h-6.6z" />
  </svg>
);
