// Reading, over a server that answers as the API does.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

import openapiTS, { astToString } from 'openapi-typescript';

import { ActivityLogClient, ApiError, type ClientOptions } from '../src/client.js';
import { serve } from './server.js';

type Respond = (address: URL, response: ServerResponse, request: IncomingMessage) => void;

/** A client, and the requests that it has sent. */
async function clientOf(t: TestContext, respond: Respond, options: Partial<ClientOptions> = {}) {
  const asked: string[] = [];
  const baseUrl = await serve(t, (request, response) => {
    asked.push(`${request.url}`);
    respond(new URL(`http://api${request.url}`), response, request);
  });
  return { asked, log: new ActivityLogClient({ baseUrl, token: 'token', ...options }) };
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/** A list of so many entries; the cursor is how many come before. */
function listOf(total: number): Respond {
  return (address, response) => {
    const limit = Number(address.searchParams.get('limit') ?? 100);
    const offset = Number(address.searchParams.get('cursor') ?? 0);
    const data = Array.from({ length: Math.min(limit, total - offset) }, (_, at) => ({ id: offset + at + 1 }));
    const hasMore = offset + limit < total;
    const pagination = { total, limit, offset, hasMore, ...(hasMore ? { nextCursor: `${offset + limit}` } : {}) };
    send(response, 200, { message: 'Activities retrieved successfully', data, pagination });
  };
}

const unavailable = { status: 503, code: 'unavailable', message: 'Failed', detail: 'Send it again.', requestId: 'r' };

test('a list is walked page by page, each time anew', async (t) => {
  const { log, asked } = await clientOf(t, listOf(5));
  const list = log.list({ action: 'create', pageSize: 2 });
  for (let time = 0; time < 2; time += 1) {
    const ids: number[] = [];
    for await (const { id } of list) ids.push(id);
    assert.deepEqual(ids, [1, 2, 3, 4, 5]);
  }
  assert.deepEqual(asked.slice(0, 3), [
    '/api/activities?action=create&limit=2',
    '/api/activities?action=create&limit=2&cursor=2',
    '/api/activities?action=create&limit=2&cursor=4',
  ]);
  assert.equal(asked.length, 6);
  assert.throws(() => log.list({ pageSize: 0 }), TypeError);
});

test('whoever has seen enough reads no further page', async (t) => {
  const { log, asked } = await clientOf(t, listOf(1_000));
  for await (const { id } of log.list()) if (id === 7) break;
  assert.deepEqual(asked, ['/api/activities']);
});

test('filters are written as the API reads them', async (t) => {
  const { log, asked } = await clientOf(t, listOf(0));
  await log.page({
    projectSlug: 'my project',
    resourceType: ['function', null],
    action: null,
    since: new Date(0),
    until: '2024-01-15T10:30:00+01:00',
    include: ['facets', 'histogram'],
    buckets: 24,
    limit: 0,
    offset: 3,
  });
  for await (const _ of log.listProject('a/b', 'c d', { order: 'asc', cursor: '0' })) assert.fail();
  assert.deepEqual(asked, [
    '/api/activities?projectSlug=my+project&resourceType=function%2C%7E&since=1970-01-01T00%3A00%3A00.000Z&until=2024-01-15T10%3A30%3A00%2B01%3A00&include=facets%2Chistogram&buckets=24&limit=0&offset=3',
    '/api/activities/a%2Fb/c%20d?order=asc&cursor=0',
  ]);
});

test('one entry is read by its id, under a path of the API too', async (t) => {
  const { log, asked } = await clientOf(t, (address, response, request) => {
    assert.equal(request.headers.authorization, 'Bearer token');
    send(response, 200, { message: 'Activity retrieved successfully', data: { id: Number(address.pathname.split('/').at(-1)) } });
  });
  assert.equal((await log.get(7, { include: 'client' })).id, 7);
  assert.deepEqual(asked, ['/api/activities/7?include=client']);
  const fetched: string[] = [];
  const under = new ActivityLogClient({
    baseUrl: 'https://example.com/prod/',
    token: 'token',
    fetch: async (address) => {
      fetched.push(`${address as URL}`);
      return Response.json({ data: { id: 8 } });
    },
  });
  assert.equal((await under.get(8)).id, 8);
  assert.deepEqual(fetched, ['https://example.com/prod/api/activities/8']);
});

test('a refusal is an error that says which', async (t) => {
  const problem = { status: 400, code: 'invalid_parameter', parameter: 'limit', detail: 'limit must be…', message: 'm', requestId: 'r' };
  const { log, asked } = await clientOf(t, (_, response) => send(response, 400, problem));
  await assert.rejects(log.page(), (error: ApiError) => {
    assert.ok(error instanceof ApiError);
    const { status, code, parameter, requestId, message } = error;
    assert.deepEqual([status, code, parameter, requestId, message], [400, 'invalid_parameter', 'limit', 'r', 'limit must be…']);
    return true;
  });
  assert.equal(asked.length, 1);
});

test('what is no problem document is an error of its status', async (t) => {
  const { log } = await clientOf(t, (_, response) => void response.writeHead(500).end('<html>'));
  await assert.rejects(log.page(), { name: 'ApiError', status: 500, code: undefined, message: 'the API answered 500' });
});

test('no token is sent to where a response redirects', async (t) => {
  const { log, asked } = await clientOf(t, (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end());
  await assert.rejects(log.page(), { name: 'ApiError', status: 302 });
  assert.equal(asked.length, 1);
});

test('a request is sent again after 503 when the API says, and after 429 and a lost connection', async (t) => {
  let tries = 0;
  const { log, asked } = await clientOf(t, (address, response, request) => {
    tries += 1;
    if (tries === 1) return send(response, 503, unavailable, { 'retry-after': '1' });
    if (tries === 2) return send(response, 429, { message: 'Too Many Requests' });
    if (tries === 3) return void response.destroy();
    return listOf(1)(address, response, request);
  });
  const start = performance.now();
  assert.equal((await log.page()).pagination.total, 1);
  assert.equal(asked.length, 4);
  assert.ok(performance.now() - start >= 999);
});

test('retries end, and a wait that nobody would wait for is an error at once', async (t) => {
  const { log, asked } = await clientOf(t, (_, response) => send(response, 503, unavailable, { 'retry-after': '0' }), { retries: 2 });
  await assert.rejects(log.page(), { status: 503, code: 'unavailable', retryAfter: 0 });
  assert.equal(asked.length, 3);
  const late = await clientOf(t, (_, response) => send(response, 503, unavailable, { 'retry-after': '3600' }));
  await assert.rejects(late.log.page(), { status: 503, retryAfter: 3_600_000 });
  assert.equal(late.asked.length, 1);
  const nobody = new ActivityLogClient({ baseUrl: 'http://127.0.0.1:1', token: 'token', retries: 1 });
  await assert.rejects(nobody.page(), TypeError);
});

test('a token that is refused is asked for once more', async (t) => {
  const sent: unknown[] = [];
  let made = 0;
  const respond: Respond = (address, response, request) => {
    sent.push(request.headers.authorization);
    if (made % 2 === 1) return send(response, 401, { status: 401, code: 'unauthenticated' });
    return listOf(1)(address, response, request);
  };
  const token = async () => `token ${(made += 1)}`;
  const { log } = await clientOf(t, respond, { token, retries: 0 });
  assert.equal((await log.page()).data.length, 1);
  assert.deepEqual(sent, ['Bearer token 1', 'Bearer token 2']);
  const refused = await clientOf(t, (_, response) => send(response, 401, { code: 'unauthenticated' }), { token });
  await assert.rejects(refused.log.page(), { status: 401, code: 'unauthenticated' });
  assert.equal(refused.asked.length, 2);
  const fixed = await clientOf(t, (_, response) => send(response, 401, {}));
  await assert.rejects(fixed.log.page(), { status: 401 });
  assert.equal(fixed.asked.length, 1);
});

test('a signal ends a request', { timeout: 60_000 }, async (t) => {
  const { log } = await clientOf(t, () => {});
  await assert.rejects(log.page({ signal: AbortSignal.timeout(30) }), { name: 'TimeoutError' });
});

test('a signal ends a wait, also if it is aborted before the wait begins', { timeout: 60_000 }, async () => {
  for (const soon of [setImmediate, (abort: () => void) => abort()]) {
    const controller = new AbortController();
    const refusal = new Response(null, { status: 503, headers: { 'retry-after': '120' } });
    refusal.json = async () => {
      soon(() => controller.abort());
      return unavailable;
    };
    const log = new ActivityLogClient({ baseUrl: 'http://api', token: 'token', fetch: async () => refusal });
    await assert.rejects(log.page({ signal: controller.signal }), { name: 'AbortError' });
  }
});

test('an address that is none of HTTP is an error', () => {
  for (const baseUrl of ['ftp://example.com', 'example.com']) {
    assert.throws(() => new ActivityLogClient({ baseUrl, token: 'token' }), TypeError);
  }
});

test('the types are those of openapi.yaml', async () => {
  const source = new URL('../../../../openapi.yaml', import.meta.url);
  const written = readFileSync(new URL('../../src/api.ts', import.meta.url), 'utf8');
  const made = astToString(await openapiTS(source));
  const body = (text: string) => text.replace(/^\/\*\*[^]*?\*\/\s*/, '');
  assert.equal(body(written), body(made), `npm run generate, for ${fileURLToPath(source)}`);
});
