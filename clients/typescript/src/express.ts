// Middleware for Express, or for anything else that takes (request, response, next).

import { bind, runIn, type Emitter } from './context.js';
import { Log, type RequestLogOptions } from './log.js';
import { contextOf, fromNode, readHops, type NodeRequest } from './request.js';

/**
 * Makes `activity.record` work in all routes below it. It can stand before or after body parsers, and
 * before what authenticates the request.
 *
 * ```ts
 * app.use(activityLog({ queueUrl, userId: (req) => req.user.id }));
 * ```
 *
 * Throws a `TypeError` for invalid options.
 */
export function activityLog<R extends NodeRequest & Emitter = any>(
  options: RequestLogOptions<R>,
): (request: R, response: Emitter, next: () => void) => void {
  const log = new Log(options);
  readHops(options);
  return (request, response, next) => {
    const context = contextOf(log, options, request, fromNode(request));
    bind(request, context);
    bind(response, context);
    runIn(context, () => next());
  };
}
