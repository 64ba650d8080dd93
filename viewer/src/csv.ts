// The pages of a download, as bytes: they are joined as they came and never parsed, so that a file is
// what the API sent and a long log costs no time.

const QUOTE = 0x22;
const LINE_FEED = 0x0a;

/** The mark at the start of a file by which Excel knows UTF-8. */
export const UTF8_MARK = '\uFEFF';

/** How many lines of newline-delimited JSON there are. */
export function countLines(page: Uint8Array): number {
  let count = 0;
  for (let end = page.indexOf(LINE_FEED); end >= 0; end = page.indexOf(LINE_FEED, end + 1)) count += 1;
  return count;
}

/** How many records of CSV there are. A line break between quotes ends none. */
export function countRecords(page: Uint8Array): number {
  let count = 0;
  // A doubled quote ends the quoted text and begins it again.
  let isQuoted = false;
  for (const byte of page) {
    if (byte === QUOTE) isQuoted = !isQuoted;
    else if (byte === LINE_FEED && !isQuoted) count += 1;
  }
  return count;
}

/** A page of CSV without its header line, which quotes nothing. */
export function withoutHeader(page: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return page.subarray(page.indexOf(LINE_FEED) + 1);
}

/** The cursor of the next page in a `Link` header; `null` on the last page. */
export function nextCursor(link: string | null): string | null {
  return /^<\?(?:[^<>\s]+&)?cursor=([\w-]+)>; rel="next"$/.exec(link ?? '')?.[1] ?? null;
}
