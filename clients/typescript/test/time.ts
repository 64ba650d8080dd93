// A time that the tests make themselves, so that no machine is too slow for it.

import type { TestContext } from 'node:test';

import type { Surroundings } from '../src/sender.js';

/** A time that passes when nothing else happens. */
export class Time implements Surroundings {
  #now = 0;
  #timers: { at: number; callback: () => void }[] = [];
  constructor(readonly random: () => number) {}

  now(): number {
    return this.#now;
  }

  timer(milliseconds: number, callback: () => void): () => void {
    const timer = { at: this.#now + milliseconds, callback };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** Ends when nothing is left to happen, or before, if `isOver` says so. */
  async pass(isOver = () => false): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = Math.min(...this.#timers.map(({ at }) => at));
      if (next === Infinity || isOver()) return;
      this.#now = next;
      const due = this.#timers.filter(({ at }) => at <= next);
      this.#timers = this.#timers.filter(({ at }) => at > next);
      for (const { callback } of due) callback();
    }
  }

  /** Passes until a promise is settled, and gives what the promise gives. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false;
    const settle = () => void (isSettled = true);
    promise.then(settle, settle);
    await this.pass(() => isSettled);
    return promise;
  }
}

/** Puts such a time in place of that of the process until the test ends. */
export function replaceTime(t: TestContext): Time {
  const time = new Time(Math.random);
  const setTimeout = (callback: (...given: unknown[]) => void, milliseconds: number, ...given: unknown[]) =>
    time.timer(milliseconds, () => callback(...given));
  t.mock.method(performance, 'now', () => time.now());
  t.mock.method(globalThis, 'setTimeout', setTimeout as never);
  t.mock.method(globalThis, 'clearTimeout', ((cancel: (() => void) | undefined) => cancel?.()) as never);
  return time;
}
