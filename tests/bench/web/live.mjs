// What a page costs a browser while 255 devices report every second: the main thread over a minute (CDP tracing), the heap
// after garbage collection at 2 and at 10 minutes. A real `edgewatt run`, one `edgewatt simulate`, Chromium.
//
//     EDGEWATT_BUILD=build/release node tests/bench/web/live.mjs [--seconds 60] [--heap 10] [--only NAME,...]
//
// Promised on every page: scripting and rendering below 25 % of the main thread; the heap at 10 min within 5 % of that at
// 2 min. Prints; exit code 1 when a promise is broken. Needs a release build and the packages of tests/browser.
import { Browser, DESK, USERS, mark } from '../../browser/browser.mjs';
import { Gateway, Simulator, freePorts } from '../../browser/gateway.mjs';

const DEVICES = 255;
const PER_BUS = 32;
const MODELS = ['eastron-sdm630', 'legrand-emdx3-412045', 'schneider-iem3155', 'carlo-gavazzi-em340'];
const PAGES = { home: '', installation: 'installation', device: 'installation/1000', consumption: 'consumption/total', details: 'consumption/details', alarms: 'alarms' };
const READY = { home: mark('home-page'), installation: mark('device'), device: `${mark('block')} [data-fresh="fresh"]`, consumption: mark('consumption'), details: `${mark('block')} [data-fresh="fresh"]`, alarms: mark('alarms') };
const SCRIPT = new Set(['FunctionCall', 'EvaluateScript', 'v8.run', 'V8.Execute', 'TimerFire', 'FireAnimationFrame', 'EventDispatch', 'RunMicrotasks', 'MinorGC', 'MajorGC', 'V8.GCScavenger', 'V8.GCIncrementalMarking']);
const RENDER = new Set(['UpdateLayoutTree', 'Layout', 'PrePaint', 'Paint', 'Layerize', 'Commit', 'UpdateLayer', 'HitTest', 'IntersectionObserverController::computeIntersections']);
const MOST = 0.25;
const HEAP_DRIFT = 0.05;

function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at > 0 ? process.argv[at + 1] : fallback;
}
const seconds = Number(option('seconds', '60'));
const heapMinutes = Number(option('heap', '10'));
const only = option('only', Object.keys(PAGES).join()).split(',');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function siteOf(ports) {
  const devices = Array.from({ length: DEVICES }, (_, i) => ({
    id: 1000 + i, bus: 1 + Math.floor(i / PER_BUS), name: `Meter ${i + 1}`, profile: MODELS[i % MODELS.length], unit: 1 + (i % PER_BUS), on: true,
  }));
  return {
    version: 1, rev: 1, next_id: 2000, site: { id: 'bench', name: 'Bench', tz: 'Europe/Paris', language: 'en', nominal_voltage: 230, currency: 'EUR' },
    sampling: { interval_min: 1 },
    buses: ports.map((port, i) => ({ id: 1 + i, name: `Bus ${i + 1}`, type: 'tcp', address: '127.0.0.1', port, on: true, poll_ms: 1000 })),
    devices,
  };
}

// Time in which at least one of the events ran, in microseconds: nested ones count once.
function union(events, field, stamp) {
  const sorted = events.filter((one) => one.ph === 'X' && one[field] > 0).sort((a, b) => a[stamp] - b[stamp]);
  let [sum, end] = [0, -Infinity];
  for (const one of sorted) {
    const stop = one[stamp] + one[field];
    if (stop <= end) continue;
    sum += stop - Math.max(one[stamp], end);
    end = stop;
  }
  return sum;
}

async function trace(browser, page) {
  const events = [];
  const session = await browser.chromium.newBrowserCDPSession();
  session.on('Tracing.dataCollected', ({ value }) => events.push(...value));
  const done = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));
  await page.bringToFront();
  await session.send('Tracing.start', { transferMode: 'ReportEvents', traceConfig: { includedCategories: ['devtools.timeline', 'toplevel', 'v8', 'blink', '__metadata'], recordMode: 'recordContinuously' } });
  await pause(seconds * 1000);
  await session.send('Tracing.end');
  await done;
  await session.detach();
  return events;
}

// The main thread of the renderer that ran most: there is one page.
function mainThread(events) {
  const names = events.filter((one) => one.name === 'thread_name' && one.args.name === 'CrRendererMain');
  const of = ({ pid, tid }) => events.filter((one) => one.pid === pid && one.tid === tid);
  return names.map(of).sort((a, b) => b.length - a.length)[0] ?? [];
}

function costs(events) {
  const thread = mainThread(events);
  const share = (field, stamp, names) => union(thread.filter((one) => names.has(one.name)), field, stamp) / (seconds * 1e6);
  const both = new Set([...SCRIPT, ...RENDER]);
  const counted = (name) => thread.filter((one) => one.name === name).length;
  return {
    cpu: share('tdur', 'tts', both), wall: share('dur', 'ts', both), script: share('tdur', 'tts', SCRIPT), render: share('tdur', 'tts', RENDER),
    task: share('tdur', 'tts', new Set(['ThreadControllerImpl::RunTask', 'RunTask'])), frames: counted('FireAnimationFrame') / seconds, longest: Math.max(0, ...thread.filter((one) => both.has(one.name)).map((one) => one.tdur ?? 0)) / 1000,
  };
}

const percent = (share) => `${(share * 100).toFixed(1)} %`;

async function heapOf(session) {
  for (let i = 0; i < 3; i++) await session.send('HeapProfiler.collectGarbage');
  return (await session.send('Runtime.getHeapUsage')).usedSize;
}

async function measureHeap(visitor) {
  const session = await visitor.context.newCDPSession(visitor.page);
  await session.send('HeapProfiler.enable');
  const at = [];
  const start = performance.now();
  for (let minute = 1; minute <= heapMinutes; minute++) {
    await pause(start + minute * 60_000 - performance.now());
    at.push(await heapOf(session));
    console.log(`heap after ${minute} min: ${(at.at(-1) / 2 ** 20).toFixed(2)} MB`);
  }
  const drift = at.at(-1) / (at[1] ?? at[0]) - 1;
  console.log(`heap: ${percent(drift)} more at ${heapMinutes} min than at 2 min (promised at most ${percent(HEAP_DRIFT)})`);
  return drift <= HEAP_DRIFT;
}

async function main() {
  const site = siteOf(await freePorts(Math.ceil(DEVICES / PER_BUS)));
  const gateway = await Gateway.start(site);
  const simulator = new Simulator(gateway.folder, 'all', site);
  const browser = await Browser.start();
  let kept = true;
  try {
    const visitor = await browser.inside(gateway.url, DESK, USERS.greenUp);
    const go = async (name) => {
      await visitor.page.goto(`${visitor.url}#/${PAGES[name]}`);
      await visitor.wait(READY[name]);
    };
    await go('device');
    await pause(15_000); // every device was read once, all charts are loaded
    for (const name of only) {
      await go(name);
      await pause(3000);
      const cost = costs(await trace(browser, visitor.page));
      kept &&= cost.cpu < MOST;
      console.log(`${name}: ${percent(cost.cpu)} of the main thread (scripting ${percent(cost.script)}, rendering ${percent(cost.render)}; all tasks ${percent(cost.task)}; ` +
        `${percent(cost.wall)} by the wall clock, beside what else runs); ${cost.frames.toFixed(1)} frames/s, longest ${cost.longest.toFixed(0)} ms`);
    }
    if (heapMinutes > 0) {
      await go('device');
      kept = await measureHeap(visitor) && kept;
    }
    if (visitor.complaints.length > 0) throw new Error(visitor.complaints.join('\n'));
  } finally {
    await browser.stop();
    await simulator.stop();
    await gateway.stop();
  }
  return kept;
}

process.exitCode = await main() ? 0 : 1;
