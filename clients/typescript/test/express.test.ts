// Express 5.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import express, { type NextFunction, type Request, type Response } from 'express';

import { activityLog } from '../src/express.js';
import { activity, memory } from '../src/index.js';
import { pause, post, serve, until, USERS } from './server.js';

interface Known {
  user?: { id: number };
}

/** Knows the user from a header, after a pause. */
async function authenticate(request: Request, _: Response, next: NextFunction): Promise<void> {
  await pause(1);
  (request as Known).user = { id: Number(request.get('x-user')) };
  next();
}

/** A body parser that listens to the request itself, and keeps no context of its own. */
function ownParser(request: Request, _: Response, next: NextFunction): void {
  let text = '';
  request.setEncoding('utf8');
  request.on('data', (part: string) => (text += part));
  request.on('end', () => {
    request.body = JSON.parse(text || '{}');
    next();
  });
}

async function deepBelow(action: string, resource: number): Promise<boolean> {
  await pause(1);
  return activity.record(action, { resource: ['function', resource], environment: [4, 4] });
}

for (const [order, parsers] of [
  ['before', [express.json()]],
  ['before', [ownParser]],
  ['after', [express.json()]],
  ['after', [ownParser]],
] as const) {
  const [parser] = parsers;
  test(`fifty users at once, with ${parser.name || 'a parser'} ${order} the middleware`, async (t) => {
    const log = memory();
    const middleware = activityLog({ transport: log, userId: (request: Request & Known) => request.user?.id });
    const app = express();
    if (order === 'before') app.use(parser, middleware, authenticate);
    else app.use(middleware, parser, authenticate);
    app.post('/functions', async (request, response) => {
      assert.equal(await activity.record('create', { description: `of ${request.get('x-user')}` }), true);
      await deepBelow('connect', request.body.resource);
      response.json({ resource: request.body.resource });
    });
    const address = await serve(t, app);
    await Promise.all(USERS.map(async (user) => {
      const body = JSON.stringify({ resource: user * 100 });
      const { status, text } = await post(`${address}/functions`, body, { 'x-user': `${user}`, 'user-agent': `agent ${user}` });
      assert.deepEqual([status, text], [200, body]);
    }));
    for (const user of USERS) {
      const [created, connected, ...more] = log.of(user);
      assert.ok(created && connected);
      assert.deepEqual(more, []);
      assert.deepEqual([created.action, created.description], ['create', `of ${user}`]);
      assert.deepEqual([connected.action, connected.resourceId, connected.projectId], ['connect', user * 100, 4]);
      assert.deepEqual([created.ipAddress, created.userAgent], ['127.0.0.1', `agent ${user}`]);
    }
  });
}

test('a streamed response, its end, and work that goes on after it', async (t) => {
  const log = memory();
  const app = express();
  app.use(activityLog({ transport: log, userId: 3 }));
  app.get('/', (_, response) => {
    response.on('finish', () => void activity.record('finish'));
    response.write('a');
    setTimeout(() => {
      void activity.record('write');
      response.end('b');
    }, 5);
    void once(response, 'close').then(() => activity.record('later'));
  });
  const response = await fetch(await serve(t, app));
  assert.equal(await response.text(), 'ab');
  await until(() => log.messages.length === 3);
  assert.deepEqual(log.messages.map(({ action }) => action), ['write', 'finish', 'later']);
});

test('an error in a handler stays what it is, and what was recorded before is sent', async (t) => {
  const log = memory();
  const app = express();
  app.use(activityLog({ transport: log, userId: 3 }));
  app.get('/', async () => {
    void activity.record('try');
    await pause(1);
    throw new Error('a fault of the route');
  });
  app.use((error: Error, _: Request, response: Response, _next: NextFunction) => {
    void activity.record('fail', { description: error.message });
    response.status(500).json({ message: error.message });
  });
  const response = await fetch(await serve(t, app));
  assert.deepEqual([response.status, await response.json()], [500, { message: 'a fault of the route' }]);
  await activity.flush();
  assert.deepEqual(log.messages.map(({ action, description }) => [action, description]), [
    ['try', undefined],
    ['fail', 'a fault of the route'],
  ]);
});

test('a request that nobody is known for is the caller\'s mistake, until somebody is', async (t) => {
  const log = memory();
  const app = express();
  app.use(activityLog({ transport: log, userId: (request: Request & Known) => request.user?.id }));
  app.use((request, _, next) => {
    assert.throws(() => activity.record('early'), new TypeError('userId is required'));
    void activity.record('login', { userId: 9 });
    (request as Known).user = { id: 5 };
    next();
  });
  app.get('/', async (_, response) => {
    response.json(await activity.record('late'));
  });
  assert.equal(await (await fetch(await serve(t, app))).json(), true);
  assert.deepEqual(log.messages.map(({ userId, action }) => [userId, action]), [[9, 'login'], [5, 'late']]);
});

test('a user that is looked up is looked up once a request, and not again after that', async (t) => {
  const log = memory();
  let lookups = 0;
  const lookUp = async (request: Request) => {
    lookups += 1;
    await pause(2);
    return request.get('x-user') ?? null;
  };
  const app = express();
  app.use(activityLog({ transport: log, userId: lookUp }));
  app.get('/', async (_, response) => {
    const both = [activity.record('a'), activity.record('b')];
    response.json(await Promise.all([...both, activity.record('c')]));
  });
  app.get('/nobody', async (_, response) => {
    await assert.rejects(activity.record('a'), new TypeError('userId is required'));
    await assert.rejects(activity.record('b'), new TypeError('userId is required'));
    response.json(null);
  });
  const address = await serve(t, app);
  await fetch(address, { headers: { 'x-user': '7' } });
  assert.deepEqual([lookups, log.of(7).map(({ action }) => action)], [1, ['a', 'b', 'c']]);
  await fetch(`${address}/nobody`);
  assert.equal(lookups, 3);
});

test('X-Forwarded-For is ignored, or counted from the right over the trusted proxies', async (t) => {
  const forged = '198.51.100.66, 203.0.113.9:4711, 10.0.0.7';
  for (const [trustedHops, expected] of [[0, '127.0.0.1'], [1, '10.0.0.7'], [2, '203.0.113.9'], [9, '198.51.100.66']] as const) {
    const log = memory();
    const app = express();
    app.use(activityLog({ transport: log, userId: 3, trustedHops }));
    app.get('/', async (_, response) => void response.json(await activity.record('read')));
    await fetch(await serve(t, app), { headers: { 'x-forwarded-for': forged } });
    assert.equal(log.messages[0]?.ipAddress, expected);
  }
});

test('a user agent in UTF-8 is read as that', async (t) => {
  const log = memory();
  const app = express();
  app.use(activityLog({ transport: log, userId: 3 }));
  app.post('/', async (_, response) => void response.json(await activity.record('read')));
  const address = await serve(t, app);
  await post(address, '{}', { 'user-agent': Buffer.from('Grüße 😀').toString('latin1') });
  await post(address, '{}', { 'user-agent': 'Gr\u00fc\u00dfe' });
  assert.deepEqual(log.messages.map(({ userAgent }) => userAgent), ['Grüße 😀', 'Grüße']);
});
