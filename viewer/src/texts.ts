// What the component says. English is built in; a host may set other messages, any of them or all.

/** A message, or one for each plural category (Unicode CLDR) of the value `count`. */
export type Message = string | { readonly [Category in Intl.LDMLPluralRule]?: string };

export const ENGLISH = {
  // The list.
  list: 'Activity log',
  number: 'No.',
  time: 'Time ({zone})',
  action: 'Action',
  resource: 'Resource',
  description: 'Description',
  project: 'Project',
  environment: 'Environment',
  noType: 'no type',
  total: { one: '{count} entry', other: '{count} entries' },
  counting: 'Counting…',
  loadingRow: 'Entry {number} is loading',
  empty: 'Nothing has happened here yet.',
  nothing: 'No entry matches.',
  news: { one: '{count} new entry', other: '{count} new entries' },
  // Filters.
  filters: 'Filters',
  resourceType: 'Type',
  anyTime: 'Any time',
  lastHour: 'Last hour',
  lastDay: 'Last 24 hours',
  lastWeek: 'Last 7 days',
  lastMonth: 'Last 30 days',
  chosenTime: 'From … to …',
  range: 'Time range',
  since: 'From',
  until: 'To, not included',
  exclude: 'Without {value}',
  not: 'not {value}',
  remove: 'Remove the filter {value}',
  clear: 'Clear all',
  from: 'from {time}',
  before: 'before {time}',
  // Moving.
  goTo: 'Go to…',
  goToHint: 'A number, or a date such as 2024-01-31 or 2024-01-31 15:00',
  goToWrong: 'This is neither a number nor a date.',
  go: 'Go',
  zone: 'Show times in {zone}',
  utc: 'UTC',
  local: 'local time',
  // What is wrong.
  offline: 'There is no connection. The log is read again as soon as there is one.',
  unauthorized: 'Your session has ended. Sign in again to read on.',
  busy: 'The log takes no requests at the moment. It is asked again in {seconds} s.',
  failed: 'The log could not be read: {message}',
  rewritten: 'The log was rewritten. What is shown now was read again.',
  retry: 'Try again',
  dismiss: 'Dismiss',
  // An entry.
  close: 'Close',
  entry: 'Entry',
  who: 'Who',
  what: 'What',
  when: 'When',
  where: 'Where',
  occurred: 'Occurred',
  address: 'Address',
  agent: 'Agent',
  id: 'ID {id}',
  deleted: 'deleted',
  notRecorded: 'not recorded',
  filterBy: 'Show only entries with this',
  changes: 'Changes',
  field: 'Field',
  value: 'Value',
  old: 'Before',
  new: 'After',
  metadata: 'Metadata',
  members: { one: '{count} member', other: '{count} members' },
  moreMembers: { one: '{count} more', other: '{count} more' },
  rounded: 'The browser rounds numbers of this size.',
  altered: 'Altered on recording',
  came: 'What came',
  tooLong: 'a text too long to keep',
  loading: 'Loading…',
  entryFailed: 'Entry {id} cannot be shown.',
  notLoaded: 'could not be loaded',
  context: 'Show in context',
  copyLink: 'Copy link',
  copied: 'Copied',
  notCopied: 'The browser did not allow it.',
  entryLink: 'Link to this entry',
  // The strip.
  density: 'Entries over time',
  densityHint: 'The arrow keys choose a time, with Shift a longer one; Enter shows it, Escape clears it.',
  chosen: { one: '{range}: {count} entry', other: '{range}: {count} entries' },
  // The download.
  download: 'Download',
  csv: 'for spreadsheets',
  ndjson: 'JSON, one entry a line',
  progress: '{done} of {total}',
  cancel: 'Cancel',
  cancelled: 'Cancelled',
  downloaded: { one: '{count} entry downloaded', other: '{count} entries downloaded' },
  downloadRewritten: 'The log was rewritten meanwhile. Download it again.',
  incomplete: 'Only {done} of {total} entries came. Download them again.',
  downloadFailed: 'The download failed: {message}',
} satisfies Record<string, Message>;

export type Key = keyof typeof ENGLISH;
export type Messages = Partial<Record<Key, Message>>;

/** The text of a message with its values put in, numbers as the language writes them. */
export type Texts = (key: Key, values?: Record<string, string | number>) => string;

/** Texts in a language, in English where `messages` lack one. */
export function texts(locale: string, messages: Messages): Texts {
  const numbers = new Intl.NumberFormat(locale);
  const english = new Intl.PluralRules('en');
  const plurals = new Intl.PluralRules(locale);
  return (key, values = {}) => {
    const own = messages[key];
    const message: Message = own ?? ENGLISH[key];
    const rules = own === undefined ? english : plurals;
    const text =
      typeof message === 'string'
        ? message
        : (message[rules.select(Number(values.count))] ?? message.other ?? '');
    return text.replace(/\{(\w+)\}/g, (place, name: string) => {
      const value = values[name];
      if (value === undefined) return place;
      return typeof value === 'number' ? numbers.format(value) : value;
    });
  };
}
