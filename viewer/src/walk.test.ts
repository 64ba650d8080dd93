import assert from 'node:assert/strict';
import { test } from 'node:test';
import { walk, type Format } from './walk.js';

const HEADER = 'id,description\r\n';

/** A client whose pages are given, the last without a next one. */
function clientOf(pages: (string | 'broken')[], total: number) {
  const asked: string[] = [];
  let page = 0;
  const request = async (parameters: URLSearchParams, options: { accept?: string; signal?: AbortSignal } = {}) => {
    options.signal?.throwIfAborted();
    asked.push(`${options.accept} ${parameters}`);
    const text = pages[page] ?? '';
    page += 1;
    const headers = new Headers({ 'x-total-count': String(total) });
    if (page < pages.length) headers.set('link', `<?limit=1000&cursor=c${page}>; rel="next"`);
    if (text !== 'broken') return new Response(text, { headers });
    return new Response(new ReadableStream({ pull: (stream) => stream.error(new TypeError('network')) }), { headers });
  };
  return { asked, request };
}

async function download(client: ReturnType<typeof clientOf>, format: Format, query = '') {
  const file: string[] = [];
  const counts: string[] = [];
  let done = 0;
  for await (const { bytes, count, total } of walk(
    client,
    new URLSearchParams(query),
    format,
    new AbortController().signal,
  )) {
    file.push(new TextDecoder().decode(bytes));
    counts.push(`${(done += count)} of ${total}`);
  }
  return { file: file.join(''), counts };
}

test('pages of CSV are joined under one header line', async () => {
  const client = clientOf([`${HEADER}3,"a\nb"\r\n2,\r\n`, `${HEADER}1,""""\r\n`], 3);
  const { file, counts } = await download(client, 'csv', 'action=create');
  assert.equal(file, `${HEADER}3,"a\nb"\r\n2,\r\n1,""""\r\n`);
  assert.deepEqual(counts, ['2 of 3', '3 of 3']);
  assert.deepEqual(client.asked, [
    'text/csv action=create&include=client&limit=1000',
    'text/csv action=create&include=client&limit=1000&cursor=c1',
  ]);
});

test('pages of NDJSON are joined as they are', async () => {
  const { file, counts } = await download(clientOf(['{"id":2}\n', '{"id":1}\n'], 2), 'ndjson');
  assert.equal(file, '{"id":2}\n{"id":1}\n');
  assert.deepEqual(counts, ['1 of 2', '2 of 2']);
});

test('a list without entries is a header line, or nothing', async () => {
  assert.deepEqual(await download(clientOf([HEADER], 0), 'csv'), { file: HEADER, counts: ['0 of 0'] });
  assert.deepEqual(await download(clientOf([''], 0), 'ndjson'), { file: '', counts: ['0 of 0'] });
});

test('a page that breaks off is asked for again, whole', async () => {
  const steps = clientOf(['{"id":2}\n', 'broken', '{"id":1}\n'], 2);
  let request = 0;
  const client = {
    ...steps,
    // The second page is broken once; asked for again it is the third step.
    request: async (...[parameters, options]: Parameters<typeof steps.request>) => {
      request += 1;
      const copy = new URLSearchParams(parameters);
      return steps.request(copy, options);
    },
  };
  const { file } = await download(client, 'ndjson');
  assert.equal(file, '{"id":2}\n{"id":1}\n');
  assert.equal(request, 3);
  assert.equal(client.asked[1], client.asked[2]);
});

test('a page that breaks off every time ends the walk', async () => {
  const client = clientOf(new Array(9).fill('broken'), 9);
  await assert.rejects(download(client, 'csv'), TypeError);
  assert.equal(client.asked.length, 5);
});

test('an aborted walk asks for nothing more', async () => {
  const client = clientOf([HEADER, HEADER], 0);
  const stop = new AbortController();
  const steps = walk(client, new URLSearchParams(), 'csv', stop.signal);
  await steps.next();
  stop.abort();
  await assert.rejects(steps.next(), { name: 'AbortError' });
  assert.equal(client.asked.length, 1);
});
