// What a test of the pages stands on: a gateway with its site, what simulates its devices, a browser; all ended together, also
// when a start fails. One in a test file: what is exported here is there when the first test begins.
import { after, before } from 'node:test';
import { Browser, DESK } from './browser.mjs';
import { Gateway, Simulator } from './gateway.mjs';
import { onlyBus } from './site.mjs';

export let gateway;
export let browser;
export let simulators = [];
let usual;

// `make` gives: `site`; `buses`: ids, a simulator serves each; `simulated`: the site they serve where it is another; `user`:
// who comes in where nobody is named; the rest is for Gateway.start. `then` is done when all is there.
export function stage(make, then) {
  before(async () => {
    const { site, buses = [], simulated = site, user, ...options } = await make();
    usual = user;
    gateway = await Gateway.start(site, options);
    simulators = buses.map((bus) => new Simulator(gateway.folder, `bus${bus}`, onlyBus(simulated, bus), gateway.data));
    browser = await Browser.start();
    await then?.();
  });
  after(async () => {
    await browser?.stop();
    for (const one of simulators) await one.stop();
    await gateway?.stop();
  });
}

// Somebody who has yet to log in, and somebody who sees the home page.
export const arrive = (options = DESK) => browser.visitor(gateway.url, options);
export const inside = (options = DESK, user = usual) => browser.inside(gateway.url, options, user);
