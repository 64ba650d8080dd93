// Messages of random calls, held against the recorder's own parser.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { BATCH } from '../src/delivery.js';
import { buildMessage, type Id, type RecordOptions } from '../src/message.js';
import { needsParser, parseMessage } from './parser.js';

const NOW = Date.parse('2024-01-15T10:30:00.000Z');
const MOMENT = { now: NOW, uuid: '5f0c6a52-3c56-4d0b-9a0e-3f1f6c1b7a11' };
const NOTHING: ReadonlySet<string> = new Set();
const RUNS = Number(process.env['FAST_CHECK_RUNS'] ?? 500);

/** Text as it comes: with half surrogate pairs, control characters, what is long, and what SQS refuses. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.array(fc.nat(0xffff)).map((units) => String.fromCharCode(...units)),
  fc.array(fc.constantFrom('\ud83d', '\ude00', '\\', 'ud83d', '"', '\n', '\u2028', '\ufffe', '\uffff', 'é'))
    .map((parts) => parts.join('')),
  fc.tuple(fc.constantFrom('x', 'é', '😀', '\ud83d', '\u0000'), fc.integer({ min: 60, max: 1_100 }))
    .map(([letter, count]) => letter.repeat(count)),
);
const address = fc.oneof(
  fc.ipV4(),
  fc.ipV6(),
  fc.ipV6().map((ip) => `[${ip}]:443`),
  fc.ipV4().map((ip) => `${ip}:80`),
  fc.ipV4().map((ip) => `::ffff:${ip}`),
  fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('10.0.0.1', 'fd00::1', 'unknown', '')), { maxLength: 4 })
    .map((list) => list.join(', ')),
  fc.string({ unit: fc.constantFrom(...'0123456789abcdef:.,[]%/ "\u00a0\u0085'), maxLength: 24 }),
);
const id: fc.Arbitrary<Id> = fc.oneof(
  fc.integer({ min: 1, max: 9 }),
  fc.maxSafeNat(),
  fc.maxSafeNat().map(String),
  fc.bigInt({ min: 0n, max: 2n ** 54n }),
  fc.constantFrom(0, -1, 1.5, 2 ** 53, '', '05', 'i-0abc'),
);
const json = fc.jsonValue({ maxDepth: 6 });
const deep = fc.nat(60).map((levels) => {
  let value: unknown = [];
  for (let level = 0; level < levels; level += 1) value = level % 2 ? [value] : { a: value };
  return value;
});
// Numbers of JSON are the same in both, however they are written; -0 is not.
const metadata = fc.oneof(json, fc.dictionary(text, fc.oneof(json, text, deep)), deep)
  .map((value) => JSON.parse(JSON.stringify(value)) as object | null);
const optional = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: undefined });
const options: fc.Arbitrary<RecordOptions> = fc.record({
  resource: optional(fc.tuple(text, optional(id))),
  environment: optional(fc.tuple(id, id)),
  project: optional(id),
  description: optional(text),
  metadata: optional(metadata),
  changes: optional(fc.dictionary(text, fc.record({ from: json, to: json }))),
  userId: fc.integer({ min: 1 }),
  ipAddress: optional(address),
  userAgent: optional(text),
  occurredAt: optional(
    fc.oneof(fc.date({ noInvalidDate: false }), fc.integer({ min: -5, max: NOW + 5 }), fc.constant('yesterday')),
  ),
  idempotencyKey: optional(text),
}) as fc.Arbitrary<RecordOptions>;
const action = text.filter((value) => value !== '');

/** The message of somebody who repairs nothing. */
function naive(name: string, given: RecordOptions): string {
  const [resourceType, resourceId] = given.resource ?? [];
  const [projectId = given.project, environmentId] = given.environment ?? [];
  const { description, ipAddress, userAgent, idempotencyKey, userId, changes } = given;
  let all: unknown = given.metadata;
  if (changes) {
    const isObject = typeof all === 'object' && all !== null && !Array.isArray(all);
    const { changes: _, ...rest } = (isObject ? all : all === undefined || all === null ? {} : { value: all }) as {
      changes?: unknown;
    };
    all = { ...rest, changes };
  }
  const plain = {
    userId, projectId, environmentId, resourceType, resourceId, action: name, description,
    metadata: all, ipAddress, userAgent, idempotencyKey,
  };
  const written = JSON.stringify(plain, (_, value: unknown) => (typeof value === 'bigint' ? Number(value) : value));
  // As they must be written for SQS to take them.
  return written.replace(/[\ufffe\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16)}`);
}

test('what is sent is recorded without an alteration, and is what would be recorded of the call as it is', {
  skip: needsParser(),
}, async () => {
  const property = fc.asyncProperty(action, options, async (name, given) => {
    const message = buildMessage(name, given, { userId: 3 }, MOMENT, NOTHING);
    const parsed = await parseMessage(message.body);
    assert.ok(parsed.ok, parsed.error);
    assert.deepEqual([parsed.altered, parsed.ignored], [[], []], message.body);
    const members = JSON.parse(message.body) as Record<string, unknown>;
    for (const [field, value] of Object.entries(parsed.fields)) {
      // An address is printed in its shortest form.
      if (field === 'ipAddress') assert.equal(value === null, members[field] === undefined);
      else assert.deepEqual(value, members[field] ?? null, field);
    }

    const unrepaired = await parseMessage(naive(name, given));
    assert.ok(unrepaired.ok, unrepaired.error);
    const kept: Record<string, unknown> = { ...unrepaired.fields, occurredAt: members['occurredAt'] };
    kept['idempotencyKey'] ??= MOMENT.uuid;
    assert.deepEqual(parsed.fields, kept);
    // Digits are an id as well as a number, and the time is never left to the recorder.
    const told = new Set(message.altered);
    for (const field of unrepaired.altered) {
      const isDigits = field.endsWith('Id') && unrepaired.fields[field] !== null;
      assert.ok(told.has(field) || isDigits, `${field} is altered, and nobody is told`);
    }
    // Here what is no object was wrapped before, to have the changes beside it.
    const own = new Set(given.changes ? ['occurredAt', 'metadata'] : ['occurredAt']);
    for (const field of told) {
      assert.ok(own.has(field) || unrepaired.altered.includes(field), `${field} is not altered`);
    }
  });
  await fc.assert(property, { numRuns: RUNS });
});

test('a message that is built again from what was kept is the same', () => {
  const property = fc.property(action, options, (name, given) => {
    const { body } = buildMessage(name, given, { userId: 3 }, MOMENT, NOTHING);
    const kept = JSON.parse(body) as Record<string, never>;
    const { userId, projectId, environmentId, resourceType, resourceId, ...rest } = kept;
    const again = buildMessage(kept['action'] as never, {
      ...rest,
      userId,
      resource: resourceType === undefined ? null : [resourceType, resourceId],
      environment: environmentId === undefined ? null : [projectId as never, environmentId],
      project: projectId,
    }, { userId: 3 }, MOMENT, NOTHING);
    // A resource has no id without a type here; nor is an order of digits kept in an object.
    fc.pre(resourceType !== undefined || resourceId === undefined);
    assert.deepEqual(again.altered, []);
    assert.deepEqual(JSON.parse(again.body), kept);
  });
  fc.assert(property, { numRuns: RUNS });
});

test('of ten messages as large as can be, SQS takes a batch', () => {
  const worst = '\u0000';
  const { body } = buildMessage('x'.repeat(64), {
    resource: ['x'.repeat(64), Number.MAX_SAFE_INTEGER],
    environment: [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    description: worst.repeat(1_024),
    metadata: { a: 'x'.repeat(4_088) },
    userAgent: worst.repeat(512),
    ipAddress: '2001:db8:1111:1111:1111:1111:1111:1111',
    idempotencyKey: worst.repeat(128),
  }, { userId: Number.MAX_SAFE_INTEGER }, MOMENT, NOTHING);
  assert.ok(Buffer.byteLength(body) < 16 * 1_024, `${Buffer.byteLength(body)} bytes`);
  assert.ok(BATCH * 16 * 1_024 < 262_144);
});

test('a user and an action are required, whatever else is repaired', () => {
  const build = (name: unknown, userId: unknown) => () =>
    buildMessage(name as string, {}, { userId }, MOMENT, NOTHING);
  for (const nobody of [undefined, null]) assert.throws(build('a', nobody), new TypeError('userId is required'));
  for (const nobody of [0, -3, 3.5, 2 ** 53, '', '03', ' 3', 'secret', [3], {}, NaN, 0n]) {
    assert.throws(build('a', nobody), new TypeError('userId must be an integer from 1 to 2^53 - 1'));
  }
  for (const nothing of [undefined, null]) assert.throws(build(nothing, 3), new TypeError('action is required'));
  assert.throws(build('', 3), new TypeError('action must not be empty'));
  assert.throws(build(5, 3), new TypeError('action must be a string'));
});

test('the metadata of a caller is not modified', () => {
  const own = Object.freeze({ changes: Object.freeze({ a: 1 }), password: 'p' });
  const { body } = buildMessage('a', { metadata: own, changes: { b: { to: 1 } } }, { userId: 3 }, MOMENT, new Set(['password']));
  assert.ok(body.includes('"metadata":{"password":"[redacted]","changes":{"b":{"to":1}}}'), body);
  assert.deepEqual(own, { changes: { a: 1 }, password: 'p' });
});

test('metadata that is no JSON leaves a marker', () => {
  const circular: Record<string, unknown> = {};
  circular['self'] = circular;
  let deepest: unknown = [];
  for (let level = 0; level < 100_000; level += 1) deepest = [deepest];
  const failing = { toJSON: () => { throw new Error('no'); } };
  for (const [given, kept] of [
    [circular, '{"omitted":"not JSON"}'],
    [failing, '{"omitted":"not JSON"}'],
    [{ a: deepest }, '{"omitted":"nested too deeply"}'],
    [{ at: new Date(0), big: 12n, none: undefined, run() {} }, '{"at":"1970-01-01T00:00:00.000Z","big":"12"}'],
    [new Date(0), '{"value":"1970-01-01T00:00:00.000Z"}'],
    [{ toJSON: () => ({ a: 1 }) }, '{"a":1}'],
  ] as [object, string][]) {
    const { body } = buildMessage('a', { metadata: given }, { userId: 3 }, MOMENT, NOTHING);
    assert.equal(/"metadata":(.*),"occurredAt"/.exec(body)?.[1], kept);
  }
});
