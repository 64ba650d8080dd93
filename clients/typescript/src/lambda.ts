// A wrapper for the handler of a Lambda function.

import { runIn } from './context.js';
import { flush, Log, type RequestLogOptions } from './log.js';
import { contextOf, fromEvent, readHops } from './request.js';

/** What a function needs at its end, in milliseconds: to log what was not accepted, and to return. */
const RESERVE = 1_500;
/** What a message is tried for, however little time is left. */
const SHORTEST = 1_000;

/**
 * Makes `activity.record` work in an asynchronous handler. What was recorded is sent before the function
 * returns, since nothing of it runs after that; and given up early enough to be logged before it is
 * stopped.
 *
 * ```ts
 * export const handler = activityLog(
 *   { queueUrl, userId: (event) => event.requestContext.authorizer.jwt.claims.sub },
 *   async (event: APIGatewayProxyEventV2WithJWTAuthorizer) => { … },
 * );
 * ```
 *
 * A handler of another framework can be wrapped as well, and one that streams its response.
 *
 * Throws a `TypeError` for invalid options.
 */
export function activityLog<E, A extends unknown[], T>(
  options: RequestLogOptions<E>,
  handler: (event: E, ...rest: A) => T | Promise<T>,
): (event: E, ...rest: A) => Promise<T> {
  const log = new Log(options);
  readHops(options);
  return async (event, ...rest) => {
    const seen = fromEvent(event);
    const isRequest = seen.peer !== undefined || seen.forwarded !== undefined;
    const context = {
      ...contextOf(log, options, event, seen),
      timeLeft: timeLeftOf(rest),
      source: isRequest ? seen : undefined,
    };
    try {
      return await runIn(context, () => handler(event, ...rest));
    } finally {
      await flush();
    }
  };
}

/** What is used of the context of an invocation. */
interface Invocation {
  getRemainingTimeInMillis(): number;
}

/**
 * How long a message may be tried, by what a handler is called with after the event. The runtime passes the
 * context of the invocation and a callback, or a stream and the context to a handler that streams.
 */
function timeLeftOf(rest: unknown[]): () => number {
  const invocation = rest.find(isInvocation);
  if (!invocation) return () => Infinity;
  return () => Math.max(SHORTEST, invocation.getRemainingTimeInMillis() - RESERVE);
}

function isInvocation(value: unknown): value is Invocation {
  return typeof (value as Partial<Invocation> | null | undefined)?.getRemainingTimeInMillis === 'function';
}
