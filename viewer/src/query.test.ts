import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EVERYTHING, format, parameters, parse } from './query.js';

test('a state that is read is the state that was written', () => {
  for (const state of [
    '',
    'projectSlug=my-project&environmentSlug=live%2F1',
    'resourceType=function%2C%7E&excludeAction=invoke&at=5000&entry=17&zone=utc',
    'since=2024-01-01T00%3A00%3A00.000Z&until=2024-02-01T00%3A00%3A00.000Z',
  ]) {
    assert.equal(format(parse(state)), state);
  }
});

test('what makes no sense in a state is left out', () => {
  const view = parse(
    'environmentSlug=alone&resourceType=,a,,a,b&since=yesterday&at=0&entry=1e3&zone=mars&token=secret',
  );
  assert.deepEqual(view, {
    query: { ...EVERYTHING, resourceType: ['a', 'b'] },
    at: null,
    entry: null,
    zone: 'local',
  });
  assert.equal(parse('at=9007199254740993').at, null);
});

test('a time in a state is one that the API takes', () => {
  for (const time of ['2024-01-15T10:30:00Z', '2024-02-29t10:30:00.0001+01:00', '0001-12-31T23:59:59-12:00']) {
    assert.equal(parse(String(new URLSearchParams({ since: time }))).query.since, time);
  }
  for (const time of [
    '2024-01-15',
    '2024',
    '1',
    '2024-01-15 10:30:00Z',
    '2024-01-15T10:30Z',
    '2024-01-15T10:30:00',
    '2024-01-15T24:00:00Z',
    '2024-02-30T10:30:00Z',
    '2024-13-01T10:30:00Z',
    '2024-01-15T10:30:00+99:00',
  ]) {
    assert.equal(parse(String(new URLSearchParams({ until: time }))).query.until, '', time);
  }
});

test('the API is asked for filters alone', () => {
  const { query } = parse('action=create&at=5&entry=3&zone=utc&projectSlug=a%26b');
  assert.equal(String(parameters(query)), 'projectSlug=a%26b&action=create');
  assert.equal(String(parameters(EVERYTHING)), '');
});
