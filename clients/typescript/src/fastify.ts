// A plugin for Fastify.

import { bind, runIn, type Emitter } from './context.js';
import { Log, type RequestLogOptions } from './log.js';
import { contextOf, fromNode, readHops, type NodeRequest } from './request.js';

/** What is used of `FastifyRequest`. */
interface Request {
  raw: NodeRequest & Emitter;
}

/** What is used of `FastifyInstance`. */
interface Instance {
  addHook(name: 'onRequest', hook: (request: any, reply: { raw: Emitter }, done: () => void) => void): unknown;
}

/**
 * Makes `activity.record` work in all routes and hooks of the instance that it is registered in.
 *
 * ```ts
 * await fastify.register(activityLog({ queueUrl, userId: (request) => request.user.id }));
 * ```
 *
 * Throws a `TypeError` for invalid options.
 */
export function activityLog<R extends Request = any>(
  options: RequestLogOptions<R>,
): (instance: Instance, registration: unknown, done: () => void) => void {
  const log = new Log(options);
  readHops(options);
  const plugin = (instance: Instance, _: unknown, done: () => void) => {
    instance.addHook('onRequest', (request: R, reply, next) => {
      const context = contextOf(log, options, request, fromNode(request.raw));
      bind(request.raw, context);
      bind(reply.raw, context);
      runIn(context, () => next());
    });
    done();
  };
  // Else the hook would count for routes of this plugin alone, of which there are none.
  return Object.assign(plugin, {
    [Symbol.for('skip-override')]: true,
    [Symbol.for('fastify.display-name')]: '@activity-logs/client',
  });
}
