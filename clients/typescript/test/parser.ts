// The recorder's own parser: the program parse-messages, which is built from the Rust of the repository.

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { after } from 'node:test';
import { fileURLToPath } from 'node:url';

/** What the recorder makes of a message. */
export interface Parsed {
  ok: boolean;
  error?: string;
  altered: string[];
  ignored: string[];
  fields: Record<string, unknown>;
}

const PROGRAM =
  process.env['PARSE_MESSAGES'] ??
  fileURLToPath(new URL('../../../../target/debug/parse-messages', import.meta.url));

let program: ChildProcessByStdio<Writable, Readable, null> | undefined;
let lines: AsyncIterator<string>;

// A file of tests ends when its program does.
after(() => program?.stdin.end());

/** Why tests with the parser are skipped; in CI they are not. */
export function needsParser(): string | false {
  const isThere = existsSync(PROGRAM) || process.env['CI'] !== undefined;
  return isThere ? false : 'parse-messages is not built: cargo build --bin parse-messages';
}

/** Asks the recorder's parser; one question at a time. */
export async function parseMessage(message: string): Promise<Parsed> {
  if (!program) {
    program = spawn(PROGRAM, { stdio: ['pipe', 'pipe', 'inherit'] });
    lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  }
  program.stdin.write(`${message}\n`);
  const { value, done } = await lines.next();
  if (done) throw new Error('parse-messages ended');
  return JSON.parse(value as string) as Parsed;
}
