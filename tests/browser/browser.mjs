// A real browser, and what a person does in it. Reads the screen by data-test marks, so that texts may change.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { BUILD } from './gateway.mjs';

export { USERS } from './users.mjs';

export const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, hasTouch: true, isMobile: true };
export const DESK = { viewport: { width: 1360, height: 850 } };
const SHOTS = join(BUILD, 'screenshots');
const PATIENCE_MS = 60_000;

export const mark = (name) => `[data-test="${name}"]`;

export class Browser {
  static async start() {
    mkdirSync(SHOTS, { recursive: true });
    const browser = new Browser();
    browser.chromium = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    });
    return browser;
  }

  // A visitor: own cookies, own session. `complaints` gathers what must not happen.
  async visitor(url, options = DESK) {
    const context = await this.chromium.newContext({ locale: 'en-GB', timezoneId: 'Asia/Tokyo', ...options });
    context.setDefaultTimeout(PATIENCE_MS);
    const page = await context.newPage();
    return new Visitor(context, page, url);
  }

  // Somebody who is logged in and sees the home page.
  async inside(url, options, user) {
    const visitor = await this.visitor(url, options);
    await visitor.comeIn(user);
    await visitor.home();
    return visitor;
  }

  stop() {
    return this.chromium.close();
  }
}

export class Visitor {
  constructor(context, page, url) {
    Object.assign(this, { context, page, url, complaints: [] });
    page.on('pageerror', (error) => this.complaints.push(`error: ${error}`));
    page.on('console', (message) => {
      // The browser itself notes every 4xx and 5xx, and what is sent in the moment in which the other side hangs up; the
      // app expects and shows them.
      if (message.type() === 'error' && !/Failed to load resource|WebSocket connection to|WebSocket is already in CLOSING/.test(message.text())) this.complaints.push(message.text());
    });
  }

  get = (name) => this.page.locator(mark(name));

  wait = (selector) => this.page.waitForSelector(selector, { state: 'attached' });

  async open() {
    await this.page.goto(this.url);
    await this.wait(mark('login'));
  }

  async step(name) {
    await this.wait(`${mark('login')}[data-step="${name}"]`);
  }

  async type(digits) {
    await this.get('code').focus();
    await this.page.keyboard.type(digits);
  }

  // With the fingers on the keypad, as on a phone.
  async press(digits) {
    for (const digit of digits) await this.get(`key-${digit}`).click();
  }

  async login({ pin, puk }) {
    await this.open();
    await this.step('pin');
    await this.type(pin);
    await this.step('puk');
    await this.type(puk);
  }

  // As a patient person, who waits and types again: wrong tries of others may have slowed this address down, a part of
  // the gateway may just be starting.
  async comeIn(codes) {
    await this.open();
    const inside = `${mark('home-page')}, ${mark('codes')}`;
    for (;;) {
      await this.wait(`${mark('key-1')}:not(:disabled), ${inside}`);
      if (await this.get('login').count() === 0) return;
      const step = await this.get('login').getAttribute('data-step');
      await this.type(codes[step]);
      const other = step === 'pin' ? 'puk' : 'pin';
      await this.wait(`${mark('login')}[data-step="${other}"], .login-note-shown, ${inside}`);
    }
  }

  async home() {
    await this.wait(mark('home-page'));
    await this.wait('[data-link="online"], [data-link="paused"]');
  }

  async language(tag) {
    await this.get('language').selectOption(tag);
    await this.wait(`html[lang="${tag}"]`);
  }

  async installation(id) {
    await this.page.goto(`${this.url}#/installation${id === undefined ? '' : `/${id}`}`);
    await this.wait(mark('installation'));
    if (id !== undefined) await this.wait(`${mark('device-page')}[data-device="${id}"]`);
  }

  tiles() {
    return this.get('tile').evaluateAll((all) => all.map((one) => one.dataset.page));
  }

  // In CSS pixels: how much wider the page is than the window.
  overflow() {
    return this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }

  shot(name) {
    return this.page.screenshot({ path: join(SHOTS, `${name}.png`) });
  }

  leave() {
    return this.context.close();
  }
}
