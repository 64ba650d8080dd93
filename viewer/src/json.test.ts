import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseExactly } from './json.js';

test('what is not a long integer is parsed as ever', () => {
  for (const text of ['null', '[1, 2.5, -0, 1e3, 9007199254740991, "9007199254740993"]', '{"a": {"b": true}}']) {
    assert.deepEqual(parseExactly(text), JSON.parse(text));
  }
  const parsed = parseExactly('{"__proto__": {"a": 1}}') as object;
  assert.deepEqual(Object.keys(parsed), ['__proto__']);
});

test('a long integer keeps its digits where the source of a number is shown', () => {
  let hasSource = false;
  JSON.parse('1', (...[, , context]: [string, unknown, { source?: string }?]) => {
    hasSource = context?.source === '1';
  });
  const [parsed] = parseExactly('[9007199254740993]') as [unknown];
  assert.equal(parsed, hasSource ? 9007199254740993n : 9007199254740992);
});
