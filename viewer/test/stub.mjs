/**
 * The API on this machine over a log that is computed (`log.mjs`), and the files of the viewer beside
 * it; on a second port, and so of another origin, a page that embeds the component.
 *
 * A test has it slow, refuse, break off, forget or grow by methods and fields of the object, and reads
 * every request that came. What it sends is held against openapi.yaml by `stub.test.mjs`.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { Log, PROJECTS } from './log.mjs';

const DIST = fileURLToPath(new URL('../dist/', import.meta.url));

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; " +
  "require-trusted-types-for 'script'; trusted-types lit-html";

/** The headers that the template's CORS settings allow and expose. */
const ALLOWED = 'accept,authorization,cache-control,content-type,if-none-match,pragma,x-requested-with';
const EXPOSED = 'content-disposition,etag,link,retry-after,www-authenticate,x-resume-cursor,x-total-count';

/** @type {Record<string, string>} */
const TYPES = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
};

const MAX_ID = Number.MAX_SAFE_INTEGER;

/** What a host does with the components of its page; tests read and set what it puts into `window`. */
const HOST = `
  window.asked = 0;
  window.states = [];
  window.token = 'good';
  document.querySelectorAll('activity-log').forEach((element, index) => {
    element.addEventListener('statechange', () => window.states.push([index, element.state]));
    const state = new URLSearchParams(location.search).get('state');
    if (state !== null) element.state = state;
    element.token = async () => {
      window.asked += 1;
      return window.token;
    };
  });`;

/** What a request is refused with. */
class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message
   * @param {{detail?: string, parameter?: string, headers?: Record<string, string>}} [more]
   */
  constructor(status, code, message, { detail = `${message}.`, parameter, headers = {} } = {}) {
    super(message);
    Object.assign(this, { status, code, detail, parameter, headers });
  }
}

const TITLES = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
};

const invalid = (/** @type {string} */ parameter, /** @type {string} */ reason) =>
  new Refusal(400, 'invalid_parameter', `Invalid parameter: ${parameter} ${reason}`, {
    detail: `${parameter} ${reason}.`,
    parameter,
  });

const refusals = {
  unauthenticated: (/** @type {boolean} */ sent) =>
    new Refusal(401, 'unauthenticated', 'Missing or invalid authentication token', {
      detail: sent ? 'The token is not valid.' : 'No bearer token.',
      headers: {
        'WWW-Authenticate': sent
          ? 'Bearer error="invalid_token", error_description="the token is not valid"'
          : 'Bearer',
      },
    }),
  rewritten: () =>
    new Refusal(409, 'log_rewritten', 'The log was rewritten', {
      detail:
        'The log up to this cursor is not what it was when the cursor was given out. Begin again without a cursor.',
    }),
  unavailable: (/** @type {number} */ seconds) =>
    new Refusal(503, 'unavailable', 'Failed to retrieve activities', {
      detail: 'The log cannot be read now. Send the request again.',
      headers: { 'Retry-After': String(seconds) },
    }),
  internal: () =>
    new Refusal(500, 'internal_error', 'Failed to retrieve activities', {
      detail: 'Failed to retrieve activities',
    }),
};

/**
 * A query string, read strictly.
 * @param {string} search @param {string[]} known
 */
function parameters(search, known) {
  if (search.length > 8_193)
    throw new Refusal(400, 'query_too_long', 'The query is too long', {
      detail: 'The query has more than 8,192 bytes.',
    });
  /** @type {Map<string, string>} */
  const given = new Map();
  for (const [name, value] of new URLSearchParams(search)) {
    if (name === '_') continue;
    if (given.has(name)) throw invalid(name, 'is given more than once');
    if (!known.includes(name)) throw invalid(name, `is unknown; known are ${known.join(', ')}`);
    given.set(name, value);
  }
  for (const [name, value] of given) if (value === '') given.delete(name);
  return given;
}

/**
 * A time as a bound, in ms: what is finer than a millisecond is rounded up.
 * @param {string} name
 * @param {string|undefined} text
 */
function bound(name, text) {
  if (text === undefined) return null;
  const parts = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  const ms = parts ? Date.parse(`${parts[1]}T${parts[2]}${parts[4].toUpperCase()}`) : NaN;
  if (parts === null || Number.isNaN(ms)) {
    throw invalid(
      name,
      'must be an RFC 3339 date and time such as 2024-01-15T10:30:00Z, with + written as %2B',
    );
  }
  const fraction = parts[3] ?? '';
  return ms + Number(fraction.slice(0, 3).padEnd(3, '0')) + (/[1-9]/.test(fraction.slice(3)) ? 1 : 0);
}

/**
 * @param {Map<string, string>} given
 * @param {string} name
 * @param {number} fallback
 * @param {number} min
 * @param {number} max
 */
function number(given, name, fallback, min, max) {
  const text = given.get(name);
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    throw invalid(
      name,
      max === Infinity ? `must be an integer from ${min}` : `must be an integer from ${min} to ${max}`,
    );
  }
  return value;
}

/**
 * The format that the `Accept` header likes best.
 * @param {string|undefined} accept
 * @param {string[]} available
 */
function negotiate(accept, available) {
  const ranges = (accept ?? '')
    .split(',')
    .map((range) => range.split(';').map((part) => part.trim().toLowerCase()))
    .filter(([type]) => type);
  if (ranges.length === 0) return available[0];
  const weight = (/** @type {string} */ type) => {
    for (const name of [type, `${type.split('/')[0]}/*`, '*/*', '*']) {
      const range = ranges.find(([one]) => one === name);
      if (range) return Number(range.find((part) => part.startsWith('q='))?.slice(2) ?? 1);
    }
    return 0;
  };
  const best = available.reduce((a, b) => (weight(b) > weight(a) ? b : a));
  if (weight(best) > 0) return best;
  const names =
    available.length === 1 ? available[0] : `${available.slice(0, -1).join(', ')} or ${available.at(-1)}`;
  throw new Refusal(406, 'not_acceptable', 'Not acceptable', { detail: `This can be given as ${names}.` });
}

const COLUMNS = [
  'id',
  'userId',
  'projectId',
  'environmentId',
  'user.id',
  'user.name',
  'user.profileImage',
  'project.slug',
  'project.name',
  'environment.slug',
  'environment.name',
  'resourceType',
  'resourceId',
  'action',
  'description',
  'metadata',
  'createdAt',
];
const CLIENT_COLUMNS = ['ipAddress', 'userAgent', 'occurredAt', 'altered'];

/** Entries as CSV. @param {any[]} entries @param {boolean} client */
export function csv(entries, client) {
  const columns = client ? [...COLUMNS, ...CLIENT_COLUMNS] : COLUMNS;
  const cell = (/** @type {any} */ entry, /** @type {string} */ column) => {
    const value = column.split('.').reduce((object, member) => object?.[member] ?? null, entry);
    if (value === null) return '';
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
    const safe = /^[=+\-@\t\r\n]/.test(text) && typeof value === 'string' ? `'${text}` : text;
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  return [columns, ...entries.map((entry) => columns.map((column) => cell(entry, column)))]
    .map((cells) => `${cells.join(',')}\r\n`)
    .join('');
}

/**
 * @typedef {{time: number, method: string, path: string, query: URLSearchParams,
 *   headers: import('node:http').IncomingHttpHeaders, origin: 'first'|'second', status: number|null,
 *   aborted: boolean, ranks: [number, number]|null, total: number|null}} Recorded
 *   `ranks` are the first and the last rank of the entries in the response, in the list that was asked
 */

export class Stub {
  /** @param {ConstructorParameters<typeof Log>[0] & {dist?: string, prefix?: string}} [options] */
  constructor({ dist = DIST, prefix = '', ...log } = {}) {
    this.log = new Log(log);
    this.options = log;
    this.dist = dist;
    /** A path before all others, as a stage of API Gateway is. */
    this.prefix = prefix;
    /** The tokens that are good. */
    this.tokens = new Set(['good']);
    /** How long a list with entries takes, in ms. */
    this.delay = 0;
    /** How long any other response of the API takes, in ms. */
    this.delayOfOthers = 0;
    /** Whether connections to the API break off. */
    this.offline = false;
    /** How many entries a page has at the most, as if it was cut for its length. */
    this.cut = 1_000;
    /** @type {Recorded[]} */
    this.requests = [];
    /** @type {{status: number, retryAfter: number|null}[]} */
    this.failures = [];
    /** @type {Map<string, {style?: string, script?: string}>} other pages of the second origin, by path */
    this.pages = new Map();
    /** Where the API and the viewer are. */
    this.origin = '';
    /** Where the page is that embeds the component. */
    this.other = '';
    this.first = createServer((request, response) => this.#serve(request, response));
    this.second = createServer((request, response) => this.#embed(request, response));
  }

  /** Listens on two free ports. @param {ConstructorParameters<typeof Stub>[0]} [options] */
  static async start(options) {
    const stub = new Stub(options);
    for (const server of [stub.first, stub.second]) {
      server.keepAliveTimeout = 60_000;
      await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
    }
    const port = (/** @type {any} */ server) => server.address().port;
    stub.origin = `http://127.0.0.1:${port(stub.first)}`;
    // Another name as well as another port, so that nothing is shared by host.
    stub.other = `http://localhost:${port(stub.second)}`;
    return stub;
  }

  async close() {
    for (const server of [this.first, this.second]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(() => resolve(undefined)));
    }
  }

  // What a test does to it.

  /** Records `n` more entries. @param {number} n */
  append(n) {
    this.log.rows += n;
  }

  /**
   * Writes the log anew: with other ids, or shorter with the same ones.
   * @param {{rows?: number, ids?: boolean}} how
   */
  rewrite({ rows = this.log.rows, ids = true }) {
    const generation = this.log.generation + (ids ? 1 : 0);
    this.log = new Log({ ...this.options, rows, generation });
    if (!ids) this.log.parts = new Log({ ...this.options, generation }).parts;
  }

  /**
   * The next `times` requests of the API fail.
   * @param {number} times
   * @param {401|429|500|503} status
   * @param {number|null} [retryAfter] s
   */
  fail(times, status, retryAfter = null) {
    for (let i = 0; i < times; i += 1) this.failures.push({ status, retryAfter });
  }

  /** The requests of the API so far. */
  get api() {
    return this.requests.filter(({ path, method }) => path.includes('/api/') && method !== 'OPTIONS');
  }

  /** Those for entries of a list. */
  get lists() {
    return this.api.filter(({ path, query }) => !/\/\d+$/.test(path) && query.get('limit') !== '0');
  }

  /** Those for a total, without facets and histogram. */
  get polls() {
    return this.api.filter(
      ({ query }) => query.get('limit') === '0' && !/facets|histogram/.test(query.get('include') ?? ''),
    );
  }

  /** Those for facets or a histogram. */
  get summaries() {
    return this.api.filter(({ query }) => /facets|histogram/.test(query.get('include') ?? ''));
  }

  // What it responds.

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   * @param {'first'|'second'} origin
   */
  #record(request, response, origin) {
    const url = new URL(request.url ?? '/', 'http://stub');
    /** @type {Recorded} */
    const recorded = {
      time: Date.now(),
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      origin,
      status: null,
      aborted: false,
      ranks: null,
      total: null,
    };
    this.requests.push(recorded);
    response.on('close', () => {
      if (!response.writableFinished) recorded.aborted = true;
      else recorded.status = response.statusCode;
    });
    return { url, recorded };
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #serve(request, response) {
    const { url, recorded } = this.#record(request, response, 'first');
    const path = url.pathname.startsWith(this.prefix) ? url.pathname.slice(this.prefix.length) : '';
    if (request.headers.origin !== undefined) {
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Access-Control-Expose-Headers', EXPOSED);
    }
    if (path === '/viewer' || /^\/viewer\/[^/]+$/.test(path))
      return this.#file(path.slice('/viewer/'.length) || 'index.html', request, response);
    if (!path.startsWith('/api/'))
      return send(response, 404, { 'Content-Type': 'application/json' }, '{"message":"Not Found"}');
    if (this.offline) return request.socket.destroy();
    if (request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined) {
      return send(
        response,
        204,
        {
          'Access-Control-Allow-Methods': 'GET,HEAD',
          'Access-Control-Allow-Headers': ALLOWED,
          'Access-Control-Max-Age': '3600',
        },
        '',
      );
    }
    try {
      const failure = this.failures.shift();
      const { status, headers, body } = failure
        ? refuse(failure)
        : this.#respond(request, path, url, recorded);
      const rows = recorded.ranks !== null && recorded.ranks[1] >= recorded.ranks[0];
      const delay = rows ? this.delay : this.delayOfOthers;
      if (delay > 0) await new Promise((resolve) => setTimeout(resolve, delay));
      // A connection that broke off meanwhile.
      if (this.offline) return request.socket.destroy();
      return send(response, status, headers, request.method === 'HEAD' ? '' : body);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const { status, headers, body } = problem(error);
      return send(response, status, headers, request.method === 'HEAD' ? '' : body);
    }
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {string} path
   * @param {URL} url
   * @param {Recorded} recorded
   * @returns {{status: number, headers: Record<string, string>, body: string}}
   */
  #respond(request, path, url, recorded) {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
    if (token === undefined || !this.tokens.has(token))
      throw refusals.unauthenticated(request.headers.authorization !== undefined);
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      throw new Refusal(405, 'method_not_allowed', 'Method not allowed', {
        detail: 'This can only be read, with GET or HEAD.',
        headers: { Allow: 'GET, HEAD' },
      });
    }
    const segments = path.split('/').slice(3).map(decodeURIComponent);
    if (segments.length === 0) return this.#list(request, url, recorded, null);
    if (segments.length === 1) return this.#one(request, url, segments[0]);
    if (segments.length === 2)
      return this.#list(request, url, recorded, { projectSlug: segments[0], environmentSlug: segments[1] });
    throw new Refusal(404, 'activity_not_found', 'Not Found');
  }

  /** @param {import('node:http').IncomingMessage} request @param {URL} url @param {string} text */
  #one(request, url, text) {
    const id = Number(text);
    if (!/^[1-9]\d*$/.test(text) || id > MAX_ID) {
      throw new Refusal(400, 'invalid_activity_id', 'Invalid activity ID', {
        detail: `An activity ID is an integer from 1 to ${MAX_ID}.`,
        parameter: 'id',
      });
    }
    const given = parameters(url.search, ['include']);
    const client = includes(given, ['client']).has('client');
    negotiate(request.headers.accept, ['application/json']);
    const rank = this.log.rank(id);
    if (rank === null)
      throw new Refusal(404, 'activity_not_found', 'Activity entry not found', {
        detail: 'Activity entry not found',
      });
    if (rank === 'other') {
      const message = 'Activity entry does not belong to the authenticated user';
      throw new Refusal(403, 'not_your_activity', message, { detail: message });
    }
    const body = JSON.stringify({
      message: 'Activity retrieved successfully',
      data: this.log.entry(rank, client),
    });
    return document(request, { 'Content-Type': 'application/json' }, body);
  }

  /**
   * @param {import('node:http').IncomingMessage} request @param {URL} url @param {Recorded} recorded
   * @param {{projectSlug: string, environmentSlug: string}|null} scope of the path
   */
  #list(request, url, recorded, scope) {
    const given = parameters(url.search, [
      'limit',
      'offset',
      ...(scope ? [] : ['projectSlug', 'environmentSlug']),
      'resourceType',
      'excludeResourceType',
      'action',
      'excludeAction',
      'since',
      'until',
      'order',
      'cursor',
      'include',
      'buckets',
    ]);
    const asked = Math.min(number(given, 'limit', 100, 0, Infinity), 1_000);
    const offset = number(given, 'offset', 0, 0, MAX_ID);
    const cursor = given.get('cursor');
    if (cursor !== undefined && given.has('offset'))
      throw invalid('cursor', 'cannot be given together with offset');
    const values = (/** @type {string} */ name) =>
      [...new Set((given.get(name) ?? '').split(',').filter(Boolean))].sort();
    /** @type {import('./log.mjs').Filter} */
    const filter = {
      projectSlug: scope?.projectSlug ?? given.get('projectSlug'),
      environmentSlug: scope?.environmentSlug ?? given.get('environmentSlug'),
      resourceType: values('resourceType'),
      excludeResourceType: values('excludeResourceType'),
      action: values('action'),
      excludeAction: values('excludeAction'),
      since: bound('since', given.get('since')),
      until: bound('until', given.get('until')),
    };
    if (filter.environmentSlug && !filter.projectSlug)
      throw invalid('environmentSlug', 'requires projectSlug');
    const order = given.get('order') ?? 'desc';
    if (order !== 'asc' && order !== 'desc') throw invalid('order', 'must be asc or desc');
    const include = includes(given, ['client', 'facets', 'histogram']);
    const buckets = number(given, 'buckets', 60, 1, 100);
    if (given.has('buckets') && !include.has('histogram'))
      throw invalid('buckets', 'requires include=histogram');
    const summaries = include.has('facets') || include.has('histogram');
    const format = negotiate(
      request.headers.accept,
      summaries ? ['application/json'] : ['application/json', 'application/x-ndjson', 'text/csv'],
    );
    if (scope) {
      const project = PROJECTS.find(({ slug }) => slug === scope.projectSlug);
      if (!project?.environments.some(({ slug }) => slug === scope.environmentSlug)) {
        const message = 'Project or environment not found';
        throw new Refusal(404, 'project_or_environment_not_found', message, { detail: message });
      }
    }

    const hash = createHash('sha256')
      .update(JSON.stringify([filter, order, scope !== null]))
      .digest('base64url')
      .slice(0, 12);
    const list = this.log.list(filter);
    // Where in the list the page begins: so many matching entries are before it.
    const before =
      cursor === undefined ? Math.min(offset, list.total) : this.#start(cursor, hash, order, list);
    const limit = Math.min(asked, Math.max(this.cut, 1));
    const shown = Math.max(0, Math.min(limit, list.total - before));
    const client = include.has('client');
    const entries = Array.from({ length: shown }, (_, index) =>
      list.entry(order === 'asc' ? before + index + 1 : list.total - before - index, client),
    );
    const cutShort = shown === limit && limit < asked && before + shown < list.total;
    const hasMore = before + shown < list.total;
    const after = before + shown;
    const give = (/** @type {number} */ rank) =>
      Buffer.from(JSON.stringify([this.log.generation, hash, rank])).toString('base64url');
    const next =
      hasMore && asked > 0
        ? give(order === 'asc' ? list.rank(after) : list.rank(list.total - after + 1))
        : undefined;
    const resume =
      order === 'asc'
        ? give(hasMore ? (after === 0 ? list.first - 1 : list.rank(after)) : Math.max(list.end - 1, 0))
        : undefined;
    const ranks = order === 'asc' ? [before + 1, after] : [list.total - after + 1, list.total - before];
    recorded.ranks = /** @type {[number, number]} */ (ranks);
    recorded.total = list.total;

    /** @type {Record<string, string>} */
    const headers = { 'X-Total-Count': String(list.total) };
    if (next !== undefined) headers.Link = `<${link(given, next)}>; rel="next"`;
    if (resume !== undefined) headers['X-Resume-Cursor'] = resume;
    if (format === 'text/csv') {
      const own = {
        'Content-Type': 'text/csv; charset=utf-8; header=present',
        'Content-Disposition': 'attachment; filename="activities.csv"',
      };
      return document(request, own, csv(entries, client), headers);
    }
    if (format === 'application/x-ndjson') {
      return document(
        request,
        { 'Content-Type': format },
        entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''),
        headers,
      );
    }
    const body = JSON.stringify({
      message: 'Activities retrieved successfully',
      data: entries,
      pagination: {
        total: list.total,
        limit: cutShort ? shown : asked,
        offset: cursor === undefined ? offset : before,
        hasMore,
        nextCursor: next,
        resumeCursor: resume,
      },
      facets: include.has('facets') ? this.log.facets(filter) : undefined,
      histogram: include.has('histogram') ? this.log.histogram(filter, buckets) : undefined,
    });
    return document(request, { 'Content-Type': format }, body, headers);
  }

  /**
   * How many matching entries are before the place of a cursor.
   * @param {string} cursor
   * @param {string} hash
   * @param {string} order
   * @param {any} list
   */
  #start(cursor, hash, order, list) {
    let parts;
    try {
      parts = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    } catch {
      throw invalid('cursor', 'is not of this list');
    }
    if (!Array.isArray(parts) || parts[1] !== hash) throw invalid('cursor', 'is not of this list');
    const [generation, , rank] = parts;
    if (generation !== this.log.generation || rank > this.log.rows) throw refusals.rewritten();
    // The cursor names the last entry that was read.
    return order === 'asc' ? list.placeOf(rank + 1) - 1 : list.total - (list.placeOf(rank) - 1);
  }

  /**
   * @param {string} name
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #file(name, request, response) {
    const security = {
      'Content-Security-Policy': CSP,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      'Cross-Origin-Resource-Policy': 'cross-origin',
    };
    const type = TYPES[name.split('.').at(-1) ?? ''];
    const bytes = type && !name.includes('..') ? await readFile(this.dist + name).catch(() => null) : null;
    if (bytes === null || type === undefined)
      return send(response, 404, { ...security, 'Content-Type': 'text/plain; charset=utf-8' }, 'Not Found');
    const tag = etag(bytes);
    const headers = {
      ...security,
      'Content-Type': type,
      ETag: tag,
      'Cache-Control': /-[0-9A-Z]{8}\./i.test(name) ? 'public, max-age=31536000, immutable' : 'no-cache',
    };
    return request.headers['if-none-match'] === tag
      ? send(response, 304, headers, '')
      : send(response, 200, headers, bytes);
  }

  /**
   * The second origin: a page with the component. The query says in which language and direction, with which
   * state, how high, and how many times. Or what a test has put into `pages`, with its own style and script.
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  #embed(request, response) {
    const { url } = this.#record(request, response, 'second');
    const own = this.pages.get(url.pathname);
    if (url.pathname !== '/' && own === undefined)
      return send(response, 404, { 'Content-Type': 'text/plain' }, 'Not Found');
    const get = (/** @type {string} */ name, /** @type {string} */ fallback) =>
      (url.searchParams.get(name) ?? fallback).replace(/[&<>"]/g, '');
    const nonce = randomBytes(12).toString('base64');
    const base = `${this.origin}${this.prefix}`;
    const one = `<activity-log src="${base}/api/activities"></activity-log>`;
    const page = `<!doctype html>
<html lang="${get('lang', 'en')}" dir="${get('dir', 'ltr')}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Console</title>
<link rel="icon" href="data:,">
<style nonce="${nonce}">
  body { margin: 0 }
  h1 { margin: 0; font-size: 1rem }
  activity-log { block-size: ${get('height', '690px')} }
  ${own?.style ?? ''}
</style>
<header><h1>Console</h1></header>
<main>${one.repeat(Number(get('count', '1')))}</main>
<script nonce="${nonce}" type="module">
  import '${base}/viewer/activity-log.js';
  ${own?.script ?? HOST}
</script>
</html>`;
    // What a careful host allows, and no more.
    const policy =
      `default-src 'none'; script-src 'nonce-${nonce}' ${this.origin}; style-src 'nonce-${nonce}'; ` +
      `img-src https: data:; connect-src ${this.origin}; base-uri 'none'; form-action 'none'; ` +
      `require-trusted-types-for 'script'; trusted-types lit-html`;
    return send(
      response,
      200,
      { 'Content-Type': 'text/html; charset=utf-8', 'Content-Security-Policy': policy },
      page,
    );
  }
}

/** @param {Map<string, string>} given @param {string[]} known @returns {Set<string>} */
function includes(given, known) {
  const values = (given.get('include') ?? '').split(',').filter(Boolean);
  if (!values.every((value) => known.includes(value)))
    throw invalid('include', `must be ${known.join(' or ')}`);
  return new Set(values);
}

/** @param {Map<string, string>} given @param {string} cursor */
function link(given, cursor) {
  const encode = (/** @type {string} */ text) =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const same = [...given].filter(([name]) => name !== 'cursor' && name !== 'offset');
  return `?${[...same, ['cursor', cursor]].map(([name, value]) => `${name}=${encode(value)}`).join('&')}`;
}

/** @param {...(string|Buffer)} bytes */
function etag(...bytes) {
  const hash = createHash('sha256');
  for (const some of bytes) hash.update(some);
  return `W/"${hash.digest('base64url').slice(0, 22)}"`;
}

/**
 * A 200, or a 304 if the caller has it already.
 * @param {import('node:http').IncomingMessage} request
 * @param {Record<string, string>} own headers that a 304 does not have
 * @param {string} body @param {Record<string, string>} [headers]
 */
function document(request, own, body, headers = {}) {
  const tag = etag(body, JSON.stringify(headers));
  const all = {
    ...headers,
    ETag: tag,
    'Cache-Control': 'private, no-cache',
    Vary: 'Accept, Accept-Encoding',
  };
  const opaque = (/** @type {string} */ one) => one.trim().replace(/^W\//, '');
  const has = (request.headers['if-none-match'] ?? '')
    .split(',')
    .some((one) => one.trim() === '*' || opaque(one) === opaque(tag));
  return has ? { status: 304, headers: all, body: '' } : { status: 200, headers: { ...own, ...all }, body };
}

/** @param {any} refusal */
function problem({ status, code, message, detail, parameter, headers }) {
  const title = TITLES[/** @type {keyof TITLES} */ (status)];
  const requestId = `${randomBytes(11).toString('base64')}`;
  const body = JSON.stringify({
    type: 'about:blank',
    title,
    status,
    detail,
    message,
    code,
    requestId,
    parameter,
  });
  return {
    status,
    headers: { ...headers, 'Content-Type': 'application/problem+json', 'Cache-Control': 'private, no-cache' },
    body,
  };
}

/** @param {{status: number, retryAfter: number|null}} failure */
function refuse({ status, retryAfter }) {
  if (status === 401) return problem(refusals.unauthenticated(true));
  if (status === 503) return problem(refusals.unavailable(retryAfter ?? 1));
  if (status === 500) return problem(refusals.internal());
  // API Gateway says this by itself.
  const headers = {
    'Content-Type': 'application/json',
    ...(retryAfter === null ? {} : { 'Retry-After': String(retryAfter) }),
  };
  return { status, headers, body: JSON.stringify({ message: TITLES[/** @type {keyof TITLES} */ (status)] }) };
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 * @param {Record<string, string>} headers
 * @param {string|Buffer} body
 */
function send(response, status, headers, body) {
  response.writeHead(status, headers).end(body);
}

// `node stub.mjs [rows]` serves until it is stopped, to look at the viewer by hand.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stub = await Stub.start({ rows: Number(process.argv[2] ?? 1_000_000), end: Date.now() });
  console.log(`${stub.origin}/viewer#token=good\n${stub.other}/`);
}
