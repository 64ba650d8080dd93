// What a request says of where it came from, by each way in which it can arrive.

import { clientAddress } from './address.js';
import { current, userOf, type Context, type Source } from './context.js';
import type { Log, RequestLogOptions } from './log.js';

/** What is used of a request of Node's `http`. */
export interface NodeRequest {
  headers: { [name: string]: string | string[] | undefined };
  socket: { remoteAddress?: string | undefined };
}

/** What is used of an event of API Gateway or of a load balancer. Other events have nothing of it. */
interface HttpEvent {
  headers?: Record<string, unknown> | null;
  multiValueHeaders?: Record<string, unknown> | null;
  requestContext?: {
    http?: { sourceIp?: unknown; userAgent?: unknown } | null;
    identity?: { sourceIp?: unknown; userAgent?: unknown } | null;
  } | null;
}

/** How many proxies are trusted. Throws a `TypeError` if that is no whole number from 0. */
export function readHops({ trustedHops = 0 }: { trustedHops?: number | undefined }): number {
  if (Number.isSafeInteger(trustedHops) && trustedHops >= 0) return trustedHops;
  throw new TypeError('trustedHops must be a whole number from 0');
}

/** The context of a request. */
export function contextOf<R>(log: Log, options: RequestLogOptions<R>, request: R, seen: Source): Context {
  // An adapter may run a framework in the handler of a Lambda function, whose event knows more.
  const { timeLeft, source } = current() ?? {};
  const { peer, forwarded, userAgent } = source ?? seen;
  const ipAddress = clientAddress(peer, forwarded, readHops(options));
  return { log, user: userOf(options.userId, request), ipAddress, userAgent, timeLeft, source };
}

export function fromNode({ headers, socket }: NodeRequest): Source {
  return {
    peer: socket.remoteAddress,
    forwarded: [headers['x-forwarded-for']].flat().join(','),
    userAgent: headerText(headers['user-agent']),
  };
}

/** What an event of API Gateway says, in its version 1 or 2, or an event of a load balancer. */
export function fromEvent(event: unknown): Source {
  const { headers, multiValueHeaders, requestContext } = (event ?? {}) as HttpEvent;
  const header = (wanted: string): string | undefined => {
    const all = [...Object.entries(multiValueHeaders ?? {}), ...Object.entries(headers ?? {})];
    const [, value] = all.find(([name]) => name.toLowerCase() === wanted) ?? [];
    return value === undefined || value === null ? undefined : [value].flat().join(',');
  };
  const { http, identity } = requestContext ?? {};
  const peer = text(http?.sourceIp) ?? text(identity?.sourceIp);
  let forwarded = header('x-forwarded-for');
  // Like any proxy, API Gateway adds its peer to the header. `sourceIp` has the same address.
  const hops = forwarded?.split(',') ?? [];
  if (peer !== undefined && hops.at(-1)?.trim() === peer) forwarded = hops.slice(0, -1).join(',');
  const userAgent = text(http?.userAgent) ?? text(identity?.userAgent) ?? header('user-agent');
  return { peer, forwarded, userAgent };
}

/** A header as text: UTF-8, as browsers and tools send it, where Node takes each byte for a letter. */
export function headerText(value: string | string[] | null | undefined): string | undefined {
  const [header] = [value].flat();
  if (!header || !/[\u0080-\u00ff]/.test(header)) return header || undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(header, 'latin1'));
  } catch {
    return header;
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
