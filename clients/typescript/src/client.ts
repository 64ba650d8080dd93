// Reads the log: a typed client of the API. It needs `fetch` and nothing else, so it runs in browsers too.
//
// The types are made from openapi.yaml (`npm run generate`).

import type { components, operations } from './api.js';

/** An entry of the log. */
export type Activity = components['schemas']['Activity'];
/** A page of a log. */
export type ActivityPage = components['schemas']['ActivityPage'];
/** What a problem document says (RFC 9457). */
export type Problem = components['schemas']['Problem'];

type Query = NonNullable<operations['listActivities']['parameters']['query']>;
type Include = 'client' | 'facets' | 'histogram';

/** One value of a filter or several, of which one matches; `null` stands for entries without a type. */
export type Values = string | readonly (string | null)[];

/** What a list is narrowed to, and its order. */
export interface Filters {
  projectSlug?: Query['projectSlug'] | null;
  /** Needs `projectSlug`. */
  environmentSlug?: Query['environmentSlug'] | null;
  resourceType?: Values | null;
  excludeResourceType?: Values | null;
  action?: Values | null;
  excludeAction?: Values | null;
  /** What was done at this time or later. A text is RFC 3339. */
  since?: Date | string | null;
  /** What was done before this time. */
  until?: Date | string | null;
  /** `desc` (the default) gives the newest entry first, `asc` the oldest. */
  order?: Query['order'] | null;
  /** `client` adds where entries came from; facets and histogram are for `page`. */
  include?: Include | readonly Include[] | null;
  /** In how many parts a histogram is. */
  buckets?: Query['buckets'] | null;
}

/** The filters of a list of one environment. */
export type ProjectFilters = Omit<Filters, 'projectSlug' | 'environmentSlug'>;

/** How a list is walked. */
export interface Walk {
  /** How many entries are asked for at a time, from 1 to 1,000. */
  pageSize?: number | null;
  /** Where to begin: the `nextCursor` or `resumeCursor` of an earlier page. */
  cursor?: Query['cursor'] | null;
  /** Ends the walk. */
  signal?: AbortSignal | undefined;
}

/** Which page to read. */
export interface PageOptions {
  limit?: Query['limit'] | null;
  offset?: Query['offset'] | null;
  cursor?: Query['cursor'] | null;
  signal?: AbortSignal | undefined;
}

/** How to reach the API. */
export interface ClientOptions {
  /** The address of the API, without `/api/activities`. */
  baseUrl: string | URL;
  /** The token, or what gives one. It is asked for each request, and once more if the token was refused. */
  token: string | (() => string | Promise<string>);
  /** How often a request is sent again after a 429 or 503, or when no response came; 5 by default. */
  retries?: number | undefined;
  /** What sends requests, if not `fetch`. */
  fetch?: typeof fetch | undefined;
}

// Milliseconds.
const SHORTEST_PAUSE = 500;
const LONGEST_PAUSE = 20_000;
/** Longer than this nobody waits for the API; the error says how long it asked for. */
const LONGEST_RETRY_AFTER = 120_000;

const LIST = '/api/activities';

/** The API refused a request, or could not serve it in time. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** Which problem it is, such as `invalid_parameter`: the member to branch on. */
  readonly code: Problem['code'] | undefined;
  /** The parameter at fault, if there is one. */
  readonly parameter: string | undefined;
  /** What to quote when asking about a failure. */
  readonly requestId: string | undefined;

  constructor(
    /** The status of HTTP. */
    readonly status: number,
    problem: Partial<Problem>,
    /** After how many milliseconds the request may be sent again, if the API said so. */
    readonly retryAfter: number | undefined,
  ) {
    super(problem.detail ?? problem.message ?? `the API answered ${status}`);
    this.code = problem.code;
    this.parameter = problem.parameter;
    this.requestId = problem.requestId;
  }
}

/**
 * Reads the log of the user who is named by the token.
 *
 * ```ts
 * const log = new ActivityLogClient({ baseUrl, token: () => session.token() });
 * for await (const entry of log.list({ action: 'create' })) console.log(entry.createdAt, entry.description);
 * ```
 *
 * All methods reject with an `ApiError` if a request is refused, and with what `fetch` rejects with if the
 * API cannot be reached.
 */
export class ActivityLogClient {
  readonly #base: string;
  readonly #options: ClientOptions;

  /** Sends nothing yet. Throws a `TypeError` if the address is none of HTTP. */
  constructor(options: ClientOptions) {
    const { protocol, origin, pathname } = new URL(options.baseUrl);
    if (!/^https?:$/.test(protocol)) throw new TypeError('baseUrl must be an address such as https://api.example.com');
    this.#base = origin + pathname.replace(/\/+$/, '');
    this.#options = options;
  }

  /**
   * All entries that match, newest first, page after page. A walk neither repeats nor skips an entry while
   * new ones arrive. It can be begun again: each `for await` is a walk of its own.
   */
  list(filters: Filters & Walk = {}): AsyncIterable<Activity> {
    return this.#walk(LIST, filters);
  }

  /** All entries of one environment of a project, which must exist: else it rejects with a 404. */
  listProject(
    projectSlug: string,
    environmentSlug: string,
    filters: ProjectFilters & Walk = {},
  ): AsyncIterable<Activity> {
    const path = [projectSlug, environmentSlug].map(encodeURIComponent).join('/');
    return this.#walk(`${LIST}/${path}`, filters);
  }

  /** One page, with the exact total, and with facets and a histogram if they are asked for. */
  async page(options: Filters & PageOptions = {}): Promise<ActivityPage> {
    const { signal, ...query } = options;
    return this.#get(LIST, query, signal);
  }

  /** One entry. Rejects with a 404 if there is none, and with a 403 if it is another user's. */
  async get(id: number, options: { include?: 'client' | null; signal?: AbortSignal } = {}): Promise<Activity> {
    const { signal, ...query } = options;
    const document = await this.#get<components['schemas']['ActivityDocument']>(`${LIST}/${id}`, query, signal);
    return document.data;
  }

  #walk(path: string, { pageSize, signal, ...query }: Filters & Walk): AsyncIterable<Activity> {
    if (pageSize === 0) throw new TypeError('pageSize must be from 1 to 1,000');
    const read = (cursor: string | null | undefined) =>
      this.#get<ActivityPage>(path, { ...query, limit: pageSize, cursor }, signal);
    return {
      async *[Symbol.asyncIterator]() {
        let cursor = query.cursor;
        do {
          const { data, pagination } = await read(cursor);
          yield* data;
          cursor = pagination.nextCursor;
        } while (cursor !== undefined && cursor !== null);
      },
    };
  }

  async #get<T>(path: string, query: object, signal: AbortSignal | undefined): Promise<T> {
    const { token, retries = 5, fetch: send = fetch } = this.#options;
    const address = new URL(this.#base + path);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined && value !== null) address.searchParams.set(name, parameter(value));
    }
    let isRefused = false;
    for (let failures = 0; ; failures += 1) {
      const current = typeof token === 'string' ? token : await token();
      signal?.throwIfAborted();
      const headers = { accept: 'application/json', authorization: `Bearer ${current}` };
      let response: Response;
      try {
        // Whoever is redirected to would be sent the token.
        response = await send(address, { headers, redirect: 'manual', ...(signal ? { signal } : {}) });
        if (response.ok) return (await response.json()) as T;
      } catch (error) {
        signal?.throwIfAborted();
        if (failures >= retries) throw error;
        // Reading changes nothing, so a request without a response can be sent again.
        await pause(longest(failures), signal);
        continue;
      }
      const error = await errorOf(response);
      if (error.status === 401 && typeof token !== 'string' && !isRefused) {
        isRefused = true;
        // A new token is no failure of the API.
        failures -= 1;
        continue;
      }
      const wait = error.retryAfter ?? longest(failures);
      if (![429, 503].includes(error.status) || failures >= retries || wait > LONGEST_RETRY_AFTER) throw error;
      await pause(wait, signal);
    }
  }
}

function parameter(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return Array.isArray(value) ? value.map((one) => one ?? '~').join(',') : String(value);
}

/** A pause with full jitter, which doubles with each failure. */
function longest(failures: number): number {
  return Math.random() * Math.min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** failures);
}

async function errorOf(response: Response): Promise<ApiError> {
  // API Gateway answers by itself too, and then it is no problem document.
  const problem = (await response.json().catch(() => ({}))) as Partial<Problem> | null;
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  return new ApiError(response.status, problem ?? {}, seconds >= 0 ? seconds * 1_000 : undefined);
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    // A signal that is aborted already has no event any more.
    signal?.throwIfAborted();
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener('abort', end);
  });
}
