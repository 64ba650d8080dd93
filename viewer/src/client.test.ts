import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, Failure, type Surroundings, type Trouble } from './client.js';

const ADDRESS = 'https://api.example.com/prod/api/activities';

/** A client whose requests get these responses in turn; `null` is no connection. */
function client(responses: (Response | Promise<Response> | null)[]) {
  const sent: { url: string; headers: Headers }[] = [];
  const waits: number[] = [];
  const troubles: (Trouble | null)[] = [];
  const surroundings: Surroundings = {
    fetch: async (input, init) => {
      sent.push({ url: String(input), headers: new Headers(init?.headers) });
      const response = responses.shift();
      if (!response) throw new TypeError('no connection');
      return response;
    },
    pause: async (milliseconds) => void waits.push(milliseconds),
    random: () => 1,
    now: () => 0,
  };
  const made = new Client(ADDRESS, (trouble) => troubles.push(trouble), surroundings);
  return { client: made, sent, waits, troubles };
}

const ok = () => new Response('{}');
const status = (status: number, headers: Record<string, string> = {}, body = '{}') =>
  new Response(body, { status, headers });

test('a request has the token, the parameters, and nothing else of the host', async () => {
  const { client: made, sent } = client([ok(), ok()]);
  made.authorize(async () => 'a');
  await made.request(new URLSearchParams({ limit: '0', action: 'create,delete' }), { etag: '"e"' });
  await made.request(new URLSearchParams({ include: 'client' }), { id: 17, accept: 'text/csv' });
  assert.equal(sent[0]?.url, `${ADDRESS}?limit=0&action=create%2Cdelete`);
  assert.equal(sent[1]?.url, `${ADDRESS}/17?include=client`);
  assert.deepEqual(
    [...sent[0]!.headers],
    [['accept', 'application/json'], ['authorization', 'Bearer a'], ['if-none-match', '"e"']],
  );
  assert.equal(sent[1]?.headers.get('accept'), 'text/csv');
});

test('a refused token is asked for again, once for all requests', async () => {
  const { client: made, sent } = client([status(401), status(401), ok(), ok()]);
  let asked = 0;
  made.authorize(() => `token ${(asked += 1)}`);
  await Promise.all([made.request(new URLSearchParams()), made.request(new URLSearchParams())]);
  assert.equal(asked, 2);
  assert.deepEqual(
    sent.map(({ headers }) => headers.get('authorization')),
    ['Bearer token 1', 'Bearer token 1', 'Bearer token 2', 'Bearer token 2'],
  );
});

test('a second refusal waits for the host, and then goes on', async () => {
  const { client: made, troubles } = client([status(401), status(401), ok()]);
  made.authorize(() => 'old');
  const response = made.request(new URLSearchParams());
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual(troubles, [{ kind: 'unauthorized' }]);
  made.authorize(() => 'new');
  assert.equal((await response).status, 200);
  assert.deepEqual(troubles.at(-1), null);
});

test('while no token is good, no further request is sent or reported', async () => {
  const { client: made, sent, troubles } = client([status(401), status(401), ok(), ok()]);
  made.authorize(() => 'old');
  const first = made.request(new URLSearchParams());
  await new Promise((resolve) => setTimeout(resolve));
  const second = made.request(new URLSearchParams());
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual([sent.length, troubles], [2, [{ kind: 'unauthorized' }]]);
  made.authorize(() => 'new');
  await Promise.all([first, second]);
  assert.equal(sent.length, 4);
});

test('while no token is good, the response to an earlier request ends no trouble', async () => {
  for (const late of [ok(), status(500), status(503)]) {
    let end = (_: Response) => {};
    const slow = new Promise<Response>((resolve) => (end = resolve));
    const { client: made, troubles } = client([slow, status(401), status(401)]);
    made.authorize(() => 'old');
    made.request(new URLSearchParams()).catch(() => {});
    void made.request(new URLSearchParams());
    await new Promise((resolve) => setTimeout(resolve));
    end(late);
    await new Promise((resolve) => setTimeout(resolve));
    assert.deepEqual(troubles, [{ kind: 'unauthorized' }], `after a ${late.status}`);
  }
});

test('a token that is set while another is asked for is the one that counts', async () => {
  const { client: made, sent, troubles } = client([ok()]);
  let give = (_: null) => {};
  made.authorize(() => new Promise((resolve) => (give = resolve)));
  const response = made.request(new URLSearchParams());
  made.authorize(() => 'new');
  give(null);
  assert.equal((await response).status, 200);
  assert.equal(sent[0]?.headers.get('authorization'), 'Bearer new');
  assert.ok(!troubles.some((trouble) => trouble?.kind === 'unauthorized'));
});

test('without a token nothing is sent', async () => {
  const { client: made, sent, troubles } = client([ok()]);
  made.authorize(async () => {
    throw new Error('the session has ended');
  });
  const response = made.request(new URLSearchParams());
  await new Promise((resolve) => setTimeout(resolve));
  assert.deepEqual([sent.length, troubles], [0, [{ kind: 'unauthorized' }]]);
  made.authorize(() => 'new');
  assert.equal((await response).status, 200);
});

test('what may succeed later is sent again, as late as the API asks for, else ever later', async () => {
  const responses = [status(503, { 'retry-after': '7' }), status(429), null, ...Array(6).fill(null), ok()];
  const { client: made, waits, troubles } = client(responses);
  made.authorize(() => 'a');
  await made.request(new URLSearchParams());
  assert.deepEqual(waits, [7_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000, 30_000]);
  assert.deepEqual(troubles.slice(0, 3), [
    { kind: 'busy', until: 7_000 },
    { kind: 'busy', until: 2_000 },
    { kind: 'offline' },
  ]);
  assert.equal(troubles.at(-1), null);
});

test('what no second request would change is a failure with the words of the API', async () => {
  const problem = JSON.stringify({ message: 'Invalid parameter: since', code: 'invalid_parameter' });
  const { client: made } = client([status(400, {}, problem), status(500, {}, 'not JSON')]);
  made.authorize(() => 'a');
  await assert.rejects(made.request(new URLSearchParams()), (error: Failure) => {
    assert.deepEqual([error.status, error.code, error.message], [400, 'invalid_parameter', 'Invalid parameter: since']);
    return error instanceof Failure;
  });
  await assert.rejects(made.request(new URLSearchParams()), (error: Failure) => error.status === 500);
});

test('an aborted request ends, also while it waits for a token', async () => {
  const { client: made } = client([]);
  made.authorize(() => null);
  const abort = new AbortController();
  const response = made.request(new URLSearchParams(), { signal: abort.signal });
  await new Promise((resolve) => setTimeout(resolve));
  abort.abort();
  await assert.rejects(response, { name: 'AbortError' });
});

test('a request that is aborted while the host looks for a token ends, also if there is none', async () => {
  const { client: made } = client([]);
  let give = (_: null) => {};
  made.authorize(() => new Promise((resolve) => (give = resolve)));
  const abort = new AbortController();
  const response = made.request(new URLSearchParams(), { signal: abort.signal });
  abort.abort();
  give(null);
  await assert.rejects(response, { name: 'AbortError' });
});
