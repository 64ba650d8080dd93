// The filters of a list and what else the component's state holds, as a query string and back.

/** The filters of a list, by the names that the API has. `''` and `[]` filter nothing. */
export interface Query {
  projectSlug: string;
  environmentSlug: string;
  resourceType: readonly string[];
  excludeResourceType: readonly string[];
  action: readonly string[];
  excludeAction: readonly string[];
  /** RFC 3339; entries from this time on. */
  since: string;
  /** RFC 3339; entries before this time. */
  until: string;
}

/** What someone looks at. */
export interface View {
  query: Query;
  /** The rank, from the oldest entry, of the row at the top of the window; `null` follows the newest. */
  at: number | null;
  /** The id of the entry that is open. */
  entry: number | null;
  zone: Zone;
}

/** The time zone that times are shown in. */
export type Zone = 'utc' | 'local';

/** What stands for entries without a resource type. */
export const NO_TYPE = '~';

export const EVERYTHING: Query = {
  projectSlug: '',
  environmentSlug: '',
  resourceType: [],
  excludeResourceType: [],
  action: [],
  excludeAction: [],
  since: '',
  until: '',
};

const TEXTS = ['projectSlug', 'environmentSlug', 'since', 'until'] as const;
const LISTS = ['resourceType', 'excludeResourceType', 'action', 'excludeAction'] as const;

/** The parameters that the API takes for a query; without those that filter nothing. */
export function parameters(query: Query): URLSearchParams {
  const found = new URLSearchParams();
  for (const name of TEXTS) if (query[name]) found.set(name, query[name]);
  for (const name of LISTS) if (query[name].length > 0) found.set(name, query[name].join());
  return found;
}

/** A view as a query string, without what is as it is at first. */
export function format(view: View): string {
  const found = parameters(view.query);
  if (view.at !== null) found.set('at', String(view.at));
  if (view.entry !== null) found.set('entry', String(view.entry));
  if (view.zone === 'utc') found.set('zone', 'utc');
  return String(found);
}

/** The view that a query string describes. What makes no sense in it is left out. */
export function parse(text: string): View {
  const given = new URLSearchParams(text);
  const query: { -readonly [Name in keyof Query]: Query[Name] } = { ...EVERYTHING };
  for (const name of TEXTS) query[name] = given.get(name) ?? '';
  for (const name of LISTS) query[name] = values(given.get(name) ?? '');
  // The API has no environment without its project.
  if (!query.projectSlug) query.environmentSlug = '';
  if (!isTime(query.since)) query.since = '';
  if (!isTime(query.until)) query.until = '';
  return {
    query,
    at: count(given.get('at')),
    entry: count(given.get('entry')),
    zone: given.get('zone') === 'utc' ? 'utc' : 'local',
  };
}

/** The values of a list with commas, each once. */
function values(text: string): string[] {
  return [...new Set(text.split(',').filter(Boolean))];
}

/** Whether the API takes a text for a time (RFC 3339). */
function isTime(text: string): boolean {
  const found = /^(\d{4}-\d\d-\d\d)T(?!24)\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/i.exec(text);
  if (!found || Number.isNaN(Date.parse(text))) return false;
  // Some browsers take February 30 for March 1, as all take 24:00 for the next day.
  return new Date(found[1]!).toISOString().startsWith(found[1]!);
}

/** An integer from 1 that a number of JavaScript holds exactly. */
function count(text: string | null): number | null {
  const number = /^[1-9]\d{0,15}$/.test(text ?? '') ? Number(text) : null;
  return number !== null && Number.isSafeInteger(number) ? number : null;
}
