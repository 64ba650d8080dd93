// What an entry says about what was changed: `metadata.changes`, as {"field": {"from": …, "to": …}}.

/** A field with its value before and after; without one of them it was added or removed. */
export interface Change {
  field: string;
  from?: unknown;
  to?: unknown;
}

/** The changes that a value lists, in its order; `null` if the value is anything else. */
export function changes(value: unknown): Change[] | null {
  if (!isObject(value)) return null;
  const fields = Object.entries(value);
  if (fields.length === 0 || !fields.every(([, change]) => isChange(change))) return null;
  return fields.map(([field, change]) => ({ field, ...(change as object) }));
}

function isChange(value: unknown): boolean {
  const keys = isObject(value) ? Object.keys(value) : [];
  return keys.length > 0 && keys.every((key) => key === 'from' || key === 'to');
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What two texts share at their start and at their end, and what lies between in each. */
export interface Difference {
  start: string;
  from: string;
  to: string;
  end: string;
}

/** Where two texts differ, so that a change of one word in a long text is found at a glance. */
export function difference(from: string, to: string): Difference {
  // By code points, so that no emoji is cut in two.
  const before = [...from];
  const after = [...to];
  const most = Math.min(before.length, after.length);
  let start = 0;
  while (start < most && before[start] === after[start]) start += 1;
  let end = 0;
  while (end < most - start && before.at(-1 - end) === after.at(-1 - end)) end += 1;
  const text = (points: string[], first: number, last: number) => points.slice(first, last).join('');
  return {
    start: text(before, 0, start),
    from: text(before, start, before.length - end),
    to: text(after, start, after.length - end),
    end: text(before, before.length - end, before.length),
  };
}
