// Middleware for Hono, on Node or in a Lambda function.

import { runIn, type Source } from './context.js';
import { Log, type RequestLogOptions } from './log.js';
import { contextOf, fromEvent, headerText, readHops } from './request.js';

/** What is used of `Context`. */
interface HonoContext {
  req: { header(name: string): string | undefined };
  env: unknown;
}

/** What `@hono/node-server` and `hono/aws-lambda` say of a request. */
interface Environment {
  incoming?: { socket?: { remoteAddress?: string | undefined } };
  event?: unknown;
}

/**
 * Makes `activity.record` work in all routes below it.
 *
 * ```ts
 * app.use(activityLog({ queueUrl, userId: (c) => c.get('user').id }));
 * ```
 *
 * In a Lambda function, wrap the handler with that of `@activity-logs/client/lambda` too, so that what was
 * recorded is sent before the function is stopped.
 *
 * Throws a `TypeError` for invalid options.
 */
export function activityLog<C extends HonoContext = any>(
  options: RequestLogOptions<C>,
): (context: C, next: () => Promise<void>) => Promise<void> {
  const log = new Log(options);
  readHops(options);
  return (honoContext, next) => runIn(contextOf(log, options, honoContext, fromHono(honoContext)), next);
}

function fromHono({ req, env }: HonoContext): Source {
  const { incoming, event } = (env ?? {}) as Environment;
  if (event) return fromEvent(event);
  return {
    peer: incoming?.socket?.remoteAddress,
    forwarded: req.header('x-forwarded-for'),
    userAgent: headerText(req.header('user-agent')),
  };
}
