// Values of JSON as a tree to open and close.

/** How many levels of a tree are open at first. */
const OPEN_LEVELS = 2;

/** How many members of an object or an array are shown at first. */
const SHOWN_MEMBERS = 20;

/** A value that has no members. `rounded` is a number that the browser could not keep. */
export interface Leaf {
  kind: 'string' | 'number' | 'rounded' | 'boolean' | 'null' | 'empty';
  text: string;
}

/** An object or an array that has members. */
export interface Branch {
  kind: 'object' | 'array';
  count: number;
  isOpen: boolean;
  shown: Member[];
  /** The members that are behind "… more". */
  rest: Member[];
}

export type Member = readonly [key: string, value: unknown];

/** What a value is at some level of a tree, of which the outermost is 0. */
export function node(value: unknown, level = 0): Leaf | Branch {
  if (typeof value !== 'object' || value === null) return leaf(value);
  // Only own members, so that `__proto__` is a key like any other.
  const members = Object.entries(value);
  const kind = Array.isArray(value) ? 'array' : 'object';
  if (members.length === 0) return { kind: 'empty', text: kind === 'array' ? '[]' : '{}' };
  return {
    kind,
    count: members.length,
    isOpen: level < OPEN_LEVELS,
    shown: members.slice(0, SHOWN_MEMBERS),
    rest: members.slice(SHOWN_MEMBERS),
  };
}

function leaf(value: unknown): Leaf {
  if (typeof value === 'string') return { kind: 'string', text: value };
  if (typeof value === 'bigint') return { kind: 'number', text: String(value) };
  if (typeof value === 'number') {
    // Below 2^53 any integer was kept. Above, the digits may be those of another number.
    const isRounded = Math.abs(value) > Number.MAX_SAFE_INTEGER;
    return { kind: isRounded ? 'rounded' : 'number', text: String(value) };
  }
  return { kind: typeof value === 'boolean' ? 'boolean' : 'null', text: String(value) };
}
