// What is loaded of a list.
//
// An entry is known by its rank: 1 is the oldest entry of the filtered list, and an append changes no
// rank. The API counts from the newest entry; a response says how long the list was when it was made, and
// so which ranks it has. The list that is shown may be shorter than the log is by now: what is new waits
// until the reader wants it.

import type { Activity, Page } from './activity.js';

/** Where someone reads on from the rows in the window. */
export type Direction = 'older' | 'newer' | 'around';

/** The entries of a list that are loaded, by rank. */
export class Ranks {
  readonly #entries = new Map<number, Activity>();
  #total = 0;
  #shown = 0;

  /** How many entries the list has, by the newest response. */
  get total(): number {
    return this.#total;
  }

  /** How many rows are shown: ranks 1 to this one. */
  get shown(): number {
    return this.#shown;
  }

  /** How many entries are not shown yet. */
  get news(): number {
    return this.#total - this.#shown;
  }

  /** Shows what is new. Returns how many rows that adds. */
  show(): number {
    const { news } = this;
    this.#shown = this.#total;
    return news;
  }

  entry(rank: number): Activity | undefined {
    return this.#entries.get(rank);
  }

  /** The rank of the row at `index`, counted from the newest that is shown. */
  rank(index: number): number {
    return this.#shown - index;
  }

  /** The row of a rank, from 0. */
  index(rank: number): number {
    return this.#shown - rank;
  }

  /** Notes how long the list is. Returns false, and keeps the number, if it was longer before. */
  count(total: number): boolean {
    this.#total = Math.max(total, this.#total);
    return total === this.#total;
  }

  /** Keeps the entries of a page. Returns false if another entry had one of their ranks. */
  place({ data, pagination: { total, offset } }: Page): boolean {
    this.count(total);
    for (const [index, entry] of data.entries()) {
      const rank = total - offset - index;
      const known = this.#entries.get(rank);
      if (known && known.id !== entry.id) return false;
      // An entry is shown as it was when it was loaded first, with the names of that time.
      if (!known) this.#entries.set(rank, entry);
    }
    return true;
  }

  /**
   * Which page to ask for so that the rows from `first` to before `end` are loaded; `null` if they are. It has
   * `limit` entries at most, more of them in the direction the reader goes, and one of them loaded already.
   */
  missing(
    first: number,
    end: number,
    limit: number,
    direction: Direction,
  ): { offset: number; limit: number } | null {
    const isMissing = (index: number) => !this.#entries.has(this.rank(index));
    const last = Math.min(end, this.#shown);
    let from = Math.max(first, 0);
    while (from < last && !isMissing(from)) from += 1;
    if (from >= last) return null;
    let to = from + 1;
    while (to < last && isMissing(to)) to += 1;
    const spare = limit - (to - from);
    let before = { older: 0, around: Math.floor(spare / 2), newer: spare }[direction];
    for (; before > 0 && from > 0 && isMissing(from - 1); before -= 1) from -= 1;
    while (to - from < limit && to < this.#shown && isMissing(to)) to += 1;
    to = Math.min(to, from + limit);
    // The page has one entry again that is loaded, where there is one beside. If another entry comes back in its
    // place, the log was rewritten.
    if (to < this.#shown && !isMissing(to)) to += 1;
    else if (from > 0 && !isMissing(from - 1)) from -= 1;
    return { offset: from + this.news, limit: to - from };
  }
}
