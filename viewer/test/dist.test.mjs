// What is committed in dist/ is what the sources and the pinned esbuild give, and is small.

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { buildViewer } from '../build.mjs';

const DIST = join(import.meta.dirname, '../dist');

/** Bytes, compressed, that a browser loads: for the first rows, and for the panel, the strip and the download. */
const FIRST = 25 * 1_024;
const SECOND = 11 * 1_024;

let built = '';

before(async () => {
  built = await mkdtemp(join(tmpdir(), 'viewer-'));
  await buildViewer(built);
});

after(() => rm(built, { recursive: true }));

const files = async (folder) => (await readdir(folder)).sort();
const text = (folder, name) => readFile(join(folder, name), 'utf8');

test('dist/ is what the sources give', async () => {
  assert.deepEqual(await files(DIST), await files(built), 'npm run build renews dist/');
  for (const name of await files(DIST)) {
    assert.ok((await text(DIST, name)) === (await text(built, name)), `${name}: npm run build renews dist/`);
  }
});

/** The files that a module imports before it runs, itself among them. */
async function loaded(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  const imports = (await text(built, name)).matchAll(/(?:from|import)\s*"\.\/([^"]+)"/g);
  for (const [, imported] of imports) await loaded(imported, found);
  return found;
}

async function compressed(names) {
  let bytes = 0;
  for (const name of names) bytes += gzipSync(await text(built, name), { level: 9 }).length;
  return bytes;
}

test('the component is small', async (context) => {
  const first = await loaded('activity-log.js');
  const more = (await files(built)).find((name) => /^more-\w+\.js$/.test(name));
  const second = [...(await loaded(more))].filter((name) => !first.has(name));
  const bytes = [await compressed(first), await compressed(second)];
  context.diagnostic(`${bytes[0]} bytes at first, ${bytes[1]} later`);
  assert.ok(bytes[0] <= FIRST, `${bytes[0]} bytes at first`);
  assert.ok(bytes[1] <= SECOND, `${bytes[1]} bytes later`);
});

test('nothing in it makes HTML of strings, or a style from an attribute', async () => {
  const sources = (await files(join(DIST, '../src'))).filter(
    (name) => name.endsWith('.ts') && !name.includes('.test.'),
  );
  for (const name of sources) {
    const source = await text(join(DIST, '../src'), name);
    assert.doesNotMatch(
      source,
      /innerHTML|outerHTML|insertAdjacentHTML|document\.write|unsafeHTML|unsafeSVG/,
      name,
    );
    assert.doesNotMatch(source, /\sstyle=|styleMap|\beval\(|new Function/, name);
  }
  assert.doesNotMatch(await text(DIST, 'index.html'), /\son\w+=|\sstyle=|<style|<script(?![^>]*\ssrc=)/);
});
