// Delivery, over a queue that loses, refuses, delays and repeats as it likes, in a time that the tests
// make themselves.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { BATCH, Delivery, type Entry, type Outcome } from '../src/delivery.js';
import { Sender, type OutgoingMessage } from '../src/sender.js';
import { Time } from './time.js';

const ACCEPTED: Outcome = { kind: 'accepted' };
const FAILED: Outcome = { kind: 'failed', error: new Error('a fault of the test') };
const REFUSED: Outcome = { kind: 'refused', error: new Error('a refusal of the test') };

function entry(user: string, id: string, deadline = 30_000, until = Infinity): Entry {
  return { user, id, body: '{}', since: 0, deadline, until };
}

function ids(batch: { entries: Entry[] } | undefined): string[] | undefined {
  return batch?.entries.map(({ id }) => id);
}

function filled(...entries: Entry[]): Delivery<Entry> {
  const delivery = new Delivery<Entry>(() => 1);
  for (const one of entries) delivery.add(one, 0);
  return delivery;
}

test('a batch has one message of a user at the most', () => {
  const delivery = filled(entry('1', 'a'), entry('1', 'b'), entry('2', 'c'));
  assert.deepEqual(ids(delivery.take(0)), ['a', 'c']);
  assert.equal(delivery.take(0), undefined);
});

test('a batch has ten messages at the most, and four batches are under way', () => {
  const entries = Array.from({ length: 45 }, (_, at) => entry(`${at}`, `${at}`));
  const delivery = filled(...entries);
  const batches = [delivery.take(0), delivery.take(0), delivery.take(0), delivery.take(0)];
  assert.deepEqual(batches.map((batch) => batch?.entries.length), [BATCH, BATCH, BATCH, BATCH]);
  assert.equal(delivery.take(0), undefined);
  assert.equal(delivery.wakeAt(), 30_000, 'nothing to take until a response is there');
  const [first] = batches;
  assert.ok(first);
  assert.equal(delivery.settle(first, first.entries.map(() => ACCEPTED), 5).length, BATCH);
  assert.equal(delivery.wakeAt(), 0);
  assert.equal(delivery.take(5)?.entries.length, 5);
});

test('what failed alone is sent again before anything later of its user', () => {
  const delivery = filled(entry('1', 'a'), entry('1', 'b'), entry('2', 'c'), entry('2', 'd'));
  const batch = delivery.take(0);
  assert.ok(batch);
  const settled = delivery.settle(batch, [FAILED, ACCEPTED], 10);
  assert.deepEqual(settled.map(({ entry: { id } }) => id), ['c']);
  assert.deepEqual(ids(delivery.take(10)), ['d']);
  assert.equal(delivery.take(109), undefined);
  assert.deepEqual(ids(delivery.take(110)), ['a']);
});

test('the longest pause doubles up to five seconds', () => {
  const delivery = filled(entry('1', 'a', 100_000));
  const pauses: number[] = [];
  let now = 0;
  for (let tries = 0; tries < 8; tries += 1) {
    const batch = delivery.take(now);
    assert.ok(batch);
    delivery.settle(batch, [FAILED], now);
    const next = delivery.wakeAt() ?? 0;
    pauses.push(next - now);
    now = next;
  }
  assert.deepEqual(pauses, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
});

test('what is refused is given up at once, and the next of the user is sent', () => {
  const delivery = filled(entry('1', 'a'), entry('1', 'b'));
  const batch = delivery.take(0);
  assert.ok(batch);
  assert.deepEqual(delivery.settle(batch, [REFUSED], 1), [{ entry: batch.entries[0], outcome: REFUSED }]);
  assert.deepEqual(ids(delivery.take(1)), ['b']);
});

test('what would be sent again after its deadline is given up', () => {
  const delivery = filled(entry('1', 'a', 99));
  const batch = delivery.take(0);
  assert.ok(batch);
  assert.equal(batch.until, 1_000, 'a request has a second, however little time an entry has');
  assert.deepEqual(delivery.settle(batch, [FAILED], 0), [{ entry: batch.entries[0], outcome: FAILED }]);
  assert.equal(delivery.wakeAt(), undefined);
});

test('what waits behind another is given up at its own deadline', () => {
  const delivery = filled(entry('1', 'a'), entry('1', 'b', 50), entry('1', 'c'));
  const batch = delivery.take(0);
  assert.ok(batch);
  assert.equal(delivery.wakeAt(), 50);
  assert.deepEqual(delivery.expire(49), []);
  const [expired, ...more] = delivery.expire(50);
  assert.deepEqual([expired?.entry.id, expired?.outcome.kind, more], ['b', 'failed', []]);
  delivery.settle(batch, [ACCEPTED], 60);
  assert.deepEqual(ids(delivery.take(60)), ['c']);
});

test('a long line that moves forward is no failure', () => {
  const delivery = filled(...Array.from({ length: 100 }, (_, at) => entry('1', `${at}`, 1_000)));
  for (let at = 0, now = 0; at < 100; at += 1, now += 900) {
    assert.deepEqual(delivery.expire(now), []);
    const batch = delivery.take(now);
    assert.deepEqual(ids(batch), [`${at}`]);
    assert.ok(batch);
    assert.equal(delivery.settle(batch, [ACCEPTED], now).length, 1);
  }
  assert.equal(delivery.wakeAt(), undefined);
});

test('time counts again from an acceptance, and not from what was given up', () => {
  const delivery = filled(entry('1', 'a', 1_000), entry('1', 'b', 1_000), entry('1', 'c', 1_000));
  const first = delivery.take(0);
  assert.ok(first);
  delivery.settle(first, [ACCEPTED], 900);
  const second = delivery.take(900);
  assert.ok(second);
  assert.deepEqual(delivery.settle(second, [REFUSED], 1_800).length, 1);
  assert.deepEqual(delivery.expire(1_899), []);
  assert.deepEqual(delivery.expire(1_900).map(({ entry: { id } }) => id), ['c']);
});

test('an end that is set for an entry holds however the line moves', () => {
  const delivery = filled(entry('1', 'a'), entry('1', 'b', 30_000, 50));
  const batch = delivery.take(0);
  assert.ok(batch);
  assert.equal(delivery.settle(batch, [ACCEPTED], 50).length, 1);
  assert.equal(delivery.take(50), undefined);
  assert.deepEqual(delivery.expire(50).map(({ entry: { id } }) => id), ['b']);
});

test('what is under way at its deadline is not given up before the response is there', () => {
  const delivery = filled(entry('1', 'a', 50));
  const batch = delivery.take(0);
  assert.ok(batch);
  assert.deepEqual(delivery.expire(60), []);
  assert.equal(delivery.wakeAt(), undefined);
  assert.deepEqual(delivery.settle(batch, [ACCEPTED], 70).map(({ outcome }) => outcome), [ACCEPTED]);
});

test('an entry without a response counts as failed', () => {
  const delivery = filled(entry('1', 'a'));
  const batch = delivery.take(0);
  assert.ok(batch);
  assert.deepEqual(delivery.settle(batch, [], 0), []);
  assert.deepEqual(ids(delivery.take(100)), ['a']);
});

test('of a message that was never tried, the error says whether another was before it', () => {
  const delivery = filled(entry('1', 'a', 50), entry('1', 'b', 50));
  const messages = delivery.expire(50).map(({ outcome }) => outcome.kind === 'failed' && outcome.error);
  assert.deepEqual(messages, [
    new Error('there was no time to send it'),
    new Error('an earlier message was not accepted in time'),
  ]);
});

/** What a queue does with one request. */
interface Behaviour {
  /** Milliseconds until the request is there, and until the response is back. */
  there: number;
  back: number;
  kind: 'good' | 'down' | 'silent' | 'lost';
  /** By entry. */
  faults: ('none' | 'failed' | 'refused')[];
}

const behaviour: fc.Arbitrary<Behaviour> = fc.record({
  there: fc.oneof({ weight: 4, arbitrary: fc.nat(50) }, fc.nat(8_000)),
  back: fc.oneof({ weight: 4, arbitrary: fc.nat(50) }, fc.nat(8_000)),
  kind: fc.oneof(
    { weight: 5, arbitrary: fc.constant('good' as const) },
    fc.constantFrom('down' as const, 'silent' as const, 'lost' as const),
  ),
  faults: fc.array(
    fc.oneof(
      { weight: 6, arbitrary: fc.constant('none' as const) },
      { weight: 3, arbitrary: fc.constant('failed' as const) },
      { weight: 1, arbitrary: fc.constant('refused' as const) },
    ),
    { minLength: BATCH, maxLength: BATCH },
  ),
});

const call = fc.record({
  at: fc.nat(3_000),
  user: fc.integer({ min: 1, max: 14 }).map(String),
  deadline: fc.oneof({ weight: 3, arbitrary: fc.constant(30_000) }, fc.nat(10_000)),
});

/**
 * What happens to calls over a queue that behaves so, again and again. With `late`, requests that were
 * broken off may still reach the queue.
 */
async function simulate(
  calls: { at: number; user: string; deadline: number }[],
  behaviours: Behaviour[],
  seed: number[],
  late: boolean,
) {
  let drawn = 0;
  const time = new Time(() => (seed[(drawn += 1) % seed.length] ?? 0) / 100);
  /** By deduplication id, in the order in which the queue accepted them first. */
  const accepted = new Map<string, string>();
  const refused = new Set<string>();
  const underWay = new Map<string, string>();
  let requests = 0;
  const send = async (messages: readonly OutgoingMessage[], signal: AbortSignal): Promise<Outcome[]> => {
    const { there, back, kind, faults } = behaviours[(requests += 1) % behaviours.length] as Behaviour;
    assert.ok(messages.length <= BATCH);
    assert.equal(new Set(messages.map(({ user }) => user)).size, messages.length);
    for (const { user, id } of messages) {
      assert.equal(underWay.get(user), undefined, 'one under way of a user at the most');
      underWay.set(user, id);
    }
    const end = () => {
      for (const { user, id } of messages) if (underWay.get(user) === id) underWay.delete(user);
    };
    signal.addEventListener('abort', end);
    await new Promise<void>((resolve) => time.timer(there, resolve));
    if (kind === 'down') {
      if (!signal.aborted) end();
      throw new Error('the queue is down');
    }
    const outcomes = messages.map(({ user, id }, at): Outcome => {
      if (signal.aborted && !late) return FAILED;
      if (faults[at] === 'refused') refused.add(id);
      if (faults[at] === 'refused') return REFUSED;
      if (faults[at] === 'failed') return FAILED;
      if (!accepted.has(id)) accepted.set(id, user);
      return ACCEPTED;
    });
    await new Promise<void>((resolve) => time.timer(back, resolve));
    if (kind === 'silent') return new Promise(() => {});
    if (!signal.aborted) end();
    if (kind === 'lost') throw new Error('the response is lost');
    return outcomes;
  };
  const sender = new Sender({ send }, time);
  const results: { id: string; user: string; outcome: Outcome; took: number; deadline: number }[] = [];
  const made: string[] = [];
  /** When the queue last accepted a message of a user. */
  const moved = new Map<string, number>();
  const ordered = calls.map((one, at) => ({ ...one, id: `${at}` }));
  for (const { at, user, deadline, id } of ordered) {
    time.timer(at, () => {
      made.push(id);
      void sender.send({ user, id, body: id }, deadline).then((outcome) => {
        const took = time.now() - Math.max(at, moved.get(user) ?? 0);
        results.push({ id, user, outcome, took, deadline });
        if (outcome.kind === 'accepted') moved.set(user, time.now());
      });
    });
  }
  await time.pass();
  return { accepted, refused, results, made, requests };
}

const RUNS = Number(process.env['FAST_CHECK_RUNS'] ?? 300);

for (const late of [false, true]) {
  const name = late ? ', also when requests arrive that were broken off' : '';
  test(`whatever the queue does, order, count and outcomes hold${name}`, async () => {
    const property = fc.asyncProperty(
      fc.array(call, { minLength: 1, maxLength: 60 }),
      fc.array(behaviour, { minLength: 1, maxLength: 8 }),
      fc.array(fc.nat(100), { minLength: 1, maxLength: 5 }),
      async (calls, behaviours, seed) => {
        const { accepted, refused, results, made } = await simulate(calls, behaviours, seed, late);
        assert.equal(results.length, calls.length, 'every call is answered');
        const told = new Map(results.map(({ id, outcome }) => [id, outcome.kind]));
        for (const { id, outcome, took, deadline } of results) {
          if (outcome.kind === 'accepted') assert.ok(accepted.has(id), 'what is told as accepted is in the queue');
          if (outcome.kind === 'refused') assert.ok(refused.has(id));
          assert.ok(took <= deadline + 1_001, `${took} ms of ${deadline}`);
        }
        // Where nothing arrives late, all that is in the queue is in order; else what was told as accepted.
        const counts = (id: string) => !late || told.get(id) === 'accepted';
        for (const user of new Set(accepted.values())) {
          const inQueue = [...accepted].filter(([id, of]) => of === user && counts(id)).map(([id]) => id);
          const inOrder = made.filter((id) => inQueue.includes(id));
          assert.deepEqual(inQueue, inOrder, `the order of user ${user}`);
        }
      },
    );
    await fc.assert(property, { numRuns: RUNS });
  });
}

test('over a queue that only delays, everything is accepted', async () => {
  const good = behaviour.map((one): Behaviour => ({ ...one, kind: 'good', faults: one.faults.map(() => 'none') }));
  const quick = good.map((one) => ({ ...one, there: one.there % 100, back: one.back % 100 }));
  const property = fc.asyncProperty(
    fc.array(call.map((one) => ({ ...one, deadline: 30_000 })), { minLength: 1, maxLength: 60 }),
    fc.array(quick, { minLength: 1, maxLength: 8 }),
    async (calls, behaviours) => {
      const { accepted, results } = await simulate(calls, behaviours, [50], false);
      assert.equal(accepted.size, calls.length);
      assert.ok(results.every(({ outcome }) => outcome.kind === 'accepted'));
    },
  );
  await fc.assert(property, { numRuns: 100 });
});

test('what is recorded in one go shares a request', async () => {
  const time = new Time(() => 1);
  const sent: string[][] = [];
  const send = async (messages: readonly OutgoingMessage[]) => {
    sent.push(messages.map(({ id }) => id));
    return messages.map(() => ACCEPTED);
  };
  const sender = new Sender({ send }, time);
  const outcomes = ['1', '2', '1', '3'].map((user, at) => sender.send({ user, id: `${at}`, body: '' }, 1_000));
  await time.pass();
  assert.deepEqual(sent, [['0', '1', '3'], ['2']]);
  assert.deepEqual(await Promise.all(outcomes), [ACCEPTED, ACCEPTED, ACCEPTED, ACCEPTED]);
});

test('a transport that throws at once is tried again', async () => {
  const time = new Time(() => 1);
  let tries = 0;
  const send = (messages: readonly OutgoingMessage[]) => {
    tries += 1;
    if (tries < 3) throw new Error('not yet');
    return Promise.resolve(messages.map(() => ACCEPTED));
  };
  const outcome = new Sender({ send }, time).send({ user: '1', id: 'a', body: '' }, 1_000);
  await time.pass();
  assert.deepEqual([await outcome, tries], [ACCEPTED, 3]);
});
