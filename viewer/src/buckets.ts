// The parts of a histogram, and how keys and pointers choose among them. Part 0 is the oldest.

import type { Histogram } from './activity.js';

/** A histogram that has something to show; times are in milliseconds since 1970. */
export interface Buckets {
  from: number;
  to: number;
  counts: readonly number[];
}

/** The parts of a histogram; `null` if it has none, or no time to divide. */
export function buckets(histogram: Histogram | null | undefined): Buckets | null {
  const from = Date.parse(histogram?.from ?? '');
  const to = Date.parse(histogram?.to ?? '');
  const counts = histogram?.counts ?? [];
  return to > from && counts.length > 0 ? { from, to, counts } : null;
}

/**
 * When a part begins, as the API has it: `from` + floor(index × (to − from) / parts). The division comes
 * first, so that no product is beyond what a number holds exactly.
 */
export function beginning({ from, to, counts: { length } }: Buckets, index: number): number {
  const rest = (to - from) % length;
  return from + index * ((to - from - rest) / length) + Math.floor((index * rest) / length);
}

/** The part that a time is in; the first or the last if it is before or after all of them. */
export function partAt(all: Buckets, time: number): number {
  const last = all.counts.length - 1;
  let index = Math.floor(((time - all.from) / (all.to - all.from)) * (last + 1));
  index = Math.min(Math.max(index, 0), last);
  while (index < last && beginning(all, index + 1) <= time) index += 1;
  while (index > 0 && beginning(all, index) > time) index -= 1;
  return index;
}

/** Parts that are chosen: from `anchor`, where choosing began, to `head`, which moves. */
export interface Choice {
  anchor: number;
  head: number;
}

/** What is chosen: the time from `since` to before `until`, and how many entries it has. */
export interface Chosen {
  first: number;
  last: number;
  since: number;
  until: number;
  count: number;
}

export function chosen(all: Buckets, { anchor, head }: Choice): Chosen {
  const first = Math.min(anchor, head);
  const last = Math.max(anchor, head);
  const count = all.counts.slice(first, last + 1).reduce((sum, count) => sum + count, 0);
  return { first, last, since: beginning(all, first), until: beginning(all, last + 1), count };
}

/** How far Page Up and Page Down go. */
const PAGE = 10;

/**
 * The choice after a key; `null` if the key moves nothing. The newest part is at the top, so upwards is
 * later. With Shift the choice grows; without, one part is chosen.
 */
export function move(choice: Choice, key: string, shift: boolean, parts: number): Choice | null {
  const steps: Record<string, number> = {
    ArrowUp: 1,
    ArrowDown: -1,
    PageUp: PAGE,
    PageDown: -PAGE,
    Home: -Infinity,
    End: Infinity,
  };
  if (!Object.hasOwn(steps, key)) return null;
  const head = Math.min(Math.max(choice.head + (steps[key] ?? 0), 0), parts - 1);
  return { anchor: shift ? choice.anchor : head, head };
}
