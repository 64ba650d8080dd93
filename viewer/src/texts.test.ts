import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGLISH, texts, type Message, type Messages } from './texts.js';
import german from './texts.de.json';

test('numbers and plurals are those of the language', () => {
  assert.equal(texts('en', {})('total', { count: 1 }), '1 entry');
  assert.equal(texts('en', {})('total', { count: 1_000_000 }), '1,000,000 entries');
  assert.equal(texts('de', german)('total', { count: 1_000_000 }), '1.000.000 Einträge');
  const polish: Messages = { total: { one: '{count} wpis', few: '{count} wpisy', other: '{count} wpisów' } };
  assert.equal(texts('pl', polish)('total', { count: 3 }), '3 wpisy');
  // What a language lacks is English, with English plurals.
  assert.equal(texts('pl', {})('total', { count: 3 }), '3 entries');
});

test('a value is put in as it is', () => {
  assert.equal(texts('en', {})('not', { value: '{value} $& <b>' }), 'not {value} $& <b>');
  assert.equal(texts('en', {})('not'), 'not {value}');
});

test('German has every message, with the same values', () => {
  const names = (message: Message) =>
    [...new Set(JSON.stringify(message).match(/\{\w+\}/g) ?? [])].sort();
  assert.deepEqual(Object.keys(german), Object.keys(ENGLISH));
  for (const [key, message] of Object.entries(ENGLISH)) {
    const translated: Message = german[key as keyof typeof german];
    assert.deepEqual(names(translated), names(message), key);
    assert.equal(typeof translated, typeof message, key);
  }
});
