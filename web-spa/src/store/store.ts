// Holds the state, takes messages, tells the components once per animation frame.
import { useEffect, useState } from 'preact/hooks';
import { reduceAll, type Message } from './reduce';
import { EMPTY, type State } from './state';

let state: State = EMPTY;
const watchers = new Set<() => void>();
// What waits for the next frame. Topics are states: of several messages on one topic between two frames all are
// applied, but a hidden page gets no frames, so the queue is applied by a timer as well and stays bounded.
let queue: Message[] = [];
let scheduled = false;
const QUEUE_MAX = 2000;

function flush(): void {
  scheduled = false;
  if (queue.length === 0) return;
  const messages = queue;
  queue = [];
  state = reduceAll(state, messages);
  for (const watcher of [...watchers]) watcher();
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  let done = false;
  const once = (): void => {
    if (done) return;
    done = true;
    clearTimeout(timer);
    cancelAnimationFrame(frame);
    flush();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, 250);
}

export function dispatch(...messages: Message[]): void {
  for (const message of messages) queue.push(message);
  if (queue.length > QUEUE_MAX) flush();
  else schedule();
}

export const getState = (): State => state;

export function watch(watcher: () => void): () => void {
  watchers.add(watcher);
  return () => watchers.delete(watcher);
}

// Reads one slice; the component is drawn again only when that slice is another object or value. `select` must
// return something out of the state or a primitive, not a new object.
export function useStore<T>(select: (state: State) => T): T {
  const selected = select(state);
  const [, redraw] = useState(0);
  useEffect(() => {
    let last = selected;
    const check = (): void => {
      const next = select(state);
      if (Object.is(next, last)) return;
      last = next;
      redraw((n) => n + 1);
    };
    check();
    return watch(check);
  });
  return selected;
}
