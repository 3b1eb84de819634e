// Runs the unit tests with Node's own runner. The code under test is TypeScript: esbuild bundles each test first.
//   node scripts/test.mjs [NAME...]    only test/<NAME>.test.mjs
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv.slice(2);
const tests = readdirSync(join(ROOT, 'test')).filter((name) => name.endsWith('.test.mjs'))
  .filter((name) => wanted.length === 0 || wanted.includes(basename(name, '.test.mjs')));
if (tests.length === 0) {
  console.error(`test: nothing named ${wanted.join(' ')}`);
  process.exit(2);
}
const work = mkdtempSync(join(tmpdir(), 'edgewatt-web-test-'));
try {
  await build({
    absWorkingDir: ROOT, entryPoints: tests.map((name) => join('test', name)), outdir: work, outExtension: { '.js': '.mjs' },
    bundle: true, platform: 'node', format: 'esm', target: 'node18', sourcemap: 'inline', jsx: 'automatic', jsxImportSource: 'preact',
    external: ['ajv', 'ajv/*'], define: { PROJECT: JSON.stringify(join(ROOT, '..')) }, logLevel: 'warning',
  });
  const files = readdirSync(work).filter((name) => name.endsWith('.mjs')).map((name) => join(work, name));
  const run = spawnSync(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit' });
  process.exitCode = run.status ?? 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
