import assert from 'node:assert/strict';
import { test } from 'node:test';
import { node, type Branch, type Leaf } from './tree.js';

const branch = (value: unknown, level?: number) => node(value, level) as Branch;
const leaf = (value: unknown) => node(value) as Leaf;

test('a value without members is a leaf', () => {
  assert.deepEqual(leaf('a'), { kind: 'string', text: 'a' });
  assert.deepEqual(leaf(1.5), { kind: 'number', text: '1.5' });
  assert.deepEqual(leaf(false), { kind: 'boolean', text: 'false' });
  assert.deepEqual(leaf(null), { kind: 'null', text: 'null' });
  assert.deepEqual(leaf({}), { kind: 'empty', text: '{}' });
  assert.deepEqual(leaf([]), { kind: 'empty', text: '[]' });
});

test('a number that the browser may have rounded says so', () => {
  assert.equal(leaf(2 ** 53 - 1).kind, 'number');
  assert.equal(leaf(JSON.parse('9007199254740993')).kind, 'rounded');
  assert.equal(leaf(JSON.parse('-1e400')).kind, 'rounded');
  assert.deepEqual(leaf(9007199254740993n), { kind: 'number', text: '9007199254740993' });
});

test('objects and arrays have their members in order', () => {
  assert.deepEqual(branch({ b: 1, a: [2] }).shown, [['b', 1], ['a', [2]]]);
  assert.deepEqual(branch(['x', null]).shown, [['0', 'x'], ['1', null]]);
  assert.equal(branch(['x', null]).kind, 'array');
});

test('keys that objects have by themselves are keys like any other', () => {
  const value = JSON.parse('{"__proto__": {"polluted": true}, "constructor": 1, "toString": null}');
  assert.deepEqual(branch(value).shown.map(([key]) => key), ['__proto__', 'constructor', 'toString']);
  assert.equal(branch(branch(value).shown[0]?.[1]).shown[0]?.[0], 'polluted');
});

test('two levels are open, and what is deeper is closed', () => {
  assert.deepEqual([0, 1, 2, 31].map((level) => branch([1], level).isOpen), [true, true, false, false]);
});

test('twenty members are shown, and the others wait', () => {
  const members = Array.from({ length: 2000 }, (_, index) => index);
  assert.equal(branch(members.slice(0, 20)).rest.length, 0);
  const { count, shown, rest } = branch(members);
  assert.equal(count, 2000);
  assert.deepEqual([...shown, ...rest].map(([, value]) => value), members);
  assert.deepEqual(shown.at(-1), ['19', 19]);
  assert.deepEqual(rest[0], ['20', 20]);
});
