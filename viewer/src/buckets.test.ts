import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginning, buckets, chosen, move, partAt, type Choice } from './buckets.js';

const over = (from: number, to: number, parts: number) => ({ from, to, counts: new Array<number>(parts).fill(1) });

test('a histogram without parts or without time shows nothing', () => {
  assert.equal(buckets(null), null);
  assert.equal(buckets({ from: null, to: null, counts: [] }), null);
  const time = '2024-01-15T10:30:00.000Z';
  assert.equal(buckets({ from: time, to: time, counts: [0, 0] }), null);
  const later = '2024-01-15T10:30:00.003Z';
  assert.deepEqual(buckets({ from: time, to: later, counts: [0, 2] }), {
    from: Date.parse(time),
    to: Date.parse(later),
    counts: [0, 2],
  });
});

test('part i begins floor(i × (to − from) / parts) milliseconds after the start', () => {
  const parts = (from: number, to: number, count: number) =>
    Array.from({ length: count + 1 }, (_, index) => beginning(over(from, to, count), index));
  assert.deepEqual(parts(0, 10, 4), [0, 2, 5, 7, 10]);
  assert.deepEqual(parts(100, 103, 5), [100, 100, 101, 101, 102, 103]);
  const [from, to] = [Date.parse('0001-01-01T00:00:00Z'), Date.parse('9999-12-31T23:59:59.999Z')];
  const exact = Array.from({ length: 98 }, (_, index) => from + Number((BigInt(index) * BigInt(to - from)) / 97n));
  assert.deepEqual(parts(from, to, 97), exact);
});

test('a time is in the part that begins at it or last before it', () => {
  for (const all of [over(0, 10, 4), over(-50, 50, 7), over(5, 8, 5), over(1.7e12, 1.7e12 + 12345, 60)]) {
    const times = Array.from({ length: 500 }, (_, index) => all.from + Math.floor((index * (all.to - all.from)) / 500));
    for (const time of times) {
      const part = partAt(all, time);
      assert.ok(beginning(all, part) <= time && time < beginning(all, part + 1), `${time} is not in ${part}`);
    }
  }
  assert.equal(partAt(over(0, 10, 4), -99), 0);
  assert.equal(partAt(over(0, 10, 4), 99), 3);
});

test('what is chosen is half open and counted, whichever end moves', () => {
  const all = { from: 0, to: 10, counts: [1, 20, 300, 4000] };
  const both = { first: 1, last: 2, since: 2, until: 7, count: 320 };
  assert.deepEqual(chosen(all, { anchor: 1, head: 2 }), both);
  assert.deepEqual(chosen(all, { anchor: 2, head: 1 }), both);
  assert.deepEqual(chosen(all, { anchor: 3, head: 3 }), { first: 3, last: 3, since: 7, until: 10, count: 4000 });
});

test('keys move the choice, and with Shift make it longer', () => {
  const press = (choice: Choice, key: string, shift = false) => {
    const next = move(choice, key, shift, 60);
    return next && [next.anchor, next.head];
  };
  const at = { anchor: 30, head: 30 };
  assert.deepEqual(press(at, 'ArrowUp'), [31, 31]);
  assert.deepEqual(press(at, 'ArrowDown'), [29, 29]);
  assert.deepEqual(press(at, 'PageUp'), [40, 40]);
  assert.deepEqual(press(at, 'Home'), [0, 0]);
  assert.deepEqual(press(at, 'End'), [59, 59]);
  assert.deepEqual(press(at, 'ArrowUp', true), [30, 31]);
  assert.deepEqual(press({ anchor: 30, head: 33 }, 'PageDown', true), [30, 23]);
  assert.deepEqual(press({ anchor: 30, head: 33 }, 'ArrowUp'), [34, 34]);
  assert.deepEqual(press({ anchor: 0, head: 59 }, 'ArrowUp', true), [0, 59]);
  for (const key of ['Enter', 'a', 'toString', 'ArrowLeft']) assert.equal(press(at, key), null);
});
