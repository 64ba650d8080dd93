// The package as others install it: what it holds, that each part of it can be imported, and that the
// programs of README.md are right.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc');
const SUBPATHS = ['', '/express', '/hono', '/fastify', '/lambda', '/client'];

/** Not below ROOT, so that nothing is found that others would not have. */
const alone = mkdtempSync(join(tmpdir(), 'activity-logs-client-'));
/** Below ROOT, so that the frameworks are found. */
const beside = join(ROOT, '.tests/consumer');
let files: string[];

function run(folder: string, command: string, ...values: string[]): string {
  try {
    return execFileSync(command, values, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${values.join(' ')}\n${stdout}${stderr}`);
  }
}

before(() => {
  rmSync(beside, { recursive: true, force: true });
  mkdirSync(beside, { recursive: true });
  // npm says what it packed after what the build prints.
  const said = run(ROOT, 'npm', 'pack', '--json', '--silent', '--pack-destination', alone);
  const [packed] = JSON.parse(said.slice(said.search(/^\[/m)));
  files = packed.files.map(({ path }: { path: string }) => path);
  for (const folder of [alone, beside]) {
    writeFileSync(join(folder, 'package.json'), '{"private":true,"type":"module"}');
    run(folder, 'npm', 'install', '--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--silent', join(alone, packed.filename));
  }
});
after(() => rmSync(alone, { recursive: true, force: true }));

function options(folder: string, given: object): void {
  const compilerOptions = {
    target: 'es2022', module: 'nodenext', strict: true, noEmit: true, exactOptionalPropertyTypes: true,
    noPropertyAccessFromIndexSignature: true, noUncheckedIndexedAccess: true, ...given,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
}

test('it holds the built modules, their types and what a reader needs, and nothing else', () => {
  const modules = files.filter((path) => path.startsWith('dist/')).map((path) => path.replace(/(\.d\.ts|\.js)$/, ''));
  assert.deepEqual(files.filter((path) => !path.startsWith('dist/')).sort(), ['LICENSE', 'README.md', 'package.json']);
  for (const name of ['index', 'express', 'hono', 'fastify', 'lambda', 'client']) {
    assert.equal(modules.filter((path) => path === `dist/${name}`).length, 2, name);
  }
  assert.ok(files.every((path) => !path.startsWith('dist/') || /\.(d\.ts|js)$/.test(path)), `${files}`);
});

test('each part can be imported where neither the SDK nor a framework is installed', () => {
  for (const subpath of SUBPATHS) {
    const program = `console.log(Object.keys(await import('@activity-logs/client${subpath}')).sort().join())`;
    const names = run(alone, process.execPath, '--input-type=module', '--eval', program).trim();
    const expected = { '': 'DeliveryError,activity,memory,sqs', '/client': 'ActivityLogClient,ApiError' }[subpath];
    assert.equal(names, expected ?? 'activityLog');
  }
});

test('whoever records without the SDK is told to install it', () => {
  const program = `
    import { activity } from '@activity-logs/client';
    const log = activity.detached({ queueUrl: 'https://sqs.eu-west-1.amazonaws.com/1/log.fifo', userId: 1, onError: 'throw' });
    await log.record('a').catch((error) => console.log(error.message));`;
  const said = run(alone, process.execPath, '--input-type=module', '--eval', program);
  assert.match(said, /install it beside this package/);
});

test('the types need nothing else', () => {
  options(alone, { lib: ['es2022', 'dom'], types: [] });
  const imports = SUBPATHS.map((subpath, at) => `import * as part${at} from '@activity-logs/client${subpath}';`);
  const uses = `
    export const recorded: Promise<boolean> = part0.activity.detached({ transport: part0.memory() }).record('a', {
      resource: ['function', 5], environment: [4, '4'], changes: { a: { to: 1 } }, userId: 1n,
    });
    // @ts-expect-error: an action is required.
    part0.activity.record();
    // @ts-expect-error: an option that is not there.
    part0.activity.record('a', { ressource: ['function', 5] });
    export const parts = [${SUBPATHS.map((_, at) => `part${at}`)}];`;
  writeFileSync(join(alone, 'consumer.ts'), `${imports.join('\n')}${uses}`);
  run(alone, process.execPath, TSC, '-p', '.');
});

test('the programs of README.md are right', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const programs = [...readme.matchAll(/^```ts\n\/\/ (\S+)\n([^]*?)^```$/gm)];
  assert.deepEqual(programs.map(([, name]) => name), [
    'functions.ts', 'hono.ts', 'fastify.ts', 'lambda.ts', 'job.ts', 'routes.test.ts', 'read.ts',
  ]);
  for (const [, name, text] of programs) writeFileSync(join(beside, `${name}`), `${text}`);
  // What the README of the project shows stands for a part of `functions.ts`, which says what a request has.
  const [, part] = /^```ts\n([^]*?)^```$/m.exec(readFileSync(join(ROOT, '../../README.md'), 'utf8')) ?? [];
  const declared = "import type { Application } from 'express';\ndeclare const app: Application, queueUrl: string;\n";
  writeFileSync(join(beside, 'part.ts'), `${declared}${part}`);
  options(beside, { types: ['node'], skipLibCheck: true });
  run(beside, process.execPath, TSC, '-p', '.');
});

test('a test as README.md writes it passes', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, text] = /^```ts\n\/\/ routes\.test\.ts\n([^]*?)^```$/m.exec(readme) ?? [];
  writeFileSync(join(alone, 'routes.test.mjs'), `${text}`);
  run(alone, process.execPath, 'routes.test.mjs');
});

test('the license is that of the repository', () => {
  assert.equal(readFileSync(join(ROOT, 'LICENSE'), 'utf8'), readFileSync(join(ROOT, '../../LICENSE'), 'utf8'));
});
