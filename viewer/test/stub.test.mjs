/**
 * The stub says what openapi.yaml says, and what brute force says over a log of 3,000 entries. What the
 * tests in a browser see is then what the API sends.
 */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { isIPv4, isIPv6 } from 'node:net';
import { after, before, test } from 'node:test';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';

import { Log, PERIOD, PROJECTS } from './log.mjs';
import { CSP, Stub, csv } from './stub.mjs';

const ROWS = 3_000;
const openapi = parse(await readFile(new URL('../../openapi.yaml', import.meta.url), 'utf8'), {
  maxAliasCount: -1,
});
const ajv = new Ajv2020({ strict: false, allErrors: true });
ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
ajv.addFormat('ipv4', { validate: isIPv4 });
ajv.addFormat('ipv6', { validate: isIPv6 });
ajv.addSchema(openapi, 'openapi.yaml');

/** @type {Stub} */
let stub;
before(async () => {
  stub = await Stub.start({ rows: ROWS });
});
after(() => stub.close());

/** What a `$ref` leads to. */
const resolve = (/** @type {any} */ value) =>
  value?.$ref
    ? value.$ref
        .slice(2)
        .split('/')
        .reduce((/** @type {any} */ at, /** @type {string} */ name) => at[name], openapi)
    : value;

/**
 * Holds a value against a schema of openapi.yaml.
 * @param {any} schema
 * @param {unknown} value
 * @param {string} what
 */
function valid(schema, value, what) {
  // References are relative to the document.
  const absolute = JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"openapi.yaml#/'));
  const validate = ajv.compile(absolute);
  assert.ok(validate(value), `${what}: ${ajv.errorsText(validate.errors)}`);
}

/**
 * Sends a request and holds the response against its description.
 * @param {string} target @param {{route?: string, method?: string, headers?: Record<string, string>}} [options]
 */
async function ask(target, { route = '/api/activities', method = 'GET', headers = {} } = {}) {
  const response = await fetch(`${stub.origin}${target}`, {
    method,
    headers: { Authorization: 'Bearer good', ...headers },
  });
  const text = await response.text();
  const described = resolve(openapi.paths[route].get.responses[response.status]);
  assert.ok(described, `${target}: ${response.status} is not described`);
  for (const [name, reference] of Object.entries(described.headers ?? {})) {
    const header = resolve(reference);
    const value = response.headers.get(name);
    assert.ok(value !== null || !header.required, `${target}: ${name} is not there`);
    if (value !== null)
      valid(
        header.schema,
        /integer/.test(JSON.stringify(resolve(header.schema).type)) ? Number(value) : value,
        `${target} ${name}`,
      );
  }
  const type = response.headers.get('content-type');
  if (response.status === 304 || method === 'HEAD') assert.equal(text, '');
  else {
    const content = described.content[type ?? ''];
    assert.ok(content, `${target}: ${type} is not described`);
    valid(
      content.schema,
      /json$/.test(type ?? '') && !/ndjson/.test(type ?? '') ? JSON.parse(text) : text,
      target,
    );
  }
  return { status: response.status, headers: response.headers, text, json: () => JSON.parse(text) };
}

/** All entries, oldest first. */
const everything = (/** @type {Log} */ log) =>
  Array.from({ length: log.rows }, (_, index) => log.entry(index + 1, true));

/**
 * What a filter matches, oldest first, one after another.
 * @param {any[]} entries
 * @param {import('./log.mjs').Filter} filter
 */
const matching = (entries, filter) =>
  entries.filter((entry) => {
    const [type, at] = [entry.resourceType ?? '~', Date.parse(entry.createdAt)];
    return (
      (!filter.projectSlug || entry.project?.slug === filter.projectSlug) &&
      (!filter.environmentSlug || entry.environment?.slug === filter.environmentSlug) &&
      (!filter.resourceType?.length || filter.resourceType.includes(type)) &&
      !filter.excludeResourceType?.includes(type) &&
      (!filter.action?.length || filter.action.includes(entry.action)) &&
      !filter.excludeAction?.includes(entry.action) &&
      (filter.since == null || at >= filter.since) &&
      (filter.until == null || at < filter.until)
    );
  });

/** @param {any[]} entries @param {'resourceType'|'action'} name */
function counted(entries, name) {
  const counts = new Map();
  for (const entry of entries) counts.set(entry[name], (counts.get(entry[name]) ?? 0) + 1);
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .sort((a, b) => b.count - a.count || ((a.value ?? '') < (b.value ?? '') ? -1 : 1));
}

/**
 * Filters of all kinds, the same at every run.
 * @param {Log} log
 * @param {number} times
 * @returns {import('./log.mjs').Filter[]}
 */
function filters(log, times) {
  let state = 7;
  const below = (/** @type {number} */ n) => {
    state = (Math.imul(state, 48_271) >>> 0) % 2_147_483_647;
    return state % n;
  };
  const some = (/** @type {string[]} */ values) =>
    below(3) ? [] : values.filter(() => below(3) === 0).sort();
  const types = ['function', 'instance', 'database', 'storage_bucket', 'firewall', 'nothing', '~'];
  const actions = ['create', 'update', 'delete', 'invoke', 'sync', 'nothing'];
  const [first, last] = [log.time(1), log.time(log.rows)];
  const time = () =>
    below(2)
      ? null
      : [first, last, last + 1, first - 5, first + below(last - first), log.time(1 + below(log.rows))][
          below(6)
        ];
  return Array.from({ length: times }, () => {
    const project = below(2) ? undefined : [...PROJECTS, { slug: 'nothing', environments: [] }][below(4)];
    const environment = project && below(2) ? project.environments[below(2)] : undefined;
    return {
      projectSlug: project?.slug,
      environmentSlug: environment?.slug,
      resourceType: some(types),
      excludeResourceType: some(types),
      action: some(actions),
      excludeAction: some(actions),
      since: time(),
      until: time(),
    };
  });
}

/** @param {import('./log.mjs').Filter} filter @param {Record<string, string|number>} [more] */
function target(filter, more = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...filter, ...more })) {
    const text =
      name === 'since' || name === 'until'
        ? value && new Date(Number(value)).toISOString()
        : String(value ?? '');
    if (text) query.set(name, text);
  }
  return `/api/activities?${query}`;
}

test('times never fall, ids rise, and an entry is found by its id', () => {
  for (const rows of [0, 1, 119, 121, ROWS, 100_000]) {
    const log = new Log({ rows });
    log.rows += 500;
    let [time, same] = [-Infinity, 0];
    for (let rank = 1; rank <= log.rows; rank += 1) {
      assert.ok(log.time(rank) >= time, `${rank} of ${rows}`);
      same += log.time(rank) === time ? 1 : 0;
      time = log.time(rank);
      assert.equal(log.rank(log.id(rank)), rank);
    }
    assert.equal(log.rank(log.id(log.rows) + 2), null);
    assert.equal(log.rank(log.id(1) + 1), 'other');
    if (rows > 1_000) assert.ok(same > rows / 20, 'some entries are of the same millisecond');
  }
});

test('how many entries are before a time is what counting says', () => {
  const log = new Log({ rows: ROWS });
  const times = Array.from({ length: ROWS }, (_, index) => log.time(index + 1));
  const instants = times.flatMap((time) => [time - 1, time, time + 1]).concat(0, Date.UTC(9999, 0, 1));
  for (const instant of instants) {
    assert.equal(log.before(instant), times.filter((time) => time < instant).length, String(instant));
  }
});

test('totals, pages, facets and histograms are what brute force says, under any filter', async () => {
  const entries = everything(stub.log);
  const plain = (/** @type {any} */ { ipAddress, userAgent, occurredAt, altered, ...entry }) => entry;
  const buckets = 17;
  let [empty, filled] = [0, 0];
  for (const filter of filters(stub.log, 150)) {
    const expected = matching(entries, filter).reverse();
    const [limit, offset] = [
      23,
      [0, 1, Math.max(0, expected.length - 5), expected.length, expected.length + 9][(empty + filled) % 5],
    ];
    const { headers, json } = await ask(
      target(filter, { limit, offset, include: 'facets,histogram', buckets }),
    );
    const page = json();
    assert.deepEqual(page.data, expected.slice(offset, offset + limit).map(plain));
    assert.equal(page.pagination.total, expected.length);
    assert.equal(headers.get('x-total-count'), String(expected.length));
    assert.equal(page.pagination.hasMore, offset + limit < expected.length);
    assert.equal(page.pagination.offset, offset);

    const without = (/** @type {string[]} */ ...names) =>
      matching(entries, { ...filter, ...Object.fromEntries(names.map((name) => [name, undefined])) });
    assert.deepEqual(page.facets, {
      resourceType: counted(without('resourceType', 'excludeResourceType'), 'resourceType'),
      action: counted(without('action', 'excludeAction'), 'action'),
    });
    const scope = matching(entries, {
      projectSlug: filter.projectSlug,
      environmentSlug: filter.environmentSlug,
    });
    if (scope.length === 0) assert.deepEqual(page.histogram, { from: null, to: null, counts: [] });
    else {
      const from = filter.since ?? Date.parse(scope[0].createdAt);
      const to = filter.until ?? Date.parse(/** @type {any} */ (scope.at(-1)).createdAt) + 1;
      assert.equal(Date.parse(page.histogram.from), from);
      assert.equal(Date.parse(page.histogram.to), to);
      const start = (/** @type {number} */ i) => from + Math.floor((i * (to - from)) / buckets);
      assert.deepEqual(
        page.histogram.counts,
        Array.from({ length: buckets }, (_, i) =>
          to <= from
            ? 0
            : expected.filter(
                ({ createdAt }) => Date.parse(createdAt) >= start(i) && Date.parse(createdAt) < start(i + 1),
              ).length,
        ),
      );
    }
    if (expected.length) filled += 1;
    else empty += 1;
  }
  assert.ok(empty > 10 && filled > 50, `${empty} empty, ${filled} filled`);
});

test('a walk by Link header gives every entry once, in any order and format, while entries arrive', async () => {
  for (const accept of ['application/json', 'application/x-ndjson', 'text/csv']) {
    for (const order of ['desc', 'asc']) {
      for (const filter of [
        {},
        { resourceType: ['function', '~'], excludeAction: ['invoke'], projectSlug: 'my-project' },
      ]) {
        const entries = everything(stub.log);
        const walked = [];
        let next = target(filter, { limit: 400, order, include: 'client' });
        while (next) {
          const { headers, text, json } = await ask(next, { headers: { Accept: accept } });
          if (accept === 'application/json') walked.push(...json().data);
          else if (accept === 'text/csv') walked.push(text);
          else
            walked.push(
              ...text
                .trim()
                .split('\n')
                .filter(Boolean)
                .map((line) => JSON.parse(line)),
            );
          const reference = /^<(.*)>; rel="next"$/.exec(headers.get('link') ?? '')?.[1];
          next = reference ? `/api/activities${reference}` : '';
          if (order === 'desc') stub.append(3);
        }
        const expected = matching(order === 'desc' ? entries : everything(stub.log), filter);
        if (order === 'desc') expected.reverse();
        if (accept === 'text/csv') {
          const header = csv([], true);
          const whole = csv(expected, true);
          assert.ok(walked.every((page) => page.startsWith(header)));
          assert.equal(header + walked.map((page) => page.slice(header.length)).join(''), whole);
        } else assert.deepEqual(walked, expected);
      }
    }
  }
});

test('a resume cursor gives what was recorded meanwhile', async () => {
  const last = (await ask(target({ resourceType: ['firewall'] }, { order: 'asc', offset: 3_000 }))).json();
  stub.append(PERIOD);
  const { data, pagination } = (
    await ask(target({ resourceType: ['firewall'] }, { order: 'asc', cursor: last.pagination.resumeCursor }))
  ).json();
  assert.equal(data.length, 3);
  assert.equal(pagination.offset, last.pagination.total);
});

test('a cursor is 409 after the log was rewritten, and 400 on another list', async () => {
  const { nextCursor } = (await ask('/api/activities?limit=1&order=asc')).json().pagination;
  assert.equal((await ask(`/api/activities?limit=1&cursor=${nextCursor}`)).status, 400);
  assert.equal((await ask('/api/activities?limit=1&cursor=AAAA')).status, 400);
  const other = await Stub.start({ rows: 100 });
  const own = stub;
  try {
    stub = other;
    const cursor = (await ask('/api/activities?limit=10')).json().pagination.nextCursor;
    const first = (await ask('/api/activities?limit=1&order=asc')).json().data[0];
    other.rewrite({ rows: 40, ids: false });
    assert.equal((await ask(`/api/activities?limit=10&cursor=${cursor}`)).status, 409);
    assert.deepEqual((await ask('/api/activities?limit=1&order=asc')).json().data[0], first);
    other.rewrite({ rows: 50 });
    assert.notEqual((await ask('/api/activities?limit=1&order=asc')).json().data[0].id, first.id);
    assert.equal((await ask('/api/activities?limit=0')).json().pagination.total, 50);
  } finally {
    stub = own;
    await other.close();
  }
});

test('limit=0 gives the total alone, and 304 as long as it is the same', async () => {
  const { headers, json } = await ask('/api/activities?limit=0');
  assert.deepEqual(json().pagination, { total: stub.log.rows, limit: 0, offset: 0, hasMore: true });
  const known = { 'If-None-Match': headers.get('etag') ?? '' };
  assert.equal((await ask('/api/activities?limit=0', { headers: known })).status, 304);
  stub.append(1);
  assert.equal((await ask('/api/activities?limit=0', { headers: known })).status, 200);
});

test('a page can be cut, and then says so', async () => {
  stub.cut = 7;
  const { data, pagination } = (await ask('/api/activities?limit=20&offset=5')).json();
  stub.cut = 1_000;
  assert.equal(data.length, 7);
  assert.deepEqual([pagination.limit, pagination.hasMore], [7, true]);
  assert.equal(
    (await ask(`/api/activities?limit=20&cursor=${pagination.nextCursor}`)).json().pagination.offset,
    12,
  );
});

test('one environment is a list of its own, and one that is not there is 404', async () => {
  const route = '/api/activities/{projectSlug}/{environmentSlug}';
  const path = (await ask('/api/activities/my-project/production?limit=5', { route })).json();
  assert.deepEqual(
    path.data,
    (await ask('/api/activities?projectSlug=my-project&environmentSlug=production&limit=5')).json().data,
  );
  assert.equal(
    (await ask(`/api/activities/${encodeURIComponent('größe & co')}/live%2F1?limit=0`, { route })).status,
    200,
  );
  assert.equal((await ask('/api/activities/my-project/nothing', { route })).status, 404);
  assert.equal((await ask('/api/activities/my-project/production?projectSlug=shop', { route })).status, 400);
});

test('an entry is found by its id, with what is known of the client', async () => {
  const route = '/api/activities/{id}';
  const id = stub.log.id(60);
  assert.deepEqual((await ask(`/api/activities/${id}`, { route })).json().data, stub.log.entry(60));
  const { data } = (await ask(`/api/activities/${id}?include=client`, { route })).json();
  assert.deepEqual(data, stub.log.entry(60, true));
  assert.ok(data.altered && data.occurredAt);
  assert.equal((await ask(`/api/activities/${id + 1}`, { route })).status, 403);
  assert.equal((await ask(`/api/activities/${MAX}`, { route })).status, 404);
  assert.equal((await ask('/api/activities/01', { route })).status, 400);
  assert.equal((await ask(`/api/activities/${id}?limit=1`, { route })).status, 400);
  assert.equal((await ask(`/api/activities/${id}`, { route, headers: { Accept: 'text/csv' } })).status, 406);
});
const MAX = Number.MAX_SAFE_INTEGER;

test('what is wrong with a request is refused by a problem document', async () => {
  for (const [query, parameter] of [
    ['limit=ten', 'limit'],
    ['limit=-1', 'limit'],
    ['offset=9007199254740992', 'offset'],
    ['action=create&action=delete', 'action'],
    ['environmentSlug=production', 'environmentSlug'],
    ['since=yesterday', 'since'],
    ['until=2024-01-15', 'until'],
    ['order=newest', 'order'],
    ['cursor=AA&offset=1', 'cursor'],
    ['buckets=24', 'buckets'],
    ['include=histogram&buckets=101', 'buckets'],
    ['include=everything', 'include'],
    ['unknown=1', 'unknown'],
  ]) {
    const { status, json } = await ask(`/api/activities?${query}`);
    assert.equal(status, 400, query);
    assert.equal(json().parameter, parameter);
  }
  assert.equal((await ask('/api/activities?limit=&_=17&limit2=', {})).status, 400);
  assert.equal((await ask('/api/activities?limit=1&since=&_=17&_=18')).status, 200);
  assert.equal((await ask('/api/activities', { headers: { Authorization: '' } })).status, 401);
  assert.equal((await ask('/api/activities', { headers: { Authorization: 'Bearer bad' } })).status, 401);
  assert.equal((await ask('/api/activities', { method: 'POST' })).status, 405);
  assert.equal((await ask('/api/activities', { headers: { Accept: 'application/xml' } })).status, 406);
  assert.equal(
    (await ask('/api/activities?include=facets', { headers: { Accept: 'text/csv' } })).status,
    406,
  );
  assert.equal((await ask('/api/activities?limit=2', { method: 'HEAD' })).status, 200);
});

test('it fails as it is told', async () => {
  stub.fail(1, 429, 2);
  stub.fail(1, 503, 3);
  stub.fail(1, 401);
  stub.fail(1, 500);
  const seen = [];
  for (let i = 0; i < 5; i += 1) {
    const { status, headers } = await ask('/api/activities?limit=1');
    seen.push([status, headers.get('retry-after')]);
  }
  assert.deepEqual(seen, [
    [429, '2'],
    [503, '3'],
    [401, null],
    [500, null],
    [200, null],
  ]);
  stub.offline = true;
  await assert.rejects(fetch(`${stub.origin}/api/activities`));
  stub.offline = false;
  assert.equal((await ask('/api/activities?limit=1')).status, 200);
});

test('it records requests, also those that were aborted', async () => {
  stub.delay = 500;
  const abort = new AbortController();
  const sent = fetch(`${stub.origin}/api/activities?limit=2&offset=3`, {
    headers: { Authorization: 'Bearer good' },
    signal: abort.signal,
  });
  setTimeout(() => abort.abort(), 100);
  await assert.rejects(sent);
  stub.delay = 0;
  await new Promise((done) => setTimeout(done, 100));
  const { ranks, aborted, total, query } = /** @type {any} */ (stub.lists.at(-1));
  assert.deepEqual([ranks, aborted, query.get('offset')], [[total - 4, total - 3], true, '3']);
});

test('a browser of another origin may ask and may read the headers', async () => {
  const preflight = await fetch(`${stub.origin}/api/activities`, {
    method: 'OPTIONS',
    headers: {
      Origin: 'https://console.example.com',
      'Access-Control-Request-Method': 'GET',
      'Access-Control-Request-Headers': 'authorization,if-none-match',
    },
  });
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get('access-control-allow-headers') ?? '', /authorization.*if-none-match/);
  const response = await fetch(`${stub.origin}/api/activities?limit=0`, {
    headers: { Origin: 'https://console.example.com', Authorization: 'Bearer good' },
  });
  assert.equal(response.headers.get('access-control-allow-origin'), '*');
  const exposed = (response.headers.get('access-control-expose-headers') ?? '').split(',');
  for (const name of ['etag', 'link', 'retry-after', 'x-total-count'])
    assert.ok(exposed.includes(name), name);
});

test('the CORS settings are those of the template', async () => {
  const template = await readFile(new URL('../../template.yaml', import.meta.url), 'utf8');
  const exposed = /ExposeHeaders: \[(.*)\]/.exec(template)?.[1].split(', ');
  const response = await fetch(`${stub.origin}/api/activities?limit=0`, {
    headers: { Origin: 'https://console.example.com' },
  });
  assert.deepEqual(response.headers.get('access-control-expose-headers')?.split(','), exposed);
  const allowed = /CorsHeaders:\n.*\n\s+Default: (.*)/.exec(template)?.[1].split(',') ?? [];
  const preflight = await fetch(`${stub.origin}/api/activities`, {
    method: 'OPTIONS',
    headers: { 'Access-Control-Request-Method': 'GET', Origin: 'https://a.example' },
  });
  for (const name of preflight.headers.get('access-control-allow-headers')?.split(',') ?? [])
    assert.ok(allowed.includes(name), name);
});

test('100,000,000 rows cost no more than 100', async () => {
  const large = await Stub.start({ rows: 100_000_000 });
  const own = stub;
  try {
    stub = large;
    const started = performance.now();
    const page = (
      await ask('/api/activities?limit=100&offset=99999950&include=facets,histogram&buckets=100')
    ).json();
    const filtered = (await ask('/api/activities?resourceType=database&limit=3&offset=16666664')).json();
    assert.ok(performance.now() - started < 1_500);
    assert.equal(page.data.length, 50);
    assert.equal(page.data.at(-1).id, large.log.id(1));
    assert.equal(
      page.histogram.counts.reduce((/** @type {number} */ a, /** @type {number} */ b) => a + b),
      100_000_000,
    );
    assert.equal(
      page.facets.action.reduce((/** @type {number} */ sum, /** @type {any} */ { count }) => sum + count, 0),
      100_000_000,
    );
    assert.equal(filtered.data.length, Math.max(0, Math.min(3, filtered.pagination.total - 16_666_664)));
  } finally {
    stub = own;
    await large.close();
  }
});

test('files are served under the policy of the viewer, and none outside', async () => {
  const { mkdtemp, writeFile } = await import('node:fs/promises');
  const dist = `${await mkdtemp('/tmp/viewer-dist-')}/`;
  await writeFile(`${dist}index.html`, '<!doctype html>');
  await writeFile(`${dist}activity-log.js`, 'export {}');
  const served = await Stub.start({ rows: 1, dist, prefix: '/prod' });
  try {
    const page = await fetch(`${served.origin}/prod/viewer`);
    assert.equal(page.headers.get('content-security-policy'), CSP);
    assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
    const script = await fetch(`${served.origin}/prod/viewer/activity-log.js`);
    assert.equal(script.headers.get('cache-control'), 'no-cache');
    const again = await fetch(`${served.origin}/prod/viewer/activity-log.js`, {
      headers: { 'If-None-Match': script.headers.get('etag') ?? '' },
    });
    assert.equal(again.status, 304);
    for (const path of ['/prod/viewer/nothing.js', '/prod/viewer/..%2fstub.mjs', '/viewer'])
      assert.equal((await fetch(served.origin + path)).status, 404, path);
    assert.match(
      await (await fetch(`${served.other}/?lang=de`)).text(),
      /lang="de"[\s\S]*<activity-log src="http:\/\/127/,
    );
  } finally {
    await served.close();
  }
});
