// Starts the real gateway, with simulators for its buses, in a folder of its own; stops all of it by process id.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const BUILD = process.env.EDGEWATT_BUILD;
if (!BUILD) throw new Error('EDGEWATT_BUILD is not set: run through ctest');
const EXE = join(BUILD, 'bin/edgewatt');
const PATIENCE_MS = 60_000; // for what has to come; a loaded machine is slow

const PORTS = [12000, 32000];

// Whether nobody else has it, in TCP or as a lock. The lock, a UDP port, is held to the end of this process.
async function takePort(port) {
  const lock = createSocket('udp4').unref();
  const server = createServer();
  try {
    lock.bind({ port, address: '127.0.0.1', exclusive: true });
    await once(lock, 'listening');
    server.listen({ port, host: '127.0.0.1', exclusive: true });
    await once(server, 'listening');
  } catch {
    lock.close();
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}

// Ports nobody listens on now, and no other test's as long as this process lives: see free_port in tests/system/waiting.py.
export async function freePorts(count) {
  const ports = [];
  while (ports.length < count) {
    const port = randomInt(...PORTS);
    if (await takePort(port)) ports.push(port);
  }
  return ports;
}

export async function until(what, check) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const value = await check();
    if (value) return value;
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

class Program {
  constructor(args, env = {}) {
    this.lines = [];
    this.process = spawn(EXE, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.process.stdin.on('error', () => undefined); // It may end while we speak.
    this.ended = new Promise((resolve) => this.process.on('exit', (code, signal) => resolve({ code, signal })));
    for (const stream of [this.process.stdout, this.process.stderr]) {
      let begun = ''; // a line may come in pieces
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        const lines = (begun + text).split('\n');
        begun = lines.pop();
        this.lines.push(...lines.filter((line) => line !== ''));
      });
    }
  }

  get alive() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  async stop() {
    if (this.alive) this.process.kill('SIGTERM');
    const late = setTimeout(() => this.process.kill('SIGKILL'), PATIENCE_MS);
    const end = await this.ended;
    clearTimeout(late);
    return end;
  }
}

// The wall clock of one gateway alone, of all its services (tests/system/safety/clock.c).
export class Clock {
  constructor(at) {
    this.file = join(mkdtempSync(join(tmpdir(), 'edgewatt-clock-')), 'clock');
    this.env = {
      LD_PRELOAD: join(BUILD, 'tests/system/safety_clock.so'), EDGEWATT_TEST_CLOCK: this.file,
      ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:verify_asan_link_order=0`,
    };
    this.set(at);
  }

  // A Date, or null: that of the machine again.
  set(at) {
    const step = Buffer.alloc(8);
    step.writeBigInt64LE(BigInt(at === null ? 0 : Math.round((at.getTime() - Date.now()) / 1000)));
    writeFileSync(this.file, step, { flag: existsSync(this.file) ? 'r+' : 'w' }); // in place: it is mapped
  }
}

// One bus of a site served by `edgewatt simulate`.
export class Simulator {
  // `data`: the data folder whose profiles it uses too.
  constructor(folder, name, site, data, options = []) {
    this.file = join(folder, `${name}.json`);
    this.options = [...(data ? ['--data', data] : []), ...options];
    writeFileSync(this.file, JSON.stringify(site));
    this.start();
  }

  start() {
    this.program = new Program(['simulate', this.file, ...this.options]);
  }

  // One control line; its answer is awaited. The simulator answers in order, a line each.
  async tell(line) {
    await until('the simulator', () => this.program.lines.some((one) => one.startsWith('simulating')));
    const before = this.program.lines.length;
    this.program.process.stdin.write(`${line}\n`);
    const answer = await until(`an answer to "${line}"`, () => this.program.lines[before]);
    if (!answer.startsWith('ok')) throw new Error(`${line}: ${answer}`);
  }

  stop() {
    return this.program.stop();
  }
}

export class Gateway {
  // `site` is the tree of a site file. `demo` keeps the codes of the manual. `profiles` are the user's own. `prepare` is
  // called with the data folder before the start. `clock`: its wall clock is another than the machine's.
  static async start(site, { demo = true, profiles = [], prepare = null, clock = null } = {}) {
    const gateway = new Gateway();
    gateway.folder = mkdtempSync(join(tmpdir(), 'edgewatt-browser-'));
    const file = join(gateway.folder, 'site.json');
    writeFileSync(file, JSON.stringify(site));
    gateway.data = join(gateway.folder, 'data');
    if (profiles.length > 0 || prepare) mkdirSync(join(gateway.data, 'profiles'), { recursive: true, mode: 0o700 });
    for (const one of profiles) writeFileSync(join(gateway.data, 'profiles', `${one.id}.json`), JSON.stringify(one));
    prepare?.(gateway.data);
    gateway.program = new Program(['run', '--data', gateway.data, '--site', file, '--http', '0', '--mqtt', '0', '--ftp', '0', ...(demo ? ['--demo'] : ['--mqtts', 'off'])], clock?.env);
    try {
      await until('the gateway to be ready', () => {
        if (!gateway.program.alive) throw new Error(`edgewatt run ended:\n${gateway.program.lines.join('\n')}`);
        return gateway.run()?.state === 'running';
      });
    } catch (error) {
      await gateway.stop();
      throw new Error(`${error.message}\n${gateway.program.lines.slice(-40).join('\n')}`);
    }
    gateway.url = gateway.run().http.url;
    return gateway;
  }

  // What runs where, null before the first time all is ready.
  run() {
    const file = join(this.data, 'run/run.json');
    return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : null;
  }

  async stop() {
    const end = await this.program.stop();
    if (!process.env.EDGEWATT_KEEP) rmSync(this.folder, { recursive: true, force: true });
    return end;
  }
}
