// What the running gateway says on MQTT, read as a browser reads it: every payload against its schema, and what a
// session may not read or write is refused by the broker, whatever the page does (USR-05).
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { after, before, test } from 'node:test';
import { USERS } from './users.mjs';
import { Gateway, Simulator, freePorts, until } from './gateway.mjs';
import { HEATER_OFF, MAIN, NOBODY, NO_MODEL, STATION, siteWith } from './site.mjs';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));
const require = createRequire(`${PROJECT}web-spa/package.json`);
const mqtt = require('mqtt');
const Ajv = require('ajv/dist/2020').default;

let gateway;
let simulator;

before(async () => {
  const site = siteWith(await freePorts(4));
  gateway = await Gateway.start(site);
  simulator = new Simulator(gateway.folder, 'all', { ...site, buses: site.buses.filter((bus) => bus.id < 3), devices: site.devices.filter((one) => one.profile && one.bus < 3) });
});
after(async () => {
  await simulator?.stop();
  await gateway?.stop();
});

// Session and open connection of one of the four users, without a browser.
async function connect({ pin, puk }) {
  const post = (body) => fetch(new URL('api/login', gateway.url), { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  assert.deepEqual(await (await post({ pin })).json(), { next: 'puk' });
  const answer = await post({ pin, puk });
  assert.equal(answer.status, 200);
  const cookie = answer.headers.get('set-cookie').split(';')[0];
  const session = await (await fetch(new URL('api/session', gateway.url), { headers: { cookie } })).json();
  const url = new URL('mqtt', gateway.url);
  url.protocol = 'ws:';
  const client = mqtt.connect(url.href, {
    protocolVersion: 5, username: session.mqtt.username, password: session.mqtt.password, reconnectPeriod: 0,
    wsOptions: { headers: { cookie, origin: new URL(gateway.url).origin } },
  });
  await new Promise((resolve, reject) => { client.on('connect', resolve); client.on('error', reject); });
  return { session, client, cookie };
}

function schemas() {
  const ajv = new Ajv({ strict: false, allErrors: true });
  for (const folder of ['topics', 'http']) {
    for (const file of readdirSync(`${PROJECT}schemas/${folder}`)) {
      ajv.addSchema({ ...JSON.parse(readFileSync(`${PROJECT}schemas/${folder}/${file}`, 'utf8')), $id: `file:///${folder}/${file}` });
    }
  }
  return (name) => ajv.getSchema(`file:///${name}.schema.json`);
}

const SCHEMA_OF = [
  [/^service\/[a-z]+\/status$/, 'service_status'], [/^config\/bus\/\d+$/, 'config_bus'], [/^config\/device\/\d+$/, 'config_device'],
  [/^config\/panel\/\d+$/, 'config_panel'], [/^config\/profile\/[^/]+$/, 'config_profile'], [/^config\/settings\/site$/, 'config_settings_site'],
  [/^bus\/\d+\/status$/, 'bus_status'], [/^device\/\d+\/status$/, 'device_status'], [/^device\/\d+\/measures\/[a-z]+$/, 'measures'],
  [/^device\/\d+\/charge$/, 'charge'], [/^device\/\d+\/state$/, 'state'], [/^device\/\d+\/links$/, 'links'],
];
const FILTERS = [
  'service/+/status', 'config/bus/+', 'config/device/+', 'config/panel/+', 'config/profile/+', 'config/settings/site', 'bus/+/status',
  'device/+/status', 'device/+/measures/+', 'device/+/charge', 'device/+/state',
];
const EXPECTED = [
  'service/poller/status', 'service/config/status', 'service/web/status', 'config/bus/1', `config/device/${MAIN}`, 'config/panel/5',
  'config/settings/site', 'bus/1/status', 'bus/3/status', `device/${MAIN}/status`, `device/${HEATER_OFF}/status`, `device/${NO_MODEL}/status`,
  `device/${NOBODY}/status`, `device/${MAIN}/measures/instant`, `device/${MAIN}/measures/energy`, `device/${STATION}/charge`,
];

test('every payload keeps to its schema', async () => {
  const validator = schemas();
  const { session, client } = await connect(USERS.administrator);
  const sessionSchema = validator('http/session');
  assert.ok(sessionSchema(session), JSON.stringify(sessionSchema.errors));
  const seen = new Map();
  const problems = [];
  client.on('message', (topic, payload) => {
    const name = topic.slice(session.base.length + 1);
    seen.set(name, (seen.get(name) ?? 0) + 1);
    if (payload.length === 0) return;
    const schema = SCHEMA_OF.find(([pattern]) => pattern.test(name));
    if (!schema) return void problems.push(`${name}: no schema`);
    const validate = validator(`topics/${schema[1]}`);
    if (!validate(JSON.parse(payload.toString('utf8')))) problems.push(`${name}: ${payload} ${JSON.stringify(validate.errors)}`);
  });
  const granted = await client.subscribeAsync(FILTERS.map((filter) => `${session.base}/${filter}`));
  assert.deepEqual(granted.filter((one) => one.qos > 2), []);
  await until(`topics, still missing ${EXPECTED}`, () => problems.length > 0 || EXPECTED.every((topic) => seen.has(topic)));
  await until('measures to come again', () => problems.length > 0 || seen.get(`device/${MAIN}/measures/instant`) > 3);
  assert.deepEqual(problems, []);
  await client.endAsync();
});

const code = async (promise) => {
  try {
    const result = await promise;
    return Array.isArray(result) ? Math.max(...result.map((one) => one.qos)) : result?.reasonCode ?? 0;
  } catch (error) {
    return error.code ?? 128;
  }
};

test('the broker refuses what the pages of a user do not give', async () => {
  const { session, client } = await connect(USERS.user);
  for (const filter of ['#', 'device/+/state', 'device/+/charge', 'config/#', 'alarm/../#', 'reply/web/#', 'service/#']) {
    assert.ok(await code(client.subscribeAsync(`${session.base}/${filter}`)) >= 128, filter);
  }
  assert.ok(await code(client.subscribeAsync('$CONTROL/#')) >= 128);
  for (const topic of [`device/${STATION}/setpoint`, `device/${STATION}/command`, `device/${MAIN}/status`, 'config/bus/1', 'call/config/config/change']) {
    assert.ok(await code(client.publishAsync(`${session.base}/${topic}`, '{}', { qos: 1 })) >= 128, topic);
  }
  assert.ok(await code(client.publishAsync('$CONTROL/dynamic-security/v1', '{"commands":[]}', { qos: 1 })) >= 128);
  await client.endAsync();
});

test('after logout the connection ends and its password opens nothing', async () => {
  const { session, client, cookie } = await connect(USERS.installer);
  const closed = new Promise((resolve) => client.on('close', resolve));
  const answer = await fetch(new URL('api/logout', gateway.url), { method: 'POST', headers: { cookie, 'Content-Type': 'application/json' }, body: '{}' });
  assert.equal(answer.status, 200);
  await closed;
  const { port } = gateway.run().mqtt;
  const again = mqtt.connect(`mqtt://127.0.0.1:${port}`, { protocolVersion: 5, username: session.mqtt.username, password: session.mqtt.password, reconnectPeriod: 0 });
  const result = await new Promise((resolve) => { again.on('connect', () => resolve('in')); again.on('error', (error) => resolve(error.code)); });
  again.end(true);
  assert.ok(result === 134 || result === 135, String(result));
});
