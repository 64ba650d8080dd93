import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changes, difference } from './changes.js';

test('changes are listed in their order, each with what it has', () => {
  const value = { name: { from: 'a', to: 'b' }, size: { to: [1] }, region: { from: null } };
  assert.deepEqual(changes(value), [
    { field: 'name', from: 'a', to: 'b' },
    { field: 'size', to: [1] },
    { field: 'region', from: null },
  ]);
});

test('a field may have any name', () => {
  const found = changes(JSON.parse('{"__proto__": {"from": 1, "to": 2}, "field": {"to": 3}}'));
  assert.deepEqual(found?.map(({ field, to }) => [field, to]), [['__proto__', 2], ['field', 3]]);
});

test('any other shape is no list of changes', () => {
  for (const value of [
    undefined,
    null,
    'name',
    [],
    [{ from: 1, to: 2 }],
    {},
    { name: 'b' },
    { name: null },
    { name: {} },
    { name: ['a', 'b'] },
    { name: { from: 'a', to: 'b' }, size: { old: 1, new: 2 } },
    { name: { from: 'a', to: 'b', by: 'c' } },
  ]) {
    assert.equal(changes(value), null, JSON.stringify(value));
  }
});

test('texts differ between what they share at their start and their end', () => {
  assert.deepEqual(difference('nodejs18.x', 'nodejs20.x'), { start: 'nodejs', from: '18', to: '20', end: '.x' });
  assert.deepEqual(difference('a', 'b'), { start: '', from: 'a', to: 'b', end: '' });
  assert.deepEqual(difference('same', 'same'), { start: 'same', from: '', to: '', end: '' });
});

test('the shared start and end never overlap, and no character is cut in two', () => {
  assert.deepEqual(difference('aa', 'aaa'), { start: 'aa', from: '', to: 'a', end: '' });
  assert.deepEqual(difference('👍', '👎'), { start: '', from: '👍', to: '👎', end: '' });
});

test('the parts of a difference make up both texts', () => {
  const letters = ['a', 'b', '👍'];
  const texts: string[] = [''];
  for (let index = 0; index < 40; index += 1) {
    texts.push(...letters.map((letter) => (texts[index] ?? '') + letter));
  }
  for (const one of texts) {
    for (const other of texts) {
      const { start, from, to, end } = difference(one, other);
      assert.equal(start + from + end, one);
      assert.equal(start + to + end, other);
    }
  }
});
