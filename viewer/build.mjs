// Builds dist/, or with --tests the unit tests into .tests/. What it writes depends on the sources and on the
// pinned esbuild alone, so that a test can compare it with what is committed.

import { build, transform } from 'esbuild';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';

const here = import.meta.dirname;

/** A style sheet that a module imports is a text, minified. */
const styles = {
  name: 'styles',
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(await readFile(path, 'utf8'), { loader: 'css', minify: true });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

export const common = {
  absWorkingDir: here,
  bundle: true,
  format: 'esm',
  target: 'es2022',
  charset: 'utf8',
  logLevel: 'warning',
  plugins: [styles],
};

/** Writes the component and the page around it into a folder. */
export async function buildViewer(folder) {
  await rm(folder, { recursive: true, force: true });
  const options = { ...common, outdir: folder, minify: true, legalComments: 'eof' };
  // Hosts know the component by its name. Whatever it loads later has a name of its content.
  await build({
    ...options,
    entryPoints: ['src/activity-log.ts'],
    splitting: true,
    chunkNames: '[name]-[hash]',
  });
  const page = await build({
    ...options,
    entryPoints: ['src/page.ts', 'src/page.css'],
    entryNames: '[name]-[hash]',
    plugins: [],
    metafile: true,
  });
  let html = await readFile(join(here, 'src/index.html'), 'utf8');
  for (const [path, { entryPoint }] of Object.entries(page.metafile.outputs)) {
    if (!entryPoint) continue;
    const source = basename(entryPoint).replace('.ts', '.js');
    html = html.replace(`viewer/${source}`, `viewer/${basename(path)}`);
  }
  await writeFile(join(folder, 'index.html'), html);
}

async function buildTests() {
  const folder = join(here, '.tests');
  await rm(folder, { recursive: true, force: true });
  const tests = (await readdir(join(here, 'src'))).filter((name) => name.endsWith('.test.ts'));
  await build({
    ...common,
    entryPoints: tests.map((name) => `src/${name}`),
    outdir: folder,
    platform: 'node',
    sourcemap: 'inline',
  });
}

if (process.argv[1] === import.meta.filename) {
  await (process.argv.includes('--tests') ? buildTests() : buildViewer(join(here, 'dist')));
}
