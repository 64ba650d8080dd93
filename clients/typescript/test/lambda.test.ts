// Handlers of Lambda functions, with events as API Gateway and a load balancer send them.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test, type TestContext } from 'node:test';

import type { ALBEvent, APIGatewayProxyEvent, APIGatewayProxyEventV2WithJWTAuthorizer, Context } from 'aws-lambda';

import { activityLog as expressLog } from '../src/express.js';
import { activity, memory, type Transport } from '../src/index.js';
import { activityLog } from '../src/lambda.js';
import { pause } from './server.js';
import { replaceTime } from './time.js';

const V2 = {
  version: '2.0',
  headers: { 'user-agent': 'from the header', 'x-forwarded-for': '198.51.100.66, 192.0.2.7, 203.0.113.9' },
  requestContext: {
    http: { method: 'POST', path: '/', protocol: 'HTTP/1.1', sourceIp: '203.0.113.9', userAgent: 'curl/8.7.1' },
    authorizer: { jwt: { claims: { sub: '7' }, scopes: [] } },
  },
} as unknown as APIGatewayProxyEventV2WithJWTAuthorizer;

const V1 = {
  httpMethod: 'POST',
  headers: { 'User-Agent': 'from the header', 'X-Forwarded-For': '198.51.100.66, 192.0.2.7' },
  multiValueHeaders: { 'X-Forwarded-For': ['198.51.100.66', '192.0.2.7'] },
  requestContext: { identity: { sourceIp: '2001:db8::1', userAgent: 'curl/8.7.1' }, authorizer: { claims: { sub: '8' } } },
} as unknown as APIGatewayProxyEvent;

const ALB = {
  headers: { 'user-agent': 'curl/8.7.1', 'x-forwarded-for': '198.51.100.66, 192.0.2.7' },
  requestContext: { elb: { targetGroupArn: 'arn' } },
} as unknown as ALBEvent;

const DOWN: Transport = { send: () => Promise.reject(new Error('the queue is down')) };

function contextWith(remaining: number): Context {
  return { getRemainingTimeInMillis: () => remaining } as Context;
}

/** The context of a function that is stopped after so many milliseconds. */
function stoppedAt(end: number): Context {
  return { getRemainingTimeInMillis: () => end - performance.now() } as Context;
}

test('user, address and agent are those of an event of version 2', async () => {
  const log = memory();
  const handler = activityLog(
    { transport: log, userId: (event) => event.requestContext.authorizer.jwt.claims['sub'] as string },
    async (_: APIGatewayProxyEventV2WithJWTAuthorizer) => {
      await activity.record('create');
      return { statusCode: 201 };
    },
  );
  assert.deepEqual(await handler(V2), { statusCode: 201 });
  const [{ userId, ipAddress, userAgent } = {}] = log.messages;
  assert.deepEqual([userId, ipAddress, userAgent], [7, '203.0.113.9', 'curl/8.7.1']);
});

test('user, address and agent are those of an event of version 1', async () => {
  const log = memory();
  const handler = activityLog(
    { transport: log, userId: async (event: APIGatewayProxyEvent) => event.requestContext.authorizer?.['claims'].sub as string },
    async (_: APIGatewayProxyEvent, __: Context) => activity.record('create'),
  );
  assert.equal(await handler(V1, contextWith(3_000)), true);
  const [{ userId, ipAddress, userAgent } = {}] = log.messages;
  assert.deepEqual([userId, ipAddress, userAgent], [8, '2001:db8::1', 'curl/8.7.1']);
});

test('proxies before API Gateway, and a load balancer, are counted', async () => {
  for (const [event, trustedHops, expected] of [
    [V2, 1, '192.0.2.7'],
    [V2, 2, '198.51.100.66'],
    [V1, 1, '192.0.2.7'],
    [ALB, 0, undefined],
    [ALB, 1, '192.0.2.7'],
    [{ Records: [] }, 1, undefined],
    [null, 0, undefined],
  ] as const) {
    const log = memory();
    await activityLog({ transport: log, userId: 3, trustedHops }, (_: unknown) => activity.record('read'))(event);
    assert.equal(log.messages[0]?.ipAddress, expected);
  }
});

test('a framework that an adapter runs in a handler has the address of the event', async () => {
  const log = memory();
  const middleware = expressLog({ transport: log, userId: 3, trustedHops: 1 });
  // As adapters make it: API Gateway is the peer, and has added itself to the header.
  const request = Object.assign(new EventEmitter(), { headers: V2.headers, socket: { remoteAddress: '203.0.113.9' } });
  const record = () => new Promise((resolve) => {
    middleware(request, new EventEmitter(), () => resolve(activity.record('create')));
  });
  await activityLog({ transport: log }, (_: unknown) => record())(V2);
  await activityLog({ transport: log }, (_: unknown) => record())({ Records: [] });
  assert.deepEqual(log.messages.map(({ ipAddress, userAgent }) => [ipAddress, userAgent]), [
    ['192.0.2.7', 'curl/8.7.1'],
    ['203.0.113.9', 'from the header'],
  ]);
});

test('what nobody awaits is sent before the function returns, also if it fails', async () => {
  const log = memory();
  const slow: Transport = {
    async send(messages, signal) {
      await pause(30);
      return log.send(messages, signal);
    },
  };
  const handler = activityLog({ transport: slow, userId: 3 }, (event: { fails: boolean }) => {
    void activity.record('a');
    void activity.record('b', { userId: 4 });
    if (event.fails) throw new Error('a fault of the handler');
  });
  await handler({ fails: false });
  assert.deepEqual(log.messages.map(({ userId }) => userId), [3, 4]);
  await assert.rejects(handler({ fails: true }), new Error('a fault of the handler'));
  assert.equal(log.messages.length, 4);
});

/** The lines that are written as errors until the test ends. */
function written(t: TestContext): string[] {
  const lines: string[] = [];
  t.mock.method(console, 'error', (line: string) => lines.push(line));
  return lines;
}

test('what is not accepted is logged before the function is stopped', async (t) => {
  const lines = written(t);
  const time = replaceTime(t);
  const silent: Transport = { send: () => new Promise(() => {}) };
  const handler = activityLog({ transport: silent, userId: 3 }, async (_: unknown, ...__: unknown[]) => activity.record('a'));
  // The runtime passes a callback after the context, or a stream before it.
  for (const rest of [(context: Context) => [context, () => {}], (context: Context) => [{}, context]]) {
    const end = time.now() + 2_600;
    assert.equal(await time.until(handler({}, ...rest(stoppedAt(end)))), false);
    assert.ok(time.now() < end, `${time.now()}`);
  }
  const line = ['activity_not_recorded', '3'];
  assert.deepEqual(lines.map((text) => [JSON.parse(text).event, JSON.parse(text).groupId]), [line, line]);
});

test('what a job within a handler records is logged before the function is stopped', async (t) => {
  const lines = written(t);
  const time = replaceTime(t);
  const job = activity.detached({ transport: DOWN, userId: 4 });
  const handler = activityLog({ transport: memory() }, async (_: unknown, __: Context) => {
    void job.record('a');
    job.run(() => void activity.record('b'));
  });
  await time.until(handler({}, stoppedAt(2_600)));
  assert.ok(time.now() < 2_600, `${time.now()}`);
  assert.deepEqual(lines.map((line) => JSON.parse(JSON.parse(line).body).action), ['a', 'b']);
});

test('the time that a user is looked up for is not spent on the message again', async (t) => {
  written(t);
  const time = replaceTime(t);
  let last = 0;
  const down: Transport = {
    send() {
      last = time.now();
      return Promise.reject(new Error('the queue is down'));
    },
  };
  const userId = async () => {
    await pause(500);
    return 3;
  };
  const handler = activityLog({ transport: down, userId }, async (_: unknown, __: Context) => activity.record('a'));
  assert.equal(await time.until(handler({}, stoppedAt(2_600))), false);
  assert.ok(last >= 500 && last < 1_100, `${last}`);
});

test('an action whose user is not found in time is logged, and is not sent later', async (t) => {
  const lines = written(t);
  const time = replaceTime(t);
  const log = memory();
  const userId = async () => {
    await pause(1_500);
    return 3;
  };
  const handler = activityLog({ transport: log, userId }, async (_: unknown, __: Context) => activity.record('a'));
  assert.equal(await time.until(handler({}, stoppedAt(2_600))), false);
  assert.ok(time.now() < 1_500, `${time.now()}`);
  assert.deepEqual(lines.map((line) => JSON.parse(JSON.parse(line).draft).action), ['a']);
  await time.until(pause(1_000));
  assert.deepEqual(log.messages, []);
});

test('a handler that streams its response has all its arguments', async () => {
  const log = memory();
  const handler = activityLog({ transport: log, userId: 3 }, async (_: unknown, stream: string[], __: Context) => {
    stream.push('a');
    await activity.record('write');
  });
  const stream: string[] = [];
  await handler({}, stream, contextWith(3_000));
  assert.deepEqual([stream, log.messages.length], [['a'], 1]);
});
