import assert from 'node:assert/strict';
import { afterEach, mock, test } from 'node:test';
import { Poll } from './poll.js';

/** A poll in a document that can be hidden, under a clock that goes on by `pass`. */
function polling(ask: () => number | undefined | Promise<undefined> = () => undefined) {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const page = Object.assign(new EventTarget(), { hidden: false });
  Object.assign(globalThis, { document: page });
  const asked: number[] = [];
  const controller = new AbortController();
  const poll = new Poll(async () => {
    asked.push(Date.now());
    return ask();
  }, controller.signal);
  poll.start();
  return {
    poll,
    stop: () => controller.abort(),
    show(isShown: boolean) {
      page.hidden = !isShown;
      page.dispatchEvent(new Event('visibilitychange'));
    },
    /** When it asked while so many seconds passed, in seconds. */
    async pass(seconds: number) {
      asked.length = 0;
      for (let second = 0; second < seconds; second += 1) {
        mock.timers.tick(1_000);
        for (let turn = 0; turn < 5; turn += 1) await Promise.resolve();
      }
      return asked.map((time) => time / 1_000);
    },
  };
}

afterEach(() => mock.timers.reset());

test('it asks every three seconds for a minute, and then ever more rarely, to once in thirty', async () => {
  const { pass } = polling();
  assert.deepEqual(await pass(60), Array.from({ length: 20 }, (_, index) => 3 * (index + 1)));
  // The question after the last of the minute comes six seconds after it.
  assert.deepEqual(await pass(120), [66, 78, 102, 132, 162]);
});

test('input makes it ask soon and often again', async () => {
  const { poll, pass } = polling();
  await pass(132);
  poll.touch();
  assert.deepEqual(await pass(9), [135, 138, 141]);
});

test('after news the minute begins anew', async () => {
  const { poll, pass } = polling();
  await pass(59);
  poll.grew();
  assert.equal((await pass(60)).length, 20);
});

test('it does not ask while it is hidden, and at once when it is shown', async () => {
  const { show, pass } = polling();
  show(false);
  assert.deepEqual(await pass(30), []);
  show(true);
  assert.deepEqual(await pass(4), [31, 34]);
});

test('it asks again when it was told to, and goes on as before', async () => {
  const pauses = [1_000, undefined];
  const { pass } = polling(() => pauses.shift());
  assert.deepEqual(await pass(10), [3, 4, 7, 10]);
});

test('it asks nothing more while a question is under way, and goes on when that ends', async () => {
  let end = () => {};
  const { poll, show, pass } = polling(() => new Promise<undefined>((resolve) => (end = () => resolve(undefined))));
  assert.deepEqual(await pass(3), [3]);
  for (let turn = 0; turn < 3; turn += 1) {
    show(false);
    show(true);
  }
  poll.askIn(1_000);
  assert.deepEqual(await pass(20), []);
  end();
  assert.equal((await pass(4)).length, 1);
});

test('it asks nothing any more when it is stopped', async () => {
  const { poll, show, stop, pass } = polling();
  stop();
  assert.deepEqual(await pass(10), []);
  poll.askIn(0);
  show(true);
  assert.deepEqual(await pass(10), []);
});
