import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Dates } from './dates.js';

process.env.TZ = 'Europe/Berlin';
const utc = new Dates('en', 'utc');
const local = new Dates('en', 'local');

test('a time is shown in its zone, and the zone is named', () => {
  const time = '2024-01-15T23:30:00.123Z';
  assert.match(utc.full(time), /Jan 15, 2024.*11:30:00\.123.PM.UTC/);
  assert.match(local.full(time), /Jan 16, 2024.*12:30:00\.123.AM.GMT\+1/);
  assert.equal(utc.zoneName, 'UTC');
  assert.match(new Dates('de', 'utc').short(time), /^15\.01\.2024, 23:30:00$/);
  assert.equal(new Dates('de', 'utc').number(1_234_567), '1.234.567');
});

test('an input has the time of its zone, and gives it back', () => {
  for (const dates of [utc, local]) {
    for (const time of ['2024-01-15T23:30:05.000Z', '2024-07-15T00:00:00.000Z', '2024-03-31T00:59:59.000Z']) {
      assert.equal(dates.fromInput(dates.toInput(time)), time);
    }
  }
  assert.equal(local.toInput('2024-07-15T00:00:00.000Z'), '2024-07-15T02:00:00');
  assert.equal(utc.toInput(''), '');
});

test('a date is a date or nothing', () => {
  assert.equal(utc.fromInput('2024-02-29'), '2024-02-29T00:00:00.000Z');
  assert.equal(utc.fromInput(' 2024-02-29 15:04 '), '2024-02-29T15:04:00.000Z');
  assert.equal(local.fromInput('2024-02-29'), '2024-02-28T23:00:00.000Z');
  for (const text of ['', 'soon', '2024', '2024-02-30', '2023-02-29', '2024-13-01', '2024-01-01T25:00', '20240101']) {
    assert.equal(utc.fromInput(text), null, text);
    assert.equal(local.fromInput(text), null, text);
  }
});

test('what a text names ends after its day, minute or second', () => {
  assert.equal(utc.endOfInput('2024-02-29'), '2024-03-01T00:00:00.000Z');
  assert.equal(utc.endOfInput('2024-02-29 15:04'), '2024-02-29T15:05:00.000Z');
  assert.equal(utc.endOfInput('2024-02-29T15:04:59'), '2024-02-29T15:05:00.000Z');
  // A day of 23 hours.
  assert.equal(local.endOfInput('2024-03-31'), '2024-03-31T22:00:00.000Z');
  assert.equal(local.fromInput('2024-03-31'), '2024-03-30T23:00:00.000Z');
});
