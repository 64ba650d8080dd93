// Requests to the API: with a token of the host, and sent again where that may help.

/** Gives the token to send, or nothing if there is none. The client asks again when a token was refused. */
export type TokenSource = () => Promise<string | null | undefined> | string | null | undefined;

/** Why requests wait. */
export type Trouble =
  | { kind: 'offline' }
  /** The API takes no requests for now; `until` is in milliseconds since 1970. */
  | { kind: 'busy'; until: number }
  | { kind: 'unauthorized' };

/** A response that no second request would change. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** How requests are sent; tests replace it. */
export interface Surroundings {
  fetch: typeof fetch;
  /** Ends after some milliseconds, or when the browser is online again. */
  pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void>;
  random(): number;
  now(): number;
}

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

/** Sends requests to the list at `address` and to its entries. */
export class Client {
  #source: TokenSource | undefined;
  #token: Promise<string | null> | undefined;
  /** Whether the source has no good token. Nothing is sent until there is another source. */
  #isRefused = false;
  /** Ends when the host sets another source of tokens. */
  #renewed = deferred();

  /** Calls `report` with each trouble, and with `null` when it is over. */
  constructor(
    readonly address: string,
    readonly report: (trouble: Trouble | null) => void,
    readonly surroundings: Surroundings = BROWSER,
  ) {}

  /** Takes tokens from another source from now on; requests that wait for one go on. */
  authorize(source: TokenSource | undefined): void {
    this.#source = source;
    this.#token = undefined;
    this.#isRefused = false;
    this.#renewed.end();
    this.#renewed = deferred();
  }

  /**
   * The response to a list request, or to the request of the entry with an id: a 200, or a 304.
   * Waits while there is no connection, no good token, or no capacity, and then sends it again.
   * Rejects with a `Failure`, or with the reason of `signal`.
   */
  async request(
    parameters: URLSearchParams,
    options: { id?: number; signal?: AbortSignal; accept?: string; etag?: string | null } = {},
  ): Promise<Response> {
    const { id, signal, accept = 'application/json', etag } = options;
    const address = new URL(id === undefined ? this.address : `${this.address}/${id}`);
    for (const [name, value] of parameters) address.searchParams.set(name, value);
    let wait = FIRST_WAIT;
    let hasNewToken = false;
    for (;;) {
      signal?.throwIfAborted();
      const { ended } = this.#renewed;
      const asked = this.#current();
      const token = await asked;
      const response = token && (await this.#send(address, { accept, token, etag }, signal));
      if (response && (response.ok || response.status === 304)) {
        this.#tell(null);
        return response;
      }
      if (!token || (response && response.status === 401)) {
        // Meanwhile the host has set another source.
        if (ended !== this.#renewed.ended) continue;
        if (this.#token === asked) this.#token = undefined;
        // A token may have run out. Another that is refused as well will not get better by itself.
        if (token && !hasNewToken) {
          hasNewToken = true;
          continue;
        }
        hasNewToken = false;
        this.#tell({ kind: 'unauthorized' });
        this.#isRefused = true;
        await unlessAborted(ended, signal);
        continue;
      }
      if (response && response.status !== 429 && response.status !== 503) {
        // Whatever requests waited for is over.
        this.#tell(null);
        throw await failure(response);
      }
      const least = response ? retryAfter(response) : 0;
      const pause = Math.max(least, wait * (0.5 + this.surroundings.random() / 2));
      wait = Math.min(wait * 2, LONGEST_WAIT);
      const until = this.surroundings.now() + pause;
      this.#tell(response ? { kind: 'busy', until } : { kind: 'offline' });
      await this.surroundings.pause(pause, signal);
    }
  }

  /** Reports a trouble or its end. While no token is good, that is the trouble, whatever other requests end in. */
  #tell(trouble: Trouble | null): void {
    if (!this.#isRefused) this.report(trouble);
  }

  /** The response; `undefined` if there is no connection. */
  async #send(
    address: URL,
    sent: { accept: string; token: string; etag: string | null | undefined },
    signal: AbortSignal | undefined,
  ): Promise<Response | undefined> {
    const headers = new Headers({ accept: sent.accept, authorization: `Bearer ${sent.token}` });
    if (sent.etag) headers.set('if-none-match', sent.etag);
    // What a log says is not for the browser's disk.
    const options: RequestInit = { headers, cache: 'no-store', credentials: 'omit' };
    if (signal) options.signal = signal;
    try {
      return await this.surroundings.fetch(address, options);
    } catch {
      signal?.throwIfAborted();
      return undefined;
    }
  }

  /** The token to send, which all requests share. A host that fails has none. */
  #current(): Promise<string | null> {
    const ask = async () => (this.#isRefused ? null : ((await this.#source?.()) ?? null));
    this.#token ??= ask().catch(() => null);
    return this.#token;
  }
}

/** How long a response asks to wait, in milliseconds. */
function retryAfter(response: Response): number {
  const seconds = Number(response.headers.get('retry-after'));
  return Number.isFinite(seconds) ? Math.max(seconds, 0) * 1_000 : 0;
}

/** The failure that a response describes. */
async function failure(response: Response): Promise<Failure> {
  const problem = await response.json().catch(() => ({}));
  const text = (value: unknown) => (typeof value === 'string' ? value : '');
  const message = text(problem?.message) || `${response.status} ${response.statusText}`;
  return new Failure(response.status, text(problem?.code), message);
}

/** Ends when `promise` does; rejects as soon as `signal` is aborted, or at once if it was before. */
function unlessAborted(promise: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const abort = () => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    void promise.then(() => {
      signal?.removeEventListener('abort', abort);
      resolve();
    });
  });
}

/** A promise, and what ends it. */
function deferred(): { ended: Promise<void>; end: () => void } {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { ended, end };
}

const BROWSER: Surroundings = {
  fetch: (...request) => fetch(...request),
  async pause(milliseconds, aborted) {
    const { ended, end } = deferred();
    const timer = setTimeout(end, milliseconds);
    addEventListener('online', end);
    try {
      await unlessAborted(ended, aborted);
    } finally {
      clearTimeout(timer);
      removeEventListener('online', end);
    }
  },
  random: Math.random,
  now: Date.now,
};
