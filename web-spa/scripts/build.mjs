// Bundles the app: hashed file names, .gz beside each file, manifest.json for the web service, and the size budget.
//   node scripts/build.mjs [--out DIR]
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { basename, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const BUDGET = 150 * 1024; // login and home with the MQTT client, gzip
const CHART_BUDGET = 230 * 1024; // what the first page with a chart loads on top of that

const TYPES = {
  html: 'text/html; charset=utf-8', js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml', txt: 'text/plain; charset=utf-8',
};

function readOut() {
  const at = process.argv.indexOf('--out');
  return resolve(at > 0 && process.argv[at + 1] ? process.argv[at + 1] : join(ROOT, 'dist'));
}

const gzip = (bytes) => gzipSync(bytes, { level: 9 });
const hashOf = (bytes) => createHash('sha256').update(bytes).digest('base64url').slice(0, 8).replace(/[-_]/g, '0').toUpperCase();

async function bundle(folder) {
  const result = await build({
    absWorkingDir: ROOT, entryPoints: { main: 'src/main.tsx' }, outdir: join(folder, 'assets'), bundle: true, splitting: true,
    format: 'esm', platform: 'browser', target: ['es2021', 'chrome94', 'firefox93', 'safari15'], minify: true, metafile: true,
    jsx: 'automatic', jsxImportSource: 'preact', charset: 'utf8', legalComments: 'none',
    entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', assetNames: '[name]-[hash]',
    logLevel: 'warning', write: true,
  });
  const outputs = Object.entries(result.metafile.outputs).map(([file, output]) => ({ path: relative(folder, resolve(ROOT, file)), output }));
  // The style of the entry holds that of the pages too; esbuild writes the latter a second time, which nobody loads.
  const style = outputs.find((one) => one.output.entryPoint === 'src/main.tsx').output.cssBundle;
  return outputs.filter(({ path }) => {
    if (!path.endsWith('.css') || basename(path) === basename(style)) return true;
    rmSync(join(folder, path));
    return false;
  });
}

// An output and everything it loads before it runs.
function closure(outputs, first) {
  const seen = new Set();
  const visit = (path) => {
    if (seen.has(path)) return;
    seen.add(path);
    const found = outputs.find((one) => one.path === path);
    for (const item of found?.output.imports ?? []) {
      if (item.kind === 'import-statement') visit(`assets/${basename(item.path)}`);
    }
    if (found?.output.cssBundle) visit(`assets/${basename(found.output.cssBundle)}`);
  };
  visit(first);
  return [...seen];
}

// What the first visit loads: the entry, its style, the largest catalogue and the MQTT client.
function firstVisit(outputs, sizes) {
  const entry = outputs.find((one) => one.output.entryPoint === 'src/main.tsx').path;
  const byInput = (test) => outputs.filter((one) => Object.keys(one.output.inputs).some(test) && one.path.endsWith('.js')).map((one) => one.path);
  const catalogues = byInput((input) => /generated\/messages\/.*\.first\./.test(input));
  const largest = catalogues.sort((a, b) => sizes.get(b) - sizes.get(a))[0];
  const mqtt = byInput((input) => input.includes('node_modules/mqtt/'));
  return [...new Set(['index.html', ...closure(outputs, entry), ...(largest ? closure(outputs, largest) : []), ...mqtt.flatMap((one) => closure(outputs, one))])];
}

function page(outputs, icon) {
  const entry = outputs.find((one) => one.output.entryPoint === 'src/main.tsx');
  const style = basename(entry.output.cssBundle);
  const preload = entry.output.imports.filter((one) => one.kind === 'import-statement')
    .map((one) => `\n<link rel="modulepreload" href="/assets/${basename(one.path)}">`).join('');
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Edgewatt</title>
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" media="(prefers-color-scheme: light)" content="#ffffff">
<meta name="theme-color" media="(prefers-color-scheme: dark)" content="#172027">
<link rel="icon" type="image/svg+xml" href="/${icon}">
<link rel="stylesheet" href="/assets/${style}">${preload}
<script type="module" src="/${entry.path}"></script>
</head>
<body>
<div id="app"></div>
<noscript>Edgewatt needs JavaScript. Edgewatt a besoin de JavaScript.</noscript>
</body>
</html>
`;
}

const out = readOut();
const work = `${out}.new`;
rmSync(work, { recursive: true, force: true });
mkdirSync(join(work, 'assets'), { recursive: true });
const outputs = await bundle(work);
const svg = readFileSync(join(ROOT, 'src/icon.svg'));
const icon = `assets/icon-${hashOf(svg)}.svg`;
writeFileSync(join(work, icon), svg);
writeFileSync(join(work, 'index.html'), page(outputs, icon));

const sizes = new Map();
const files = ['index.html', icon, ...outputs.map((one) => one.path)].map((path) => {
  const bytes = readFileSync(join(work, path));
  const packed = gzip(bytes);
  writeFileSync(join(work, `${path}.gz`), packed);
  sizes.set(path, packed.length);
  return { path: `/${path}`, type: TYPES[path.split('.').pop()], size: bytes.length, gzip_size: packed.length, immutable: path !== 'index.html' };
});
files.sort((a, b) => (a.path < b.path ? -1 : 1));
writeFileSync(join(work, 'manifest.json'), `${JSON.stringify({ version: 1, index: '/index.html', files }, null, 2)}\n`);

const first = firstVisit(outputs, sizes);
const total = first.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0);
for (const path of first) console.log(`  ${String(sizes.get(path) ?? 0).padStart(7)}  ${path}`);
console.log(`  ${String(total).padStart(7)}  gzip bytes for login and home, ${BUDGET} allowed`);
if (total > BUDGET) {
  console.error('web-spa: login and home are too large');
  process.exit(1);
}
const charts = outputs.filter((one) => Object.keys(one.output.inputs).some((input) => /node_modules\/(echarts|zrender)\//.test(input)))
  .map((one) => one.path).filter((path) => !first.includes(path));
const chartTotal = charts.reduce((sum, path) => sum + (sizes.get(path) ?? 0), 0);
console.log(`  ${String(chartTotal).padStart(7)}  gzip bytes more for charts, ${CHART_BUDGET} allowed`);
if (chartTotal > CHART_BUDGET) {
  console.error('web-spa: the charts are too large');
  process.exit(1);
}
// Whole or not at all: a server never sees half a build.
const old = `${out}.old`;
rmSync(old, { recursive: true, force: true });
if (existsSync(out)) renameSync(out, old);
renameSync(work, out);
rmSync(old, { recursive: true, force: true });
