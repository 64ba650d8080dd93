// The calls of ../corpus, and the messages that every client makes of them.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import { buildMessage, type Origin, type RecordOptions } from '../src/message.js';
import { parseMessage, needsParser } from './parser.js';

interface Case {
  name: string;
  context: Origin;
  time: string;
  uuid: string;
  redact?: string[];
  call: { action: string; options: RecordOptions };
  message: string;
  altered: string[];
}

const FOLDER = new URL('../../../corpus/', import.meta.url);

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.json'))) {
  const cases = JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Case[];
  for (const { name, context, time, uuid, redact, call, message, altered } of cases) {
    test(`${file}: ${name}`, () => {
      const moment = { now: Date.parse(time), uuid };
      const redacted = new Set(redact?.map((key) => key.toLowerCase()));
      const built = buildMessage(call.action, call.options, context, moment, redacted);
      assert.equal(built.body, message);
      assert.deepEqual(built.altered, altered);
      assert.equal(built.id, uuid);
      assert.equal(built.user, String(JSON.parse(message).userId));
    });
  }

  test(`${file}: the recorder alters none of the messages`, { skip: needsParser() }, async () => {
    for (const { name, message } of cases) {
      const parsed = await parseMessage(message);
      assert.ok(parsed.ok, `${name}: ${parsed.error}`);
      assert.deepEqual([parsed.altered, parsed.ignored], [[], []], name);
    }
  });
}
