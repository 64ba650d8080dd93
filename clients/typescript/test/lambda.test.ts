// Handlers of Lambda functions, with events as API Gateway and a load balancer send them.

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';

import type { ALBEvent, APIGatewayProxyEvent, APIGatewayProxyEventV2WithJWTAuthorizer, Context } from 'aws-lambda';

import { activityLog as expressLog } from '../src/express.js';
import { activity, memory, type Transport } from '../src/index.js';
import { activityLog } from '../src/lambda.js';
import { pause } from './server.js';

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

function contextWith(remaining: number): Context {
  return { getRemainingTimeInMillis: () => remaining } as Context;
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
    name: 'slow',
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

test('what is not accepted is logged before the function is stopped', async (t) => {
  const lines: string[] = [];
  t.mock.method(console, 'error', (line: string) => lines.push(line));
  const down: Transport = { name: 'down', send: () => Promise.reject(new Error('the queue is down')) };
  const handler = activityLog({ transport: down, userId: 3 }, async (_: unknown, __: Context) => activity.record('a'));
  const start = performance.now();
  assert.equal(await handler({}, contextWith(2_600)), false);
  assert.ok(performance.now() - start < 2_600);
  assert.equal(JSON.parse(lines[0] ?? '').event, 'activity_not_recorded');
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
