// The files of the component can be read one after the other: none needs itself through others. Types do not
// count, since nothing is left of them when the files run.

import assert from 'node:assert/strict';
import { basename } from 'node:path';
import { test } from 'node:test';

import { build } from 'esbuild';

import { common } from '../build.mjs';

/** The files that come back to their first by imports; empty if none does. */
function circle(imports, file, path = [], seen = new Set()) {
  if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
  if (seen.has(file)) return [];
  seen.add(file);
  for (const next of imports.get(file) ?? []) {
    const found = circle(imports, next, [...path, file], seen);
    if (found.length > 0) return found;
  }
  return [];
}

test('no file imports itself through others', async () => {
  const { metafile } = await build({
    ...common,
    entryPoints: ['src/activity-log.ts', 'src/page.ts'],
    splitting: true,
    outdir: 'unwritten',
    write: false,
    metafile: true,
  });
  const imports = new Map();
  for (const [file, { imports: needed }] of Object.entries(metafile.inputs)) {
    if (file.startsWith('src/')) imports.set(file, needed.map(({ path }) => path));
  }
  assert.ok(imports.get('src/activity-log.ts')?.includes('src/list.ts'), 'there are imports to look at');
  for (const file of imports.keys()) {
    assert.deepEqual(circle(imports, file).map((name) => basename(name)), [], file);
  }
});
