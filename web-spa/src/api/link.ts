// The one WebSocket: MQTT 5 over /mqtt. Asks for the session before each try, subscribes to what the open pages need,
// hands messages to the store. It never decides what to show.
import type { IClientOptions, IPublishPacket, MqttClient } from 'mqtt';
import type { CallReply, Reason, Session } from '../generated/types';
import type { CommandOutcome } from '../generated/types/charge';
import { dispatch } from '../store/store';
import type { Message } from '../store/reduce';
import * as http from './http';
import { backoffMs } from './backoff';

// The retained messages of a new connection have come when none arrived for this long (and never later than the maximum).
const QUIET_MS = 120;
const FILL_MAX_MS = 3_000;
const KEEPALIVE_S = 30;
const CONNECT_TIMEOUT_MS = 8_000;

interface Wanted { count: number; qos: 0 | 1 }

let client: MqttClient | null = null;
let base = '';
let account = '';
let running = false;
let attempt = 0;
let retryTimer: ReturnType<typeof setTimeout> | undefined;
let ended: () => void = () => undefined;
const wanted = new Map<string, Wanted>();
// While the retained messages of a new connection arrive they are collected here.
let filling: { messages: Message[]; timer: ReturnType<typeof setTimeout>; since: number } | null = null;

const randomId = (): string => {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
};

function finishFilling(): void {
  if (!filling) return;
  clearTimeout(filling.timer);
  const { messages } = filling;
  filling = null;
  dispatch({ type: 'fresh' }, ...messages, { type: 'link', link: { is: 'online' } });
}

function waitForQuiet(): void {
  if (!filling) return;
  clearTimeout(filling.timer);
  const left = filling.since + FILL_MAX_MS - performance.now();
  filling.timer = setTimeout(finishFilling, Math.max(0, Math.min(QUIET_MS, left)));
}

function onMessage(topic: string, payload: Uint8Array, packet: IPublishPacket): void {
  if (!topic.startsWith(`${base}/`)) return;
  const { retain } = packet;
  if (topic.startsWith(`${base}/reply/`)) {
    const correlation = packet.properties?.correlationData;
    if (correlation) replied(new TextDecoder().decode(correlation), new TextDecoder().decode(payload));
    return;
  }
  const message: Message = {
    type: 'mqtt', topic: topic.slice(base.length + 1), payload: new TextDecoder().decode(payload), at: performance.now(),
  };
  if (!filling) return dispatch(message);
  filling.messages.push(message);
  if (retain) waitForQuiet();
}

function subscribeAll(mqtt: MqttClient): void {
  const topics: Record<string, { qos: 0 | 1 }> = {};
  for (const [topic, { qos }] of wanted) topics[`${base}/${topic}`] = { qos };
  topics[`${base}/reply/${account}/#`] = { qos: 1 };
  mqtt.subscribe(topics, () => waitForQuiet());
}

function onConnected(mqtt: MqttClient, clock: Message | null): void {
  attempt = 0;
  filling = {
    messages: clock ? [clock] : [], since: performance.now(),
    timer: setTimeout(finishFilling, FILL_MAX_MS),
  };
  subscribeAll(mqtt);
}

function drop(): void {
  const old = client;
  client = null;
  for (const [correlation, waiting] of asked) giveUp(correlation, waiting);
  if (filling) clearTimeout(filling.timer);
  filling = null;
  old?.removeAllListeners();
  old?.on('error', () => undefined); // A late error of a connection we gave up is nobody's concern.
  old?.end(true);
}

function lost(what: 'gateway' | 'broker'): void {
  drop();
  if (!running) return;
  const wait = backoffMs(attempt++, Math.random());
  dispatch({ type: 'link', link: { is: 'offline', lost: what, retryAt: performance.now() + wait } });
  clearTimeout(retryTimer);
  retryTimer = setTimeout(() => void connect(), wait);
}

// A closed socket may mean that the session has ended: the next try asks.
async function connect(): Promise<void> {
  clearTimeout(retryTimer);
  if (!running) return;
  dispatch({ type: 'link', link: { is: 'connecting' } });
  const asked = performance.now();
  const answer = await http.session();
  if (!running) return;
  if (answer.is === 'refused') return ended();
  if (answer.is === 'unreachable') return lost('gateway');
  if (answer.is !== 'ok') return lost('broker');
  const clock: Message | null = answer.value.up_ms === undefined ? null
    : { type: 'clock', upMs: answer.value.up_ms, at: (asked + performance.now()) / 2 };
  await open(answer.value, clock);
}

async function open(session: Session, clock: Message | null): Promise<void> {
  const { default: mqttjs } = await import('mqtt');
  if (!running || client) return;
  base = session.base;
  account = session.mqtt.username;
  const options: IClientOptions = {
    protocolVersion: 5, clientId: `web-${randomId()}`, clean: true,
    username: session.mqtt.username, password: session.mqtt.password,
    keepalive: KEEPALIVE_S, connectTimeout: CONNECT_TIMEOUT_MS, reconnectPeriod: 0, resubscribe: false,
    timerVariant: 'native', // A worker made from a blob would break the content security policy.
  };
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const mqtt = mqttjs.connect(`${scheme}://${location.host}/mqtt`, options);
  client = mqtt;
  mqtt.on('connect', () => { if (client === mqtt) onConnected(mqtt, clock); });
  mqtt.on('message', (topic, payload, packet) => { if (client === mqtt) onMessage(topic, payload, packet); });
  mqtt.on('error', () => { if (client === mqtt) lost('broker'); });
  mqtt.on('close', () => { if (client === mqtt) lost('broker'); });
}

// ---- Calls: call/<account>/<service>/<method>, answered at reply/<account>/web --------------------------------------

// `lost`: no connection, or no answer in time. `error`: the service said no, and why.
export type Answer<T> = { is: 'ok'; value: T } | { is: 'error'; reason: Reason } | { is: 'lost' };

interface Waiting { settle: (answer: Answer<unknown>) => void; timer: ReturnType<typeof setTimeout> }
const asked = new Map<string, Waiting>();
const CALL_TIMEOUT_MS = 8_000;
const ORDER_EXPIRY_S = 5; // nothing runs later
const CALLS_MAX = 32;

function giveUp(correlation: string, waiting: Waiting): void {
  asked.delete(correlation);
  clearTimeout(waiting.timer);
  waiting.settle({ is: 'lost' });
}

function replied(correlation: string, text: string): void {
  const waiting = asked.get(correlation);
  if (!waiting) return;
  asked.delete(correlation);
  clearTimeout(waiting.timer);
  try {
    const reply = JSON.parse(text) as CallReply;
    waiting.settle('error' in reply ? { is: 'error', reason: reply.error } : { is: 'ok', value: reply.result });
  } catch {
    waiting.settle({ is: 'lost' });
  }
}

// Publishes a question and waits for its answer.
function ask<T>(topic: string, args: object, expiryS: number, replyTo = 'web'): Promise<Answer<T>> {
  const mqtt = client;
  if (!mqtt?.connected || asked.size >= CALLS_MAX) return Promise.resolve({ is: 'lost' });
  const correlation = randomId();
  return new Promise<Answer<T>>((resolve) => {
    const waiting: Waiting = {
      settle: (answer) => resolve(answer as Answer<T>),
      timer: setTimeout(() => giveUp(correlation, waiting), CALL_TIMEOUT_MS),
    };
    asked.set(correlation, waiting);
    mqtt.publish(`${base}/${topic}`, JSON.stringify(args), {
      qos: 1,
      properties: {
        responseTopic: `${base}/reply/${account}/${replyTo}`,
        correlationData: new TextEncoder().encode(correlation) as never, // mqtt.js types it as Node's Buffer and takes any bytes
        messageExpiryInterval: expiryS,
      },
    }, (error) => { if (error) giveUp(correlation, waiting); });
  });
}

export const call = <T>(service: string, method: string, args: object): Promise<Answer<T>> =>
  ask<T>(`call/${account}/${service}/${method}`, args, CALL_TIMEOUT_MS / 1000);

// A command to a device, answered with how it ended.
export const command = (device: number, what: object): Promise<Answer<CommandOutcome>> =>
  ask<CommandOutcome>(`device/${device}/command`, { id: randomId(), ...what }, ORDER_EXPIRY_S, 'command/web');

// The same for what nobody answers: what it led to is seen in its state. false: not sent.
export function order(device: number, what: object): Promise<boolean> {
  const mqtt = client;
  if (!mqtt?.connected) return Promise.resolve(false);
  return new Promise((resolve) => {
    mqtt.publish(`${base}/device/${device}/command`, JSON.stringify({ id: randomId(), ...what }), { qos: 1, properties: { messageExpiryInterval: ORDER_EXPIRY_S } },
      (error) => resolve(!error));
  });
}

// Topics without the base. Returns how to let go of them. QoS 1 for states (none may be missed), 0 for measures.
export function want(topics: readonly string[], qos: 0 | 1): () => void {
  const added: string[] = [];
  for (const topic of topics) {
    const known = wanted.get(topic);
    if (known) known.count++;
    else {
      wanted.set(topic, { count: 1, qos });
      added.push(topic);
    }
  }
  if (client?.connected && added.length > 0) {
    client.subscribe(Object.fromEntries(added.map((topic) => [`${base}/${topic}`, { qos }])), () => undefined);
  }
  return () => release(topics);
}

function release(topics: readonly string[]): void {
  const removed: string[] = [];
  for (const topic of topics) {
    const known = wanted.get(topic);
    if (known && --known.count === 0) {
      wanted.delete(topic);
      removed.push(`${base}/${topic}`);
    }
  }
  if (client?.connected && removed.length > 0) client.unsubscribe(removed, () => undefined);
}

// The visitor asks, or the network came back: do not wait for the timer.
export function retryNow(): void {
  if (running && !client) {
    attempt = 0;
    void connect();
  }
}

// `onEnded`: the session is no longer known to the gateway.
export function start(onEnded: () => void): void {
  ended = onEnded;
  running = true;
  attempt = 0;
  window.addEventListener('online', retryNow);
  document.addEventListener('visibilitychange', onVisible);
  void connect();
}

function onVisible(): void {
  if (document.visibilityState === 'visible') retryNow();
}

export function stop(): void {
  running = false;
  clearTimeout(retryTimer);
  window.removeEventListener('online', retryNow);
  document.removeEventListener('visibilitychange', onVisible);
  drop();
}
