// The walk of a download: from the newest entry to the oldest, page by page. The cursor keeps to the
// entries that there were at the first page, so what is recorded meanwhile neither comes nor shifts the rest.

import type { Client } from './client.js';
import { countLines, countRecords, nextCursor, withoutHeader } from './csv.js';

export type Format = 'csv' | 'ndjson';

export const TYPES = { csv: 'text/csv', ndjson: 'application/x-ndjson' } as const;

/** The most entries that the API gives at once. */
const LIMIT = '1000';

/** How often to ask for a page that does not arrive whole. */
const ATTEMPTS = 5;

/** What a page adds to the file: `count` of `total` entries. */
export interface Part {
  bytes: Uint8Array<ArrayBuffer>;
  count: number;
  total: number;
}

/**
 * All entries that match, by pages. A page is given out when it has arrived whole, so a connection that
 * breaks leaves no half of one in the file. Rejects as `Client.request` does.
 */
export async function* walk(
  client: Pick<Client, 'request'>,
  query: URLSearchParams,
  format: Format,
  signal: AbortSignal,
): AsyncGenerator<Part, void, void> {
  const parameters = new URLSearchParams(query);
  parameters.set('include', 'client');
  parameters.set('limit', LIMIT);
  let total: number | undefined;
  let cursor: string | null;
  do {
    const { headers, page } = await request(client, parameters, format, signal);
    const isFirst = total === undefined;
    // Without the header this is NaN, which no number of entries equals: the download is not complete.
    total ??= Number(headers.get('x-total-count') ?? NaN);
    const count = format === 'csv' ? countRecords(page) - 1 : countLines(page);
    yield { bytes: format === 'csv' && !isFirst ? withoutHeader(page) : page, count, total };
    cursor = nextCursor(headers.get('link'));
    if (cursor) parameters.set('cursor', cursor);
  } while (cursor);
}

async function request(
  client: Pick<Client, 'request'>,
  parameters: URLSearchParams,
  format: Format,
  signal: AbortSignal,
): Promise<{ headers: Headers; page: Uint8Array<ArrayBuffer> }> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await client.request(parameters, { accept: TYPES[format], signal });
    try {
      return { headers: response.headers, page: new Uint8Array(await response.arrayBuffer()) };
    } catch (error) {
      signal.throwIfAborted();
      if (attempt === ATTEMPTS) throw error;
    }
  }
}
