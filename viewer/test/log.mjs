/**
 * A log of any length that is computed and not stored.
 *
 * The entry of a rank (1 is the oldest) is a pure function of the rank: what it is about repeats
 * after PERIOD entries, and its time rises in blocks of PERIOD entries. So the total of any filter,
 * the entry at any place of a filtered list, facets and histograms cost one look at the pattern,
 * and a log of 100,000,000 entries is as fast as one of ten. `stub.test.mjs` holds all of them
 * against brute force.
 */

/**
 * @typedef {{slug: string, name: string}} Place
 * @typedef {{id: number, userId: number, projectId: number|null, environmentId: number|null,
 *   user: {id: number, name: string, profileImage: string|null}|null, project: Place|null,
 *   environment: Place|null, resourceType: string|null, resourceId: number|null, action: string,
 *   description: string|null, metadata: Record<string, unknown>|null, createdAt: string}} Activity
 * @typedef {{ipAddress: string|null, userAgent: string|null, occurredAt: string|null,
 *   altered: Record<string, string|null>|null}} ClientPart
 * @typedef {{projectSlug?: string, environmentSlug?: string, resourceType?: string[],
 *   excludeResourceType?: string[], action?: string[], excludeAction?: string[],
 *   since?: number|null, until?: number|null}} Filter `~` stands for no resource type; times in ms
 * @typedef {Partial<Activity> & Partial<ClientPart>} Override what an entry of one rank shows instead
 */

/** After so many entries the pattern repeats. */
export const PERIOD = 120;

/** The user of the log. */
const USER = { id: 3, name: 'John Doe', profileImage: null };

/**
 * @type {{id: number, slug: string, name: string, environments: {id: number, slug: string, name: string}[]}[]}
 */
export const PROJECTS = [
  {
    id: 4,
    slug: 'my-project',
    name: 'My Project',
    environments: [
      { id: 4, slug: 'production', name: 'Production' },
      { id: 5, slug: 'staging', name: 'Staging' },
    ],
  },
  {
    id: 6,
    slug: 'shop',
    name: 'Web Shop',
    environments: [
      { id: 8, slug: 'production', name: 'Production' },
      { id: 9, slug: 'preview', name: 'Preview' },
    ],
  },
  // A slug that must be encoded in a query.
  {
    id: 7,
    slug: 'größe & co',
    name: 'Größe & Co',
    environments: [{ id: 10, slug: 'live/1', name: 'Live 1' }],
  },
];

/** @type {[string|null, string, number][]} resource type, action and how many of each PERIOD */
const KINDS = [
  ['function', 'invoke', 34],
  ['function', 'create', 8],
  ['function', 'update', 11],
  ['function', 'delete', 3],
  ['instance', 'create', 5],
  ['instance', 'update', 7],
  ['instance', 'delete', 4],
  ['database', 'connect', 9],
  ['database', 'disconnect', 9],
  ['database', 'update', 2],
  ['storage_bucket', 'sync', 12],
  ['storage_bucket', 'create', 2],
  ['static_website', 'sync', 4],
  ['firewall', 'update', 3],
  ['cache_server', 'create', 1],
  [null, 'update', 4],
  [null, 'sign_in', 2],
];

const DAY = 86_400_000;

/** Which part of a log's entries is in which part of its time: a log is busier at some times. */
const SHAPE = [
  [0.05, 0.2],
  [0.3, 0.15],
  [0.1, 0.15],
  [0.35, 0.2],
  [0.05, 0.2],
  [0.15, 0.1],
];

/** A generator of pseudo-random numbers below `n` (Numerical Recipes' LCG), the same at every run. */
function random(/** @type {number} */ seed) {
  let state = seed;
  return (/** @type {number} */ n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/**
 * @typedef {{resourceType: string|null, action: string, project: typeof PROJECTS[number]|null,
 *   environment: typeof PROJECTS[number]['environments'][number]|null, at: number}} Slot
 *   `at` is where in the time of its block an entry is, 0 to 1
 */

/** @returns {Slot[]} */
function pattern() {
  const below = random(15);
  const kinds = KINDS.flatMap(([resourceType, action, times]) => Array(times).fill([resourceType, action]));
  if (kinds.length !== PERIOD) throw new Error(`the pattern has ${kinds.length} entries`);
  for (let last = PERIOD - 1; last > 0; last -= 1) {
    const other = below(last + 1);
    [kinds[last], kinds[other]] = [kinds[other], kinds[last]];
  }
  // Some entries are of the same millisecond.
  const times = kinds.map(() => below(90) / 90).sort((a, b) => a - b);
  return kinds.map(([resourceType, action], index) => {
    const project = below(12) === 0 ? null : PROJECTS[[0, 0, 0, 1, 1, 2][below(6)]];
    const environment =
      project === null || below(9) === 0 ? null : project.environments[below(project.environments.length)];
    return { resourceType, action, project, environment, at: times[index] };
  });
}

const SLOTS = pattern();

const ADDRESSES = ['203.0.113.10', '198.51.100.7', '2001:db8::17', null];
const AGENTS = [
  'curl/8.7.1',
  'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
  'console/2.4',
  null,
];

const iso = (/** @type {number} */ ms) => new Date(ms).toISOString();

export class Log {
  /**
   * @param {{rows?: number, end?: number, span?: number, generation?: number,
   *   overrides?: Map<number, Override>}} [options] how many entries; about when the last one was
   *   recorded, and how long before that the first, in ms; a log of another generation has other ids
   */
  constructor({
    rows = 1_000_000,
    end = Date.UTC(2026, 10, 20, 12),
    span = 700 * DAY,
    generation = 0,
    overrides = new Map(),
  } = {}) {
    this.rows = rows;
    this.generation = generation;
    this.overrides = overrides;
    const blocks = Math.max(1, Math.ceil(rows / PERIOD));
    /** @type {{block: number, start: number, length: number}[]} `length` is of one block, in ms */
    this.parts = [];
    let [block, start, ofBlocks, ofTime] = [0, end - span, 0, 0];
    for (const [someBlocks, someTime] of SHAPE) {
      ofBlocks += someBlocks;
      ofTime += someTime;
      const [nextBlock, nextStart] = [Math.round(ofBlocks * blocks), end - span + Math.round(ofTime * span)];
      if (nextBlock > block) {
        const length = Math.max(1, Math.floor((nextStart - start) / (nextBlock - block)));
        this.parts.push({ block, start, length });
        [block, start] = [nextBlock, Math.max(nextStart, start + length * (nextBlock - block))];
      }
    }
  }

  /** The time of an entry, in ms. @param {number} rank */
  time(rank) {
    const block = Math.floor((rank - 1) / PERIOD);
    const part = this.parts.findLast((one) => one.block <= block) ?? this.parts[0];
    const slot = SLOTS[(rank - 1) % PERIOD];
    return part.start + (block - part.block) * part.length + Math.floor(slot.at * part.length);
  }

  /** How many entries are earlier than `ms`. @param {number} ms */
  before(ms) {
    const part = this.parts.findLast((one) => one.start <= ms);
    if (part === undefined) return 0;
    const next = this.parts[this.parts.indexOf(part) + 1]?.block ?? Infinity;
    const block = part.block + Math.floor((ms - part.start) / part.length);
    if (block >= next) return Math.min(this.rows, next * PERIOD);
    const rest = ms - part.start - (block - part.block) * part.length;
    const inBlock = SLOTS.filter((slot) => Math.floor(slot.at * part.length) < rest).length;
    return Math.min(this.rows, block * PERIOD + inBlock);
  }

  /** The id of an entry. Those between belong to others. @param {number} rank */
  id(rank) {
    return this.generation * 1_000_000_000_000 + 2 * rank + 7;
  }

  /**
   * The rank that an id has, `'other'` if it is another user's, `null` if there is none.
   * @param {number} id
   */
  rank(id) {
    const place = (id - 7 - this.generation * 1_000_000_000_000) / 2;
    if (place < 1 || place > this.rows) return null;
    return Number.isInteger(place) ? place : 'other';
  }

  /**
   * The entry of a rank.
   * @param {number} rank @param {boolean} [client] whether with what is known of the client
   * @returns {Activity & Partial<ClientPart>}
   */
  entry(rank, client = false) {
    const { resourceType, action, project, environment } = SLOTS[(rank - 1) % PERIOD];
    const place = (/** @type {Place} */ { slug, name }) => ({ slug, name });
    const {
      ipAddress = null,
      userAgent = null,
      occurredAt = null,
      altered = null,
      ...override
    } = this.overrides.get(rank) ?? {};
    const at = this.time(rank);
    const entry = {
      id: this.id(rank),
      userId: USER.id,
      projectId: project?.id ?? null,
      environmentId: environment?.id ?? null,
      user: rank % 50 === 0 ? null : { ...USER },
      project: project && place(project),
      environment: environment && place(environment),
      resourceType,
      resourceId: resourceType === null ? null : (rank % 977) + 1,
      action,
      description: rank % 31 === 0 ? null : `${action} number ${rank}, "${resourceType ?? 'account'}"`,
      metadata: metadata(rank, action),
      createdAt: iso(at),
      ...override,
    };
    if (!client) return entry;
    const given = this.overrides.has(rank);
    return {
      ...entry,
      ipAddress: given ? ipAddress : ADDRESSES[rank % 4],
      userAgent: given ? userAgent : AGENTS[rank % 4],
      occurredAt: given || rank % 10 ? occurredAt : iso(at - 1_500),
      altered:
        given || rank % 60 ? altered : { description: `much more than number ${rank}`, ipAddress: null },
    };
  }

  /**
   * Which slots a filter matches, without its time. @param {Filter} filter
   * @returns {(slot: Slot) => boolean}
   */
  static matcher({ projectSlug, environmentSlug, resourceType, excludeResourceType, action, excludeAction }) {
    const has = (/** @type {string[]|undefined} */ values, /** @type {string} */ value) =>
      values?.includes(value) ?? false;
    return (slot) => {
      const type = slot.resourceType ?? '~';
      return (
        (!projectSlug || slot.project?.slug === projectSlug) &&
        (!environmentSlug || slot.environment?.slug === environmentSlug) &&
        (!resourceType?.length || has(resourceType, type)) &&
        !has(excludeResourceType, type) &&
        (!action?.length || has(action, slot.action)) &&
        !has(excludeAction, slot.action)
      );
    };
  }

  /** The first and the last rank of a time, the last one exclusive. @param {Filter} filter */
  range({ since, until }) {
    const first = since == null ? 1 : this.before(since) + 1;
    const end = until == null ? this.rows + 1 : this.before(until) + 1;
    return [first, Math.max(first, end)];
  }

  /** The part of the log that a filter matches. @param {Filter} filter */
  list(filter) {
    return new List(this, filter);
  }

  /** @param {Filter} filter */
  facets(filter) {
    const values = (/** @type {'resourceType'|'action'} */ name, /** @type {Filter} */ others) => {
      const matches = Log.matcher(others);
      const [first, end] = this.range(others);
      const counts = new Map();
      SLOTS.forEach((slot, index) => {
        if (!matches(slot)) return;
        const count = upTo(end - 1, index) - upTo(first - 1, index);
        if (count > 0) counts.set(slot[name], (counts.get(slot[name]) ?? 0) + count);
      });
      return [...counts]
        .map(([value, count]) => ({ value, count }))
        .sort((a, b) => b.count - a.count || ((a.value ?? '') < (b.value ?? '') ? -1 : 1));
    };
    return {
      resourceType: values('resourceType', { ...filter, resourceType: [], excludeResourceType: [] }),
      action: values('action', { ...filter, action: [], excludeAction: [] }),
    };
  }

  /** @param {Filter} filter @param {number} buckets */
  histogram(filter, buckets) {
    const { projectSlug, environmentSlug } = filter;
    const scope = this.list({ projectSlug, environmentSlug });
    if (scope.total === 0) return { from: null, to: null, counts: [] };
    const from = filter.since ?? this.time(scope.rank(1));
    const to = filter.until ?? this.time(scope.rank(scope.total)) + 1;
    /** @type {number[]} */
    const counts = Array(buckets).fill(0);
    if (to > from) {
      const start = (/** @type {number} */ i) =>
        from + Number((BigInt(i) * BigInt(to - from)) / BigInt(buckets));
      for (let i = 0; i < buckets; i += 1) {
        counts[i] = this.list({ ...filter, since: start(i), until: start(i + 1) }).total;
      }
    }
    return { from: iso(from), to: iso(to), counts };
  }
}

/** How many of the first `rank` entries are of the slot `index`. */
const upTo = (/** @type {number} */ rank, /** @type {number} */ index) =>
  Math.floor((rank - 1 - index) / PERIOD) + 1;

/** What a filter matches; its ranks begin with 1, too. */
class List {
  /** @param {Log} log @param {Filter} filter */
  constructor(log, filter) {
    this.log = log;
    const matches = Log.matcher(filter);
    this.slots = SLOTS.flatMap((slot, index) => (matches(slot) ? [index] : []));
    const [first, end] = log.range(filter);
    this.first = first;
    this.end = end;
    /** How many matching entries are before the range. */
    this.skipped = this.matching(this.first - 1);
    this.total = this.matching(this.end - 1) - this.skipped;
  }

  /**
   * How many of the log's first `rank` entries the filter matches, whenever they were.
   * @param {number} rank
   */
  matching(rank) {
    const rest = rank % PERIOD;
    return Math.floor(rank / PERIOD) * this.slots.length + this.slots.filter((slot) => slot < rest).length;
  }

  /** The rank in the log of the entry with rank `place` in this list. @param {number} place */
  rank(place) {
    const index = this.skipped + place - 1;
    return Math.floor(index / this.slots.length) * PERIOD + this.slots[index % this.slots.length] + 1;
  }

  /** The rank in this list of the first entry that has at least this rank in the log. @param {number} rank */
  placeOf(rank) {
    return Math.min(Math.max(this.matching(rank - 1) - this.skipped, 0), this.total) + 1;
  }

  /** The entry with a rank in this list. @param {number} place @param {boolean} [client] */
  entry(place, client = false) {
    return this.log.entry(this.rank(place), client);
  }
}

/** @param {number} rank @param {string} action @returns {Record<string, unknown>|null} */
function metadata(rank, action) {
  if (action === 'update') {
    return {
      changes: {
        memorySize: { from: 128, to: 128 * ((rank % 7) + 2) },
        timeout: { to: 30 },
        tags: { from: ['a', 'b'], to: ['a', 'c'] },
      },
      reason: `request ${rank}`,
    };
  }
  if (action === 'invoke')
    return { statusCode: rank % 20 ? 200 : 500, hasError: rank % 20 === 0, durationMs: rank % 900 };
  if (action === 'create')
    return { runtime: 'nodejs20.x', limits: { memory: 512, regions: ['eu-west-1', 'us-east-1'] } };
  return null;
}
