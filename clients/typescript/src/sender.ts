// Sends what `Delivery` decides, and tells each caller when its message is accepted or given up.

import { Delivery, type Batch, type Entry, type Outcome } from './delivery.js';

export type { Outcome } from './delivery.js';

/** A message as a transport sends it. */
export interface OutgoingMessage {
  /** The message group: the user. */
  user: string;
  /** The deduplication id. */
  id: string;
  /** The JSON text. */
  body: string;
}

/** Where messages go: to a queue, or into the memory of a test. */
export interface Transport {
  /**
   * Sends at most ten messages, each of another user, and says what became of each, in their order.
   * If it rejects, or when `signal` is aborted, all of them count as failed and are sent again.
   */
  send(messages: readonly OutgoingMessage[], signal: AbortSignal): Promise<readonly Outcome[]>;
}

/** What a sender takes from its surroundings; tests replace it. */
export interface Surroundings {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** A number from 0 to 1. */
  random(): number;
  /** Calls back after some milliseconds, unless the function that it returns is called before. */
  timer(milliseconds: number, callback: () => void): () => void;
}

const PROCESS: Surroundings = {
  now: () => performance.now(),
  random: Math.random,
  timer(milliseconds, callback) {
    const timer = setTimeout(callback, milliseconds);
    return () => clearTimeout(timer);
  },
};

interface Waiting extends Entry {
  settle(outcome: Outcome): void;
}

/** Sends messages over one transport. There is one for each, since it keeps the order of a user. */
export class Sender {
  readonly #delivery: Delivery<Waiting>;
  #isScheduled = false;
  #cancel = () => {};

  constructor(
    readonly transport: Transport,
    readonly surroundings: Surroundings = PROCESS,
  ) {
    this.#delivery = new Delivery(() => surroundings.random());
  }

  /**
   * Sends a message: tries for `deadline` milliseconds, of which those do not count that passed until the
   * queue accepted the messages before, and for `longest` in any case. Never rejects.
   */
  send(message: OutgoingMessage, deadline: number, longest = Infinity): Promise<Outcome> {
    const now = this.surroundings.now();
    return new Promise((settle) => {
      this.#delivery.add({ ...message, since: now, deadline, until: now + longest, settle }, now);
      this.#schedule();
    });
  }

  /** Goes on when the code that runs now has ended, so that what it adds is in one batch. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.#go();
    });
  }

  #go(): void {
    this.#cancel();
    const now = this.surroundings.now();
    for (const { entry, outcome } of this.#delivery.expire(now)) entry.settle(outcome);
    for (let batch = this.#delivery.take(now); batch; batch = this.#delivery.take(now)) {
      this.#request(batch, now);
    }
    const next = this.#delivery.wakeAt();
    // A timer of Node may fire a part of a millisecond early.
    if (next !== undefined) {
      this.#cancel = this.surroundings.timer(Math.ceil(Math.max(next - now, 1)), () => this.#go());
    } else this.#cancel = () => {};
  }

  #request(batch: Batch<Waiting>, now: number): void {
    const controller = new AbortController();
    let isOver = false;
    const end = (outcomes: readonly Outcome[]) => {
      if (isOver) return;
      isOver = true;
      cancel();
      const settled = this.#delivery.settle(batch, outcomes, this.surroundings.now());
      for (const { entry, outcome } of settled) entry.settle(outcome);
      this.#schedule();
    };
    const fail = (error: unknown) => end(batch.entries.map(() => ({ kind: 'failed', error })));
    const cancel = this.surroundings.timer(Math.ceil(batch.until - now), () => {
      const error = new Error('the queue did not respond in time');
      controller.abort(error);
      fail(error);
    });
    const messages = batch.entries.map(({ user, id, body }) => ({ user, id, body }));
    // A transport that throws at once is one that rejects.
    void (async () => this.transport.send(messages, controller.signal))().then(end, fail);
  }
}
