// The transport to SQS: with the SDK of AWS, and a server that answers as SQS does.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { after, before, test, type TestContext } from 'node:test';

import { SQSClient } from '@aws-sdk/client-sqs';

import { activity, sqs } from '../src/index.js';
import { readError, readResponse, regionOf } from '../src/sqs.js';
import { serve, until } from './server.js';

const CREDENTIALS = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test', AWS_REGION: 'eu-west-1' };
before(() => void Object.assign(process.env, CREDENTIALS));
after(() => Object.keys(CREDENTIALS).forEach((name) => delete process.env[name]));

interface Entry {
  Id: string;
  MessageBody: string;
  MessageGroupId: string;
  MessageDeduplicationId: string;
}

/** A queue that answers each request with what `respond` makes of its entries. */
async function queue(t: TestContext, respond: (entries: Entry[], response: ServerResponse) => void): Promise<string> {
  const address = await serve(t, (request: IncomingMessage, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part) => (text += part));
    request.on('end', () => {
      assert.equal(request.headers['x-amz-target'], 'AmazonSQS.SendMessageBatch');
      respond(JSON.parse(text).Entries, response);
    });
  });
  return `${address}/123456789012/log.fifo`;
}

function accept(entries: Entry[], response: ServerResponse, failed: object[] = []): void {
  const Successful = entries.map(({ Id, MessageBody }) => ({
    Id,
    MessageId: Id,
    MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
    SequenceNumber: '1',
  }));
  response.setHeader('content-type', 'application/x-amz-json-1.0').end(JSON.stringify({ Successful, Failed: failed }));
}

test('messages are sent in batches, with user and deduplication id', async (t) => {
  const warn = t.mock.method(console, 'warn', () => {});
  t.after(() => assert.equal(warn.mock.callCount(), 0, 'the SDK has nothing to say'));
  const seen: Entry[][] = [];
  const queueUrl = await queue(t, (entries, response) => {
    seen.push(entries);
    accept(entries, response);
  });
  const job = activity.detached({ queueUrl });
  const results = [1, 2, 3].map((userId) => job.record('create', { userId, description: '😀 \u2028 \uffff' }));
  assert.deepEqual(await Promise.all(results), [true, true, true]);
  assert.equal(seen.length, 1);
  for (const [at, entry] of seen[0]?.entries() ?? []) {
    const { userId, idempotencyKey, description } = JSON.parse(entry.MessageBody);
    assert.deepEqual([entry.Id, entry.MessageGroupId, description], [`${at}`, `${userId}`, '😀 \u2028 \uffff']);
    assert.equal(entry.MessageDeduplicationId, idempotencyKey);
    assert.ok(entry.MessageBody.includes('\\uffff'), 'SQS takes no U+FFFF');
  }
});

test('an entry that fails is sent again under the same id; one that is the sender\'s fault is not', async (t) => {
  t.mock.method(console, 'error', () => {});
  const seen: Entry[][] = [];
  const queueUrl = await queue(t, (entries, response) => {
    seen.push(entries);
    const isFirst = seen.length === 1;
    const of = (user: string) => entries.filter(({ MessageGroupId }) => MessageGroupId === user);
    const failed = isFirst
      ? [
          ...of('2').map(({ Id }) => ({ Id, SenderFault: false, Code: 'InternalError', Message: 'later' })),
          ...of('3').map(({ Id }) => ({ Id, SenderFault: true, Code: 'InvalidMessageContents', Message: 'no' })),
        ]
      : [];
    accept(isFirst ? of('1') : entries, response, failed);
  });
  const job = activity.detached({ queueUrl });
  const results = [1, 2, 3].map((userId) => job.record('create', { userId }));
  assert.deepEqual(await Promise.all(results), [true, true, false]);
  const [first, second, ...more] = seen;
  assert.deepEqual(more, []);
  assert.deepEqual(second?.map((entry) => ({ ...entry, Id: '1' })), [first?.[1]]);
});

test('a server that fails or is not there is tried again, and a queue that is not there is not', async (t) => {
  t.mock.method(console, 'error', () => {});
  let tries = 0;
  const queueUrl = await queue(t, (entries, response) => {
    tries += 1;
    if (tries === 1) response.destroy();
    else if (tries === 2) response.writeHead(503).end();
    else accept(entries, response);
  });
  assert.equal(await activity.detached({ queueUrl, userId: 3 }).record('create'), true);
  assert.equal(tries, 3);

  let asked = 0;
  const missing = await queue(t, (_, response) => {
    asked += 1;
    const type = 'com.amazonaws.sqs#QueueDoesNotExist';
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify({ __type: type, message: 'no queue' }));
  });
  const job = activity.detached({ queueUrl: missing, userId: 3, onError: 'throw' });
  await assert.rejects(job.record('create'), /QueueDoesNotExist/);
  assert.equal(asked, 1);
});

test('a client of one\'s own is used, and a request is broken off with it', async (t) => {
  const controller = new AbortController();
  let isBrokenOff = false;
  const queueUrl = await queue(t, (_, response) => {
    response.on('close', () => (isBrokenOff = true));
    controller.abort();
  });
  const client = new SQSClient({ region: 'us-east-1', credentials: { accessKeyId: 'a', secretAccessKey: 'b' }, maxAttempts: 1 });
  const transport = sqs(queueUrl, client);
  assert.notEqual(sqs(queueUrl, client), transport);
  const [outcome] = await transport.send([{ user: '3', id: 'a', body: '{}' }], controller.signal);
  assert.equal(outcome?.kind, 'failed');
  await until(() => isBrokenOff);
});

test('what is not the address of a FIFO queue is an error where it is given', () => {
  for (const queueUrl of ['log.fifo', 'https://sqs.eu-west-1.amazonaws.com/123456789012/log']) {
    assert.throws(() => activity.detached({ queueUrl }), /^TypeError: queueUrl must be the address of a FIFO queue/);
  }
});

test('one queue has one transport, so that its order is kept', () => {
  const queueUrl = 'https://sqs.eu-west-1.amazonaws.com/123456789012/log.fifo';
  assert.equal(sqs(queueUrl), sqs(queueUrl));
});

test('the region is that of the queue', () => {
  for (const [queueUrl, region] of [
    ['https://sqs.eu-west-1.amazonaws.com/1/log.fifo', 'eu-west-1'],
    ['https://sqs.cn-north-1.amazonaws.com.cn/1/log.fifo', 'cn-north-1'],
    ['https://sqs-fips.us-gov-west-1.amazonaws.com/1/log.fifo', 'us-gov-west-1'],
    ['https://vpce-0a1b-2c3d.sqs.us-east-1.vpce.amazonaws.com/1/log.fifo', 'us-east-1'],
    ['https://sqs.us-east-1.api.aws/1/log.fifo', 'us-east-1'],
    ['https://sqs.us-east-1.example.com/1/log.fifo', undefined],
    ['http://127.0.0.1:5000/1/log.fifo', undefined],
  ] as const) assert.equal(regionOf(queueUrl), region);
});

test('an entry that a response says nothing of has failed', () => {
  const message = { user: '3', id: 'a', body: '{}' };
  const kinds = readResponse([message, message], { Successful: [{ Id: '1' }] }).map(({ kind }) => kind);
  assert.deepEqual(kinds, ['failed', 'accepted']);
});

test('errors of a request are told apart by whether they pass', () => {
  for (const [name, $fault, kind] of [
    ['QueueDoesNotExist', 'client', 'refused'],
    ['AccessDenied', 'client', 'refused'],
    ['RequestThrottled', 'client', 'failed'],
    ['ThrottlingException', 'client', 'failed'],
    ['KmsThrottled', 'client', 'failed'],
    ['OverLimit', 'client', 'failed'],
    ['ExpiredToken', 'client', 'failed'],
    ['InternalFailure', 'server', 'failed'],
    ['CredentialsProviderError', undefined, 'failed'],
    ['TimeoutError', undefined, 'failed'],
  ] as const) assert.equal(readError(Object.assign(new Error('x'), { name, $fault })).kind, kind, name);
  const $metadata = { httpStatusCode: 503 };
  const error = Object.assign(new Error('x'), { name: 'ServiceUnavailable', $fault: 'client', $metadata });
  assert.equal(readError(error).kind, 'failed');
});
