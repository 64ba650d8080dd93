// JSON text: what a message is made of.
//
// The text is measured and kept, not the value: the recorder stores metadata byte for byte, so both
// sides must mean the same bytes.

import { createHash } from 'node:crypto';

/** What stands in place of a value that is secret, by its key. */
const REDACTED = '[redacted]';

/**
 * `value` as compact JSON; `undefined` if it is nothing that JSON has, such as a function. A `bigint`
 * becomes a text. The values of keys in `redacted`, which are in lower case, are left out.
 *
 * Throws what `JSON.stringify` throws: a `TypeError` for a value that contains itself, a `RangeError`
 * for one that is nested too deeply to be written, and whatever a `toJSON` throws.
 */
export function toJson(value: unknown, redacted?: ReadonlySet<string>): string | undefined {
  const replace = function (this: unknown, key: string, member: unknown): unknown {
    if (redacted?.size && redacted.has(key.toLowerCase()) && !Array.isArray(this)) return REDACTED;
    return typeof member === 'bigint' ? member.toString() : member;
  };
  const text = JSON.stringify(value, replace) as string | undefined;
  // SQS refuses a message with these two characters, which JSON would leave as they are.
  return text?.replace(/[\ufffe\uffff]/g, (letter) => (letter === '\ufffe' ? '\\ufffe' : '\\uffff'));
}

/**
 * JSON text without half surrogate pairs, each replaced by an escaped U+FFFD. `JSON.stringify` writes
 * each as an escape, and a whole pair as the character itself.
 */
export function wellFormed(json: string): string {
  return json.replace(/\\(?:u(d[89a-f][0-9a-f]{2})|.)/g, (escape, half) => (half ? '\\ufffd' : escape));
}

/** How many arrays and objects of a JSON text stand in each other at the most. */
export function depth(json: string): number {
  let open = 0;
  let deepest = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at += 1) {
    const letter = json[at];
    if (isInString) {
      if (letter === '\\') at += 1;
      else isInString = letter !== '"';
    } else if (letter === '"') isInString = true;
    else if (letter === '[' || letter === '{') deepest = Math.max(deepest, (open += 1));
    else if (letter === ']' || letter === '}') open -= 1;
  }
  return deepest;
}

/** The SHA-256 of a text, in hexadecimal digits. */
export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
