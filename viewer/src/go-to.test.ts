import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dates } from './dates.js';
import { readTarget } from './go-to.js';

const dates = new Dates('en', 'utc');

test('a number is one in any way of grouping its digits', () => {
  for (const text of ['1000000', '1,000,000', '1.000.000', '1 000 000', '1\u00a0000\u202f000']) {
    assert.deepEqual(readTarget(text, dates), { number: 1_000_000 }, text);
  }
});

test('a date leads to the last entry of the day, and a time to the last of its minute', () => {
  assert.deepEqual(readTarget('2024-01-31', dates), { before: '2024-02-01T00:00:00.000Z' });
  assert.deepEqual(readTarget('2024-01-31 15:00', dates), { before: '2024-01-31T15:01:00.000Z' });
});

test('anything else is no target', () => {
  for (const text of ['', ',', 'x', '-1', '1e6', '2024-02-30', '2024-13-01', '31.01.2024 15:00']) {
    assert.equal(readTarget(text, dates), null, text);
  }
});
