// No file of the package needs itself through others, neither when it runs nor for its types.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import ts from 'typescript';

const SOURCES = new URL('../../src/', import.meta.url);

/** Each file, and the files that it imports. */
const imports = new Map(
  readdirSync(SOURCES).map((file) => {
    const { importedFiles } = ts.preProcessFile(readFileSync(new URL(file, SOURCES), 'utf8'));
    const own = importedFiles.filter(({ fileName }) => fileName.startsWith('./'));
    return [file, own.map(({ fileName }) => fileName.slice(2).replace(/\.js$/, '.ts'))];
  }),
);

/** The files that come back to their first by imports, if there are any. */
function circle(file: string, path: string[] = []): string[] | undefined {
  if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
  for (const next of imports.get(file) ?? []) {
    const found = circle(next, [...path, file]);
    if (found) return found;
  }
  return undefined;
}

test('no file imports itself through others', () => {
  assert.ok(imports.get('log.ts')?.includes('sender.ts'), 'there are imports to look at');
  for (const file of imports.keys()) assert.equal(circle(file), undefined, file);
});
