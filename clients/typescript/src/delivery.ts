// Delivery: which messages are sent when. No clock, no network and no promise is in here; whoever
// drives it passes the time, sends the batches that it takes, and says what became of them.
//
// A FIFO queue keeps the order in which it accepts the messages of a group. That is the order of the
// calls only if the second is not sent before the first was accepted: two requests can overtake each
// other, and an entry of a batch can fail alone. So of one user at most one message is under way, and
// it is sent again before anything later of that user is. Batches join the messages of several users.

/** How many entries a batch has at the most (SQS, SendMessageBatch). All of them together are far below
 * the limit of 256 KiB that SQS had until 2025, since a message has less than 16 KiB. */
export const BATCH = 10;

/** How many batches are under way at once. While they are, what is added waits, and joins the next. */
const REQUESTS = 4;

// Milliseconds. Full jitter: a pause is anything from none to its longest, which doubles each time.
const SHORTEST_PAUSE = 100;
const LONGEST_PAUSE = 5_000;

/** How long a request may take. SQS takes some ten milliseconds, so a response that is not there yet is lost. */
const LONGEST_REQUEST = 5_000;
/** How long a request may take even if the time of an entry is over before. */
const SHORTEST_REQUEST = 1_000;

/** A message that waits for its turn. */
export interface Entry {
  /** The message group. */
  user: string;
  /** The deduplication id, the same each time that it is sent. */
  id: string;
  body: string;
  /** When it was added. */
  since: number;
  /** For how many milliseconds it is tried. The time counts from when it was added, or from when the queue
   * last accepted a message of this user. So no message is given up because many wait before it. */
  deadline: number;
  /** When no further attempt is begun in any case; `Infinity` if there is no such time. */
  until: number;
}

/** What became of an entry of a batch. */
export type Outcome =
  | { kind: 'accepted' }
  /** It may be accepted, or not, or may be when it is sent again. */
  | { kind: 'failed'; error: unknown }
  /** It will not be accepted, however often it is sent. */
  | { kind: 'refused'; error: unknown };

/** What a batch is sent with. */
export interface Batch<T extends Entry> {
  /** At most ten, each of another user. */
  entries: T[];
  /** When the request counts as failed. */
  until: number;
}

/** An entry that is accepted, or given up. */
export interface Settled<T extends Entry> {
  entry: T;
  outcome: Outcome;
}

/** What waits of a user; the first is under way, or is sent next. */
interface UserQueue<T> {
  waiting: T[];
  isUnderWay: boolean;
  /** When SQS last accepted one. */
  moved: number;
  /** How often the first failed. */
  failures: number;
  /** When the first is sent. */
  next: number;
  error: unknown;
}

/** Decides what is sent when; times are in milliseconds of any clock that never goes back. */
export class Delivery<T extends Entry> {
  /** By user. A user of whom nothing waits is not there, so that nothing grows with their number. */
  readonly #queues = new Map<string, UserQueue<T>>();
  #requests = 0;
  /** The time of nothing that waits ends earlier. */
  #end = Infinity;

  /** `random` gives a number from 0 to 1. */
  constructor(readonly random: () => number) {}

  /** Adds an entry after all others of its user. */
  add(entry: T, now: number): void {
    let queue = this.#queues.get(entry.user);
    if (queue) queue.waiting.push(entry);
    else this.#queues.set(entry.user, (queue = begin([entry], now, -Infinity)));
    this.#end = Math.min(this.#end, endOf(entry, queue));
  }

  /** The next batch to send now, if there is one. It is under way until `settle` is called with it. */
  take(now: number): Batch<T> | undefined {
    if (this.#requests >= REQUESTS) return undefined;
    const entries: T[] = [];
    let until = now + LONGEST_REQUEST;
    for (const queue of this.#queues.values()) {
      const [first] = queue.waiting;
      if (!first || queue.isUnderWay || queue.next > now || endOf(first, queue) <= now) continue;
      queue.isUnderWay = true;
      entries.push(first);
      until = Math.min(until, Math.max(endOf(first, queue), now + SHORTEST_REQUEST));
      if (entries.length === BATCH) break;
    }
    if (entries.length === 0) return undefined;
    this.#requests += 1;
    return { entries, until };
  }

  /**
   * Takes what became of a batch, in the order of its entries, and says which of them are settled. An
   * entry that failed is sent again, unless its time is over by then.
   */
  settle(batch: Batch<T>, outcomes: readonly Outcome[], now: number): Settled<T>[] {
    this.#requests -= 1;
    const settled: Settled<T>[] = [];
    for (const [at, entry] of batch.entries.entries()) {
      const queue = this.#queues.get(entry.user);
      if (!queue) continue;
      const outcome = outcomes[at] ?? { kind: 'failed', error: new Error('there was no response for it') };
      queue.isUnderWay = false;
      if (outcome.kind === 'failed') {
        const longest = Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** queue.failures);
        queue.failures += 1;
        queue.next = now + this.random() * longest;
        queue.error = outcome.error;
        if (queue.next < endOf(entry, queue)) continue;
      }
      settled.push({ entry, outcome });
      if (outcome.kind === 'accepted') queue.moved = now;
      // The user's next waits behind the users who wait already.
      queue.waiting.shift();
      this.#queues.delete(entry.user);
      if (queue.waiting.length > 0) this.#queues.set(entry.user, begin(queue.waiting, now, queue.moved));
    }
    // A process that has nothing left to send is not kept by a timer.
    if (this.#queues.size === 0) this.#end = Infinity;
    return settled;
  }

  /** Gives up what is not under way and whose time is over. */
  expire(now: number): Settled<T>[] {
    if (now < this.#end) return [];
    const settled: Settled<T>[] = [];
    this.#end = Infinity;
    for (const [user, queue] of this.#queues) {
      const first = queue.waiting[0];
      const isKept = (entry: T) => (entry === first && queue.isUnderWay) || endOf(entry, queue) > now;
      const kept = queue.waiting.filter(isKept);
      for (const entry of queue.waiting) {
        if (isKept(entry)) continue;
        const reason = entry === first ? 'there was no time to send it' : 'an earlier message was not accepted in time';
        const error = (entry === first && queue.error) || new Error(reason);
        settled.push({ entry, outcome: { kind: 'failed', error } });
      }
      if (kept.length === 0) this.#queues.delete(user);
      else if (kept[0] === first) queue.waiting = kept;
      else this.#queues.set(user, begin(kept, now, queue.moved));
      for (const entry of kept) {
        const end = endOf(entry, queue);
        if (end > now) this.#end = Math.min(this.#end, end);
      }
    }
    return settled;
  }

  /** When there is something to take or to expire next; `undefined` if that depends on what is under way. */
  wakeAt(): number | undefined {
    let next = this.#end;
    if (this.#requests < REQUESTS) {
      for (const queue of this.#queues.values()) {
        if (!queue.isUnderWay) next = Math.min(next, queue.next);
      }
    }
    return next === Infinity ? undefined : next;
  }
}

function begin<T>(waiting: T[], now: number, moved: number): UserQueue<T> {
  return { waiting, isUnderWay: false, moved, failures: 0, next: now, error: undefined };
}

/** When an entry is no longer tried. */
function endOf<T extends Entry>({ since, deadline, until }: T, { moved }: UserQueue<T>): number {
  return Math.min(Math.max(since, moved) + deadline, until);
}
