// Who installs the package gets every file that package.json names.

import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

const FOLDER = join(import.meta.dirname, '..');

/** The strings of a value, however deep they are in it. */
const strings = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(strings));

test('every file that package.json names is there, and is published', async () => {
  const { main, types, exports, files } = JSON.parse(await readFile(join(FOLDER, 'package.json'), 'utf8'));
  for (const name of files) await access(join(FOLDER, name));
  const named = strings([main, types, exports]);
  assert.ok(named.length >= 4, String(named));
  for (const name of named) {
    await access(join(FOLDER, name));
    const path = name.replace('./', '');
    assert.ok(files.some((file) => path === file || path.startsWith(`${file}/`)), `${name} is published`);
  }
});
