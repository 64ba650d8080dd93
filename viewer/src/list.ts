// One list of the log: what is loaded of it, what is asked for next, and how long it is.

import type { Activity, Facets, Histogram, Page } from './activity.js';
import { Failure, type Client } from './client.js';
import { Poll } from './poll.js';
import { parameters, type Query } from './query.js';
import { Ranks, type Direction } from './ranks.js';

/** How many entries a request asks for at the most. */
const PAGE = 100;

/** How long after the last change of filters their counts are asked for, in milliseconds. */
const SUMMARY_DELAY = 300;

/** In how many parts the time is counted. */
const BUCKETS = 60;

/** After how long a list that looks shorter than before counts as rewritten, in milliseconds. */
const FALL = 1_000;

/** Who reads a list, and is called when it changes. */
export interface Reader {
  /** Something is there that was not. */
  changed(): void;
  /** The log is not the one that was read so far. */
  rewritten(): void;
}

/** A part of a list that is being loaded, by rank. */
interface Loading {
  newest: number;
  oldest: number;
  abort: AbortController;
}

/** The entries that match a query. */
export class List {
  readonly ranks = new Ranks();
  /** Whether the length of the list is known. */
  isCounted = false;
  /** What failed last and is asked for again only by `retry`. */
  failure: Failure | null = null;
  facets: Facets | null = null;
  histogram: Histogram | null = null;
  #loading: Loading | null = null;
  /** Whether a page failed. No other is asked for until somebody tries again. */
  #hasPageFailed = false;
  #etag: string | null = null;
  /** Since when the list looks shorter than before. */
  #fellAt: number | null = null;
  readonly #summaryTimer: ReturnType<typeof setTimeout>;
  readonly #stopped = new AbortController();
  readonly #poll = new Poll(() => this.#askForNews(), this.#stopped.signal);

  constructor(
    private readonly client: Client,
    readonly query: Query,
    private readonly reader: Reader,
  ) {
    this.#summaryTimer = setTimeout(() => void this.#summarize(), SUMMARY_DELAY);
  }

  /** Loads the newest page, or only the length if the reader begins elsewhere. */
  start(isNewest: boolean): Promise<void> {
    return this.#try(async (signal) => {
      const page = await this.#page({ limit: isNewest ? PAGE : 0 }, signal);
      this.#place(page);
      this.ranks.show();
      this.isCounted = true;
      this.#poll.start();
    });
  }

  /** Ends all requests. */
  stop(): void {
    this.#stopped.abort();
    this.rest();
    clearTimeout(this.#summaryTimer);
  }

  /** Ends the request for a page that nobody waits for any more. */
  rest(): void {
    this.#loading?.abort.abort();
    this.#loading = null;
  }

  /** Loads what is missing of the rows from `first` to before `end`, and what the reader comes to next. */
  want(first: number, end: number, direction: Direction): void {
    const wanted = this.#hasPageFailed ? null : this.ranks.missing(first, end, PAGE, direction);
    if (!wanted || !this.isCounted) return;
    const newest = this.ranks.total - wanted.offset;
    const oldest = newest - wanted.limit + 1;
    const loading = this.#loading;
    // What is on its way may hold it; when it has come, this is called again.
    if (loading && newest <= loading.newest && newest >= loading.oldest) return;
    if (loading && oldest <= loading.newest && oldest >= loading.oldest) return;
    this.rest();
    const abort = new AbortController();
    this.#loading = { newest, oldest, abort };
    const load = async (signal: AbortSignal) => {
      const page = await this.#page(wanted, AbortSignal.any([abort.signal, signal]));
      this.#loading = null;
      const { total } = this.ranks;
      this.#place(page);
      if (page.data.length === 0 && this.ranks.total === total) {
        throw new Failure(200, 'no_entries', 'a page has no entries');
      }
    };
    void this.#try(load, (failure) => {
      this.#loading = null;
      this.#hasPageFailed = true;
      this.failure = failure;
    });
  }

  /** Asks again for what failed. */
  retry(): void {
    this.failure = null;
    this.#hasPageFailed = false;
    if (!this.isCounted) void this.start(true);
    if (!this.facets) void this.#summarize();
    this.reader.changed();
  }

  /** Someone is here: the list looks for news more often. */
  touch(): void {
    this.#poll.touch();
  }

  /** How many entries of this list are before a time. */
  async countBefore(time: string): Promise<number> {
    const { until } = this.query;
    const before = until && Date.parse(until) < Date.parse(time) ? until : time;
    const page = await this.#page({ limit: 0, until: before }, this.#stopped.signal);
    return page.pagination.total;
  }

  /** The rank of an entry of this list; `null` if it is not in it. */
  async rankOf({ id, createdAt }: Activity): Promise<number | null> {
    let offset = await this.countBefore(createdAt);
    for (;;) {
      const range = { limit: PAGE, offset, order: 'asc' };
      const { data } = await this.#page(range, this.#stopped.signal);
      const index = data.findIndex((entry) => entry.id === id);
      if (index >= 0) return offset + index + 1;
      if (data.at(-1)?.createdAt !== createdAt) return null;
      offset += data.length;
    }
  }

  /** When the entry of a rank was made, in milliseconds; about when, by the histogram, if it is not loaded. */
  timeOf(rank: number): number | null {
    const entry = this.ranks.entry(rank);
    if (entry) return Date.parse(entry.createdAt);
    const { from, to, counts } = this.histogram ?? { from: null, to: null, counts: [] };
    if (from === null || to === null) return null;
    const [begin, length] = [Date.parse(from), Date.parse(to) - Date.parse(from)];
    let before = 0;
    for (const [part, count] of counts.entries()) {
      if (rank <= before + count) {
        const within = (rank - before) / count;
        return begin + ((part + within) * length) / counts.length;
      }
      before += count;
    }
    return begin + length;
  }

  async #page(
    range: { limit: number; offset?: number; order?: string; until?: string; include?: string },
    signal: AbortSignal,
  ): Promise<Page> {
    const asked = parameters(this.query);
    for (const [name, value] of Object.entries(range)) asked.set(name, String(value));
    if (range.include) asked.set('buckets', String(BUCKETS));
    return (await this.client.request(asked, { signal })).json();
  }

  async #summarize(): Promise<void> {
    await this.#try(async (signal) => {
      const page = await this.#page({ limit: 0, include: 'facets,histogram' }, signal);
      this.facets = page.facets ?? null;
      this.histogram = page.histogram ?? null;
    });
  }

  /** Asks whether the list grew. Returns after how long to ask again, if the list looks shorter. */
  async #askForNews(): Promise<number | undefined> {
    const ask = async (signal: AbortSignal) => {
      const asked = parameters(this.query);
      asked.set('limit', '0');
      const response = await this.client.request(asked, { signal, etag: this.#etag });
      if (response.status === 304) return;
      this.#etag = response.headers.get('etag');
      const { pagination } = (await response.json()) as Page;
      if (pagination.total > this.ranks.total) this.#poll.grew();
      this.#count(pagination.total);
    };
    // The next question makes up for one that fails.
    await this.#try(ask, () => {});
    return this.#fellAt === null ? undefined : FALL;
  }

  #place(page: Page): void {
    this.#count(page.pagination.total);
    if (!this.ranks.place(page)) this.reader.rewritten();
  }

  /**
   * Notes how long the list is by a response. It may be an older one, or from a replica that lags behind;
   * a log that stays shorter was rewritten.
   */
  #count(total: number): void {
    if (this.ranks.count(total)) {
      this.#fellAt = null;
    } else if (this.#fellAt === null) {
      this.#fellAt = Date.now();
      this.#etag = null;
      this.#poll.askIn(FALL);
    } else if (Date.now() - this.#fellAt >= FALL) {
      this.reader.rewritten();
    }
  }

  /** Runs a part of the work, takes its failure, and tells the reader; unless the list was stopped. */
  async #try(
    work: (signal: AbortSignal) => Promise<void>,
    failed: (failure: Failure) => void = (failure) => (this.failure = failure),
  ): Promise<void> {
    const { signal } = this.#stopped;
    try {
      await work(signal);
    } catch (error) {
      if (signal.aborted || (error instanceof DOMException && error.name === 'AbortError')) return;
      failed(error instanceof Failure ? error : new Failure(0, '', String(error)));
    }
    if (!signal.aborted) this.reader.changed();
  }
}
