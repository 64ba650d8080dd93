// Fastify 5.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import Fastify, { type FastifyRequest } from 'fastify';

import { activityLog } from '../src/fastify.js';
import { activity, memory, type Memory } from '../src/index.js';
import { pause, post, serve, until, USERS } from './server.js';

async function appWith(log: Memory) {
  const app = Fastify();
  app.decorateRequest('user', 0);
  await app.register(activityLog({ transport: log, userId: (request: FastifyRequest & { user?: number }) => request.user }));
  app.addHook('onRequest', async (request: FastifyRequest & { user?: number }) => {
    await pause(1);
    request.user = Number(request.headers['x-user']);
  });
  app.addHook('preHandler', async () => void (await activity.record('prepare')));
  app.addHook('onResponse', async () => void (await activity.record('respond')));
  // A plugin of its own, whose routes the hook counts for, too.
  await app.register(async (inner) => {
    inner.post<{ Body: { resource: number } }>('/functions', async (request) => {
      await pause(1);
      await activity.record('create', { resource: ['function', request.body.resource] });
      return request.body;
    });
  });
  app.get('/fail', async () => {
    throw new Error('a fault of the route');
  });
  app.setErrorHandler(async (error: Error, _, reply) => {
    await activity.record('fail');
    return reply.status(500).send(error.message);
  });
  return app;
}

test('fifty users at once, in hooks, routes and plugins', async (t) => {
  const log = memory();
  const app = await appWith(log);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const address = await serve(t, app.server);
  await Promise.all(USERS.map(async (user) => {
    const body = JSON.stringify({ resource: user * 100 });
    const sent = await post(`${address}/functions`, body, { 'x-user': `${user}`, 'user-agent': `agent ${user}` });
    assert.deepEqual([sent.status, sent.text], [200, body]);
  }));
  await until(() => log.messages.length === 3 * USERS.length);
  for (const user of USERS) {
    const all = log.of(user);
    assert.deepEqual(all.map(({ action, resourceId }) => [action, resourceId]), [
      ['prepare', undefined],
      ['create', user * 100],
      ['respond', undefined],
    ]);
    assert.deepEqual([all[0]?.ipAddress, all[0]?.userAgent], ['127.0.0.1', `agent ${user}`]);
  }
});

test('an error in a handler, and a request that is injected', async () => {
  const log = memory();
  const app = await appWith(log);
  const response = await app.inject({ url: '/fail', headers: { 'x-user': '3' }, remoteAddress: '203.0.113.9' });
  assert.deepEqual([response.statusCode, response.body], [500, 'a fault of the route']);
  await until(() => log.messages.length === 3);
  assert.deepEqual(log.messages.map(({ action, ipAddress }) => [action, ipAddress]), [
    ['prepare', '203.0.113.9'],
    ['fail', '203.0.113.9'],
    ['respond', '203.0.113.9'],
  ]);
  await app.close();
});
