import assert from 'node:assert/strict';
import { test } from 'node:test';
import { initial, link, pieces } from './safe.js';

const shown = (text: string) => pieces(text).map(({ text, hidden }) => (hidden ? `[${text}]` : text));

test('a text without hidden characters is one piece', () => {
  assert.deepEqual(pieces('Updated "api"\n\tin München'), [
    { text: 'Updated "api"\n\tin München', hidden: false },
  ]);
  assert.deepEqual(pieces(''), []);
});

test('characters that reorder or hide what is read are named', () => {
  assert.deepEqual(shown('invoice\u202Efdp.exe'), ['invoice', '[U+202E]', 'fdp.exe']);
  assert.deepEqual(shown('\u2066a\u2069'), ['[U+2066]', 'a', '[U+2069]']);
  assert.deepEqual(shown('\0\u001B[31m'), ['[U+0000]', '[U+001B]', '[31m']);
  assert.deepEqual(shown('ad\u200Bmin\uFEFF\u00AD'), ['ad', '[U+200B]', 'min', '[U+FEFF]', '[U+00AD]']);
  assert.deepEqual(shown('a\u{E0041}b'), ['a', '[U+E0041]', 'b']);
  assert.deepEqual(shown('half \uD83D of'), ['half ', '[U+D83D]', ' of']);
  assert.deepEqual(shown('a\u2028b'), ['a', '[U+2028]', 'b']);
});

test('letters, emoji and their joiners stay as they are', () => {
  for (const text of ['👩‍💻 🇩🇪', 'می\u200Cخواهم', 'שלום', '٣ \u0600', 'e\u0301']) {
    assert.deepEqual(shown(text), [text]);
  }
});

test('only a text that is an https: address and nothing else is a link', () => {
  assert.equal(link('https://example.com/a?b=c#d'), 'https://example.com/a?b=c#d');
  assert.equal(link('HTTPS://EXAMPLE.COM'), 'https://example.com/');
  for (const text of [
    'http://example.com/',
    'javascript:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    '//example.com/',
    'example.com',
    'see https://example.com/',
    ' https://example.com/',
    'https://exam\nple.com/',
    'https:\\\\example.com/',
    'https://example.com@evil.example/',
    'https://:secret@evil.example/',
    'https://example.com/\u202Egpj.exe',
    'https://',
    '',
    null,
    undefined,
  ]) {
    assert.equal(link(text), null, String(text));
  }
});

test('the initial is the first letter or digit of a name', () => {
  assert.equal(initial('john'), 'J');
  assert.equal(initial('\u202E «éva»'), 'É');
  assert.equal(initial('𝒥ohn'), '𝒥');
  assert.equal(initial('…'), '?');
});
