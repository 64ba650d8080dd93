// The context of a request or job: what `record` fills in anywhere below it, with nothing passed down.

import { AsyncLocalStorage } from 'node:async_hooks';

import { flush, Log, type LogOptions, type RequestLogOptions } from './log.js';
import type { Id, RecordOptions } from './message.js';

/** What is known where something is recorded. */
export interface Context {
  log: Log;
  /** Who does it. Called at each record, and so must keep what it has found. */
  user(): unknown;
  ipAddress?: string | undefined;
  userAgent?: string | undefined;
  /** How many milliseconds are left, where that is known. */
  timeLeft?: (() => number) | undefined;
  /** What the event of a Lambda function says of where its request came from. */
  source?: Source | undefined;
}

/** Where a request came from, as far as can be seen. */
export interface Source {
  peer?: string | undefined;
  /** `X-Forwarded-For`, without what API Gateway adds. */
  forwarded?: string | undefined;
  userAgent?: string | undefined;
}

const storage = new AsyncLocalStorage<Context>();

/** The context of what runs now. */
export function current(): Context | undefined {
  return storage.getStore();
}

/** Runs a function, and all that it begins, in a context. */
export function runIn<T>(context: Context, body: () => T): T {
  return storage.run(context, body);
}

/**
 * Makes the listeners of an emitter run in a context. Node calls the listeners of a request in a context
 * of its own, so without this a body parser would lose the context of the middleware.
 */
export function bind(emitter: Emitter, context: Context): void {
  const { emit } = emitter;
  emitter.emit = (...event) => storage.run(context, () => emit.apply(emitter, event));
}

/** What is used of an `EventEmitter` of Node. */
export interface Emitter {
  emit(event: string | symbol, ...values: any[]): boolean;
}

/**
 * Returns a function that finds the user of a request, and keeps the user. While there is none, each call
 * asks again, since what authenticates the request may not have run yet.
 */
export function userOf<R>(userId: RequestLogOptions<R>['userId'], request: R): () => unknown {
  if (typeof userId !== 'function') return () => userId;
  let found: unknown;
  return () => {
    if (found === undefined || found === null) found = ask(userId(request), () => (found = undefined));
    return found;
  };
}

/** A user, or a promise of one; `forget` is called if it turns out to be none. */
function ask(user: unknown, forget: () => void): unknown {
  if (typeof (user as PromiseLike<unknown> | null | undefined)?.then !== 'function') return user;
  const promise = Promise.resolve(user);
  promise.then((result) => {
    if (result === undefined || result === null) forget();
  }, forget);
  return promise;
}

/** A log for a job outside of any request. */
export interface DetachedLog {
  /** Records an action, as `activity.record` does. */
  record(action: string, options?: RecordOptions): Promise<boolean>;
  /** Runs a function in which `activity.record` records in this log, also in all that it calls. */
  run<T>(body: () => T): T;
}

/** Options of a log for a job outside of any request. */
export interface DetachedOptions extends LogOptions {
  /** Who does it, unless each call says so. */
  userId?: Id | undefined;
}

function record(context: Context, action: string, options: RecordOptions): Promise<boolean> {
  const isGiven = (options.userId ?? undefined) !== undefined;
  const { ipAddress, userAgent } = context;
  const origin = { userId: isGiven ? undefined : context.user(), ipAddress, userAgent };
  const timeLeft = context.timeLeft ?? current()?.timeLeft;
  return context.log.record(action, options, origin, timeLeft?.());
}

/** Records what users do. */
export const activity = {
  /**
   * Records an action of the user of the request that is being handled, or of the job that runs.
   *
   * Gives `true` when the queue has accepted the message. If the message is given up, logs a line that
   * holds it and gives `false`; with `onError: 'throw'`, rejects with a `DeliveryError` instead. Where nobody
   * awaits the result, a failure is always logged.
   *
   * Throws an `Error` outside of a request, and a `TypeError` if there is no action or no user.
   *
   * ```ts
   * await activity.record('create', { resource: ['function', 5], environment: [4, 4] });
   * ```
   */
  record(action: string, options: RecordOptions = {}): Promise<boolean> {
    const context = current();
    if (!context) {
      throw new Error(
        'activity.record was called outside of a request with activityLog; use activity.detached({ queueUrl, userId }) for a job',
      );
    }
    return record(context, action, options);
  },

  /** A log for a job outside of any request, such as one that a timer or a queue starts. */
  detached(options: DetachedOptions): DetachedLog {
    const context: Context = { log: new Log(options), user: () => options.userId };
    return {
      record: (action, given = {}) => record(context, action, given),
      run: (body) => runIn({ ...context, timeLeft: current()?.timeLeft }, body),
    };
  },

  /** Waits until all that was recorded before is accepted or given up, as before the process ends. */
  flush,
};
