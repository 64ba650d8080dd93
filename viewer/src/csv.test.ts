import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countLines, countRecords, nextCursor, withoutHeader } from './csv.js';

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

test('each line of newline-delimited JSON is an entry', () => {
  assert.equal(countLines(bytes('')), 0);
  assert.equal(countLines(bytes('{"description":"a\\n\\"b"}\n{}\n')), 2);
});

test('a line break between quotes ends no record', () => {
  assert.equal(countRecords(bytes('id,description\r\n')), 1);
  assert.equal(countRecords(bytes('id,description\r\n1,"a\r\nb"\r\n2,"""\n"""\r\n3,""\r\n')), 4);
});

test('whatever fields hold, the records written are counted', () => {
  const fields = ['', 'a', '"', '""', '\n', '\r\n', '"\n', '\n"', 'ü,"x"\n\n"', ','];
  const quoted = (field: string) => (/[",\r\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  const rows = fields.flatMap((one) => fields.map((other) => `${quoted(one)},${quoted(other)}\r\n`));
  assert.equal(countRecords(bytes(rows.join(''))), rows.length);
});

test('only the header line of a page is left out', () => {
  assert.equal(text(withoutHeader(bytes('id,description\r\n1,"a\nb"\r\n'))), '1,"a\nb"\r\n');
  assert.equal(text(withoutHeader(bytes('id,description\r\n'))), '');
});

test('the next page is named by the Link header', () => {
  assert.equal(nextCursor('<?limit=1&cursor=AQf_-9>; rel="next"'), 'AQf_-9');
  assert.equal(nextCursor('<?cursor=AQf>; rel="next"'), 'AQf');
  assert.equal(nextCursor('<?xcursor=AQf>; rel="next"'), null);
  assert.equal(nextCursor(null), null);
});
