// The few things that go over HTTP: login, session, own codes.
import type { HttpError, LoginAnswer, Reason, Session } from '../generated/types';

export type Answer<T> =
  | { is: 'ok'; value: T }
  | { is: 'refused'; reason: Reason | null; language: string | null } // 400, 401, 403: what was sent is not accepted
  | { is: 'slow'; waitS: number; reason: Reason | null } // 429
  | { is: 'busy'; reason: Reason | null }        // 5xx: the gateway is there, a part of it is not
  | { is: 'unreachable' };

const TIMEOUT_MS = 10_000;

async function send(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Response | null> {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  try {
    return await fetch(path, {
      method, cache: 'no-store', credentials: 'same-origin', signal: abort.signal,
      ...(body === undefined ? {} : { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
    });
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
  }
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

// Retry-After is a number of seconds here; a date would be somebody else's proxy: then a moment.
function waitOf(response: Response): number {
  const seconds = Number(response.headers.get('Retry-After'));
  return Number.isFinite(seconds) && seconds > 0 ? Math.ceil(seconds) : 1;
}

function answerOf<T>(status: number, parsed: unknown, waitS: number): Answer<T> {
  if (status >= 200 && status < 300) return { is: 'ok', value: parsed as T };
  const error = parsed as Partial<HttpError> | null;
  if (status === 429) return { is: 'slow', waitS, reason: error?.error ?? null };
  if (status >= 500) return { is: 'busy', reason: error?.error ?? null };
  return { is: 'refused', reason: error?.error ?? null, language: error?.language ?? null };
}

async function ask<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer<T>> {
  const response = await send(method, path, body);
  if (!response) return { is: 'unreachable' };
  return answerOf(response.status, await bodyOf(response), waitOf(response));
}

// A file of any size; `onPart` is told what part of it is sent. fetch() can't tell that.
export function upload(path: string, file: File, onPart: (part: number) => void): Promise<Answer<unknown>> {
  const request = new XMLHttpRequest();
  return new Promise((resolve) => {
    request.upload.onprogress = (event) => { if (event.lengthComputable && event.total > 0) onPart(event.loaded / event.total); };
    request.onerror = request.onabort = () => resolve({ is: 'unreachable' });
    request.onload = () => resolve(answerOf(request.status, request.response, 1));
    request.open('POST', path);
    request.responseType = 'json';
    request.setRequestHeader('Content-Type', 'application/zip');
    request.send(file);
  });
}

export const login = (pin: string, puk?: string): Promise<Answer<LoginAnswer>> =>
  ask('POST', '/api/login', puk === undefined ? { pin } : { pin, puk });

export const session = (): Promise<Answer<Session>> => ask('GET', '/api/session');

export const logout = (): Promise<Answer<unknown>> => ask('POST', '/api/logout', {});

// Ends the session and makes this browser unknown (USR-04).
export const lock = (): Promise<Answer<unknown>> => ask('POST', '/api/lock', {});

export interface Codes { pin: string; puk: string; new_pin: string; new_puk: string }

export const changeCodes = (codes: Codes): Promise<Answer<unknown>> => ask('POST', '/api/codes', codes);
