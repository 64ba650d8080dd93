// What a caller is told: of an invalid action, of what was altered, of what was not accepted.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test, type TestContext } from 'node:test';

import { activity, DeliveryError, memory, type Outcome, type Transport } from '../src/index.js';
import { pause } from './server.js';
import { replaceTime } from './time.js';

/** The lines that are written with a method of the console until the test ends. */
function written(t: TestContext, method: 'error' | 'warn'): string[] {
  const lines: string[] = [];
  t.mock.method(console, method, (line: string) => lines.push(line));
  return lines;
}

function refusing(): Transport {
  const log = memory();
  log.failure = new Error('a refusal of the test');
  return log;
}

test('outside of a request, record throws, and says what to use instead', () => {
  assert.throws(() => activity.record('create'), /outside of a request.*activity\.detached\(/);
});

test('a job records for its user, and in all that it calls', async () => {
  const log = memory();
  const job = activity.detached({ transport: log, userId: '5' });
  assert.equal(await job.record('sync', { resource: ['database', 7] }), true);
  await job.run(async () => {
    await pause(1);
    await activity.record('update');
    await activity.record('login', { userId: 6 });
  });
  assert.deepEqual(log.messages.map(({ userId, action, resourceId }) => [userId, action, resourceId]), [
    [5, 'sync', 7],
    [5, 'update', undefined],
    [6, 'login', undefined],
  ]);
  assert.throws(() => activity.detached({ transport: log }).record('sync'), new TypeError('userId is required'));
});

test('options that cannot be are errors where they are given', () => {
  assert.throws(() => activity.detached({}), new TypeError('queueUrl is required'));
  const transport = memory();
  for (const deadline of [-1, 0, NaN, 240_001]) {
    assert.throws(() => activity.detached({ transport, deadline }), /^TypeError: deadline must be/);
  }
  assert.throws(() => activity.detached({ transport, onError: 'ignore' as 'log' }), /^TypeError: onError must be/);
});

test('a message that is not accepted is logged so that it can be sent again', async (t) => {
  const lines = written(t, 'error');
  const job = activity.detached({ transport: refusing(), userId: 5 });
  assert.equal(await job.record('create', { idempotencyKey: 'k', occurredAt: 0 }), false);
  const [line = '', ...more] = lines;
  assert.deepEqual(more, []);
  const { deduplicationId, ...rest } = JSON.parse(line);
  assert.match(deduplicationId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    event: 'activity_not_recorded',
    error: 'Error: a refusal of the test',
    groupId: '5',
    body: '{"userId":5,"action":"create","occurredAt":"1970-01-01T00:00:00.000Z","idempotencyKey":"k"}',
  });
});

test('a message that is not accepted is an error, if that is wanted', async (t) => {
  const lines = written(t, 'error');
  const job = activity.detached({ transport: refusing(), userId: 5, onError: 'throw' });
  await assert.rejects(job.record('create'), (error: DeliveryError) => {
    assert.ok(error instanceof DeliveryError);
    assert.equal(error.message, 'the activity was not accepted by the queue: Error: a refusal of the test');
    assert.deepEqual([error.sent.user, JSON.parse(error.sent.body).action], ['5', 'create']);
    return true;
  });
  assert.deepEqual(lines, []);
});

test('of an error that nobody awaits a line is written, and the process goes on', async (t) => {
  const lines = written(t, 'error');
  const rejections: unknown[] = [];
  const listener = (error: unknown) => rejections.push(error);
  process.on('unhandledRejection', listener);
  t.after(() => process.off('unhandledRejection', listener));
  const job = activity.detached({ transport: refusing(), userId: 5, onError: 'throw' });
  void job.record('create');
  await activity.flush();
  const lookUp = { transport: memory(), userId: Promise.reject(new Error('no such session')) as never };
  void activity.detached(lookUp).record('create');
  await activity.flush();
  await pause(5);
  assert.deepEqual(lines.map((line) => JSON.parse(line).error), ['Error: a refusal of the test', 'Error: no such session']);
  assert.deepEqual(rejections, []);
});

test('an action whose user is not found before the deadline is given up, and its line has all but the user', async (t) => {
  const lines = written(t, 'error');
  const time = replaceTime(t);
  const options = { transport: memory(), userId: new Promise(() => {}) as never, deadline: 1_000, redact: ['key'] };
  const given = { resource: ['function', 5], metadata: { key: 'secret' }, idempotencyKey: 'k', occurredAt: 0 } as const;
  const draft =
    '{"resourceType":"function","resourceId":5,"action":"create","metadata":{"key":"[redacted]"},'
    + '"occurredAt":"1970-01-01T00:00:00.000Z","idempotencyKey":"k"}';
  assert.equal(await time.until(activity.detached(options).record('create', given)), false);
  assert.equal(time.now(), 1_000);
  const [{ deduplicationId, ...rest } = {}, ...more] = lines.map((line) => JSON.parse(line));
  assert.match(deduplicationId, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, { event: 'activity_not_recorded', error: 'Error: the user was not found in time', draft });
  const thrown = activity.detached({ ...options, onError: 'throw' }).record('create', given);
  await assert.rejects(time.until(thrown), (error: DeliveryError) => {
    assert.ok(error instanceof DeliveryError);
    assert.deepEqual([error.sent.user, error.sent.body], [undefined, draft]);
    return true;
  });
  assert.deepEqual([more, lines.length], [[], 1]);
});

test('an error that somebody awaits is not written, whichever way it is awaited', async (t) => {
  const lines = written(t, 'error');
  const job = activity.detached({ transport: refusing(), userId: 5, onError: 'throw' });
  const later = job.record('a');
  const all = await Promise.allSettled([
    job.record('b'),
    job.record('c').then(() => {}),
    job.record('d').finally(() => {}),
    (async () => job.record('e'))(),
    later,
  ]);
  assert.deepEqual(all.map(({ status }) => status), all.map(() => 'rejected'));
  assert.equal(await job.record('f').catch(() => 'caught'), 'caught');
  await assert.rejects(activity.detached({ transport: memory(), userId: Promise.reject(new Error('x')) as never }).record('g'));
  await activity.flush();
  assert.deepEqual(lines, []);
});

test('what had to be altered is told once a call, with no values', async (t) => {
  const warnings = written(t, 'warn');
  const log = memory();
  const long = { description: 'secret'.repeat(500), resource: ['Big One', 5] } as const;
  await activity.detached({ transport: log, userId: 5 }).record('create', long);
  assert.deepEqual(warnings, ['activity log: resourceType, description had to be altered to be recorded']);

  const told: unknown[] = [];
  const onAltered = (fields: string[], message: string) => void told.push([fields, JSON.parse(message)]);
  const job = activity.detached({ transport: log, userId: 5, onAltered });
  await job.record('create', long);
  await job.record('create');
  assert.deepEqual(told, [[['resourceType', 'description'], log.messages[1]]]);
  assert.equal(warnings.length, 1);
});

test('a function that is told of alterations and fails keeps nothing from being recorded', async (t) => {
  const lines = written(t, 'error');
  const log = memory();
  const onAltered = () => { throw new Error('a fault of the caller'); };
  assert.equal(await activity.detached({ transport: log, userId: 5, onAltered }).record('A'), true);
  assert.deepEqual([log.messages.length, lines], [1, ['activity log: onAltered threw Error: a fault of the caller']]);
});

test('keys are redacted before anything is sent, logged or told', async (t) => {
  const lines = written(t, 'error');
  const told: string[] = [];
  const options = { userId: 5, redact: ['Password'], onAltered: (_: string[], message: string) => void told.push(message) };
  const job = activity.detached({ ...options, transport: refusing() });
  await job.record('Create', { metadata: { user: { password: 'secret' } }, changes: { PASSWORD: { to: 'secret' } } });
  assert.equal(told.length, 1);
  assert.ok(![...lines, ...told].some((text) => text.includes('secret')));
});

test('one transport keeps the order of a user, whoever records over it', async () => {
  const order: string[] = [];
  let underWay = 0;
  const transport: Transport = {
    async send(messages) {
      underWay += 1;
      assert.equal(underWay, 1);
      await pause(2);
      underWay -= 1;
      order.push(...messages.map(({ body }) => JSON.parse(body).action));
      return messages.map((): Outcome => ({ kind: 'accepted' }));
    },
  };
  const [first, second] = [activity.detached({ transport, userId: 5 }), activity.detached({ transport, userId: 5 })];
  void first.record('a');
  void second.record('b');
  void first.record('c');
  await activity.flush();
  assert.deepEqual(order, ['a', 'b', 'c']);
});

/** A job over a queue that accepts nothing until it is opened, or until the test ends. */
function gated(t: TestContext) {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  const transport: Transport = {
    async send(messages) {
      await opened;
      return messages.map((): Outcome => ({ kind: 'accepted' }));
    },
  };
  t.after(open);
  return { open, job: activity.detached({ transport, userId: 1, deadline: 240_000 }) };
}

test('flush waits for what was recorded before, and not for what comes after', async (t) => {
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const [first, second] = [gated(t), gated(t)];
  const ended: string[] = [];
  const before = first.job.record('before').finally(() => ended.push('before'));
  void activity.flush().finally(() => ended.push('flush'));
  const late = second.job.record('late').finally(() => ended.push('late'));
  await turn();
  assert.deepEqual(ended, []);
  first.open();
  assert.equal(await before, true);
  await turn();
  assert.deepEqual([...ended].sort(), ['before', 'flush']);
  second.open();
  assert.equal(await late, true);
});

test('a process ends when all is sent, and not later', () => {
  const program = `
    import { activity, memory } from '${new URL('../src/index.js', import.meta.url)}';
    const log = memory();
    for (const userId of [1, Promise.resolve(2)]) {
      void activity.detached({ transport: log, userId, deadline: 240_000 }).record('a');
    }
    process.on('exit', () => console.log(log.messages.length));`;
  const options = { encoding: 'utf8', timeout: 60_000 } as const;
  const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], options);
  assert.deepEqual([stdout, signal], ['2\n', null], 'no timer keeps it for the deadline');
});

test('memory forgets, and finds what one user did', async () => {
  const log = memory();
  const job = activity.detached({ transport: log, userId: 5 });
  await job.record('a');
  await job.record('b', { userId: 6n });
  assert.deepEqual(log.of(6).map(({ action }) => action), ['b']);
  log.clear();
  assert.deepEqual(log.messages, []);
});
