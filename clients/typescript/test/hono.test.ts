// Hono, on Node and as the handler of a Lambda function.

import assert from 'node:assert/strict';
import type { Server } from 'node:http';
import { test } from 'node:test';

import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { handle } from 'hono/aws-lambda';
import { streamText } from 'hono/streaming';

import { activityLog } from '../src/hono.js';
import { activity, memory, type Memory, type Transport } from '../src/index.js';
import { activityLog as lambdaLog } from '../src/lambda.js';
import { pause, post, serve, USERS } from './server.js';

const FAILING = {
  version: '2.0',
  routeKey: '$default',
  rawPath: '/fail',
  rawQueryString: '',
  headers: { 'x-user': '3', 'user-agent': 'curl' },
  requestContext: { domainName: 'example.com', http: { method: 'GET', path: '/fail', sourceIp: '203.0.113.9', userAgent: 'curl' } },
  isBase64Encoded: false,
};

type Env = { Variables: { user: number } };

function appWith(log: Memory): Hono<Env> {
  const app = new Hono<Env>();
  app.use(activityLog({ transport: log, userId: (c) => c.get('user') }));
  app.use(async (c, next) => {
    await pause(1);
    c.set('user', Number(c.req.header('x-user')));
    await next();
  });
  app.post('/functions', async (c) => {
    const { resource } = await c.req.json<{ resource: number }>();
    await activity.record('create', { resource: ['function', resource] });
    await pause(1);
    await activity.record('connect');
    return c.json({ resource });
  });
  app.get('/stream', (c) => streamText(c, async (stream) => {
    await stream.write('a');
    await pause(2);
    void activity.record('write');
    await stream.write('b');
  }));
  app.get('/fail', async () => {
    void activity.record('try');
    await pause(1);
    throw new Error('a fault of the route');
  });
  app.onError((error, c) => {
    void activity.record('fail');
    return c.text(error.message, 500);
  });
  return app;
}

test('fifty users at once', async (t) => {
  const log = memory();
  const address = await serve(t, createAdaptorServer(appWith(log)) as Server);
  await Promise.all(USERS.map(async (user) => {
    const body = JSON.stringify({ resource: user * 100 });
    const sent = await post(`${address}/functions`, body, { 'x-user': `${user}`, 'user-agent': `agent ${user}` });
    assert.deepEqual([sent.status, sent.text], [200, body]);
  }));
  for (const user of USERS) {
    const all = log.of(user);
    assert.deepEqual(all.map(({ action, resourceId }) => [action, resourceId]), [['create', user * 100], ['connect', undefined]]);
    assert.deepEqual([all[0]?.ipAddress, all[0]?.userAgent], ['127.0.0.1', `agent ${user}`]);
  }
});

test('a streamed response, and an error in a handler', async (t) => {
  const log = memory();
  const address = await serve(t, createAdaptorServer(appWith(log)) as Server);
  const headers = { 'x-user': '3' };
  assert.equal(await (await fetch(`${address}/stream`, { headers })).text(), 'ab');
  const failed = await fetch(`${address}/fail`, { headers });
  assert.deepEqual([failed.status, await failed.text()], [500, 'a fault of the route']);
  await activity.flush();
  assert.deepEqual(log.messages.map(({ action }) => action), ['write', 'try', 'fail']);
});

test('in a Lambda function, the address is that of the event, and all is sent before it returns', async () => {
  const log = memory();
  const handler = lambdaLog({ transport: log }, handle(appWith(log)));
  const response = await handler(FAILING as never, {} as never);
  assert.equal((response as { statusCode: number }).statusCode, 500);
  assert.deepEqual(log.messages.map(({ action, ipAddress, userAgent }) => [action, ipAddress, userAgent]), [
    ['try', '203.0.113.9', 'curl'],
    ['fail', '203.0.113.9', 'curl'],
  ]);
});

test('in a Lambda function, what is not accepted is logged before the function is stopped', { timeout: 60_000 }, async (t) => {
  const error = t.mock.method(console, 'error', () => {});
  const down: Transport = { send: () => Promise.reject(new Error('the queue is down')) };
  const app = new Hono();
  app.use(activityLog({ transport: down, userId: 3, deadline: 240_000 }));
  app.get('/fail', async (c) => c.json(await activity.record('a')));
  const handler = lambdaLog({ transport: down }, handle(app)) as (...given: unknown[]) => Promise<unknown>;
  // The third argument of the runtime is a callback.
  await handler(FAILING, { getRemainingTimeInMillis: () => 2_600 }, () => {});
  assert.equal(error.mock.callCount(), 1);
});
