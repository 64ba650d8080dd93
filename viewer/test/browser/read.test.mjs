/** One entry, and all of them in a file. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { csv } from '../stub.mjs';
import { scenario } from './browser.mjs';

/**
 * The newest rank that something is true of.
 * @param {import('../log.mjs').Log} log
 * @param {(entry: any, rank: number) => boolean} isIt
 */
function newest(log, isIt) {
  let rank = log.rows;
  while (!isIt(log.entry(rank, true), rank)) rank -= 1;
  return rank;
}

const plain = (/** @type {string} */ text) => text.replaceAll(/\s+/gu, ' ');

scenario('the panel says who, what, when, where and from where', {}, async (viewer) => {
  const { stub } = viewer;
  const rank = newest(
    stub.log,
    (entry) => entry.environment && entry.user && entry.ipAddress && entry.action === 'create',
  );
  await viewer.open({ state: `at=${rank}` });
  await viewer.ready();
  const panel = await viewer.read(rank);
  const entry = stub.log.entry(rank, true);
  await viewer.until('the address', async () =>
    (await viewer.said(panel)).includes(/** @type {string} */ (entry.ipAddress)),
  );
  const text = await viewer.said(panel);
  const milliseconds = /\.(\d{3})Z$/.exec(entry.createdAt)?.[1] ?? '';
  for (const part of [
    entry.user?.name,
    entry.action,
    entry.resourceType,
    entry.project?.name,
    entry.environment?.name,
    entry.userAgent,
    entry.description,
    String(entry.id),
    milliseconds,
    'GMT+1',
    'nodejs20.x',
  ]) {
    assert.ok(text.includes(plain(String(part))), `${part} is in ${text}`);
  }
  const requests = stub.api.filter(({ path }) => path.endsWith(`/${entry.id}`));
  assert.equal(requests.length, 1);
  assert.equal(requests[0].query.get('include'), 'client');
  assert.equal(await panel.getByText('much more').count(), 0);
  await panel.getByRole('button', { name: /close/i }).click();
  await panel.waitFor({ state: 'detached' });
  assert.equal((await viewer.state()).has('entry'), false);
});

scenario(
  'metadata is a tree that opens, and its changes a table of what was and what is',
  {},
  async (viewer) => {
    const { stub } = viewer;
    const created = newest(stub.log, ({ action }) => action === 'create');
    const updated = newest(stub.log, ({ action }) => action === 'update');
    await viewer.open({ state: `at=${created}&entry=${stub.log.id(created)}` });
    await viewer.ready();
    const panel = viewer.details;
    await panel.getByText('runtime').waitFor();
    const region = panel.getByText('us-east-1');
    for (let depth = 0; depth < 4 && !(await region.isVisible()); depth += 1) {
      for (const summary of await panel.locator('details:not([open]) > summary').all())
        if (await summary.isVisible()) await summary.click();
    }
    assert.ok(await region.isVisible(), 'what is deep in it is found');
    await panel.locator('summary').first().focus();
    const isOpen = () =>
      panel
        .locator('details')
        .first()
        .evaluate((element) => /** @type {HTMLDetailsElement} */ (element).open);
    const before = await isOpen();
    await viewer.press('Enter');
    assert.equal(await isOpen(), !before, 'by key, too');

    await viewer.element.evaluate(
      (element, state) => Object.assign(element, { state }),
      `at=${updated}&entry=${stub.log.id(updated)}`,
    );
    const { changes } = /** @type {any} */ (stub.log.entry(updated).metadata);
    const row = (/** @type {string} */ field) => panel.locator('table tbody').filter({ hasText: field });
    await row('memorySize').waitFor();
    assert.match(plain(await row('memorySize').innerText()), new RegExp(`128.*${changes.memorySize.to}`));
    assert.match(plain(await row('timeout').innerText()), /30/);
    assert.match(await viewer.said(panel), /reason.*request/);
  },
);

scenario('the panel says what was altered on recording, and when it really was', {}, async (viewer) => {
  const { stub } = viewer;
  const rank = newest(stub.log, (_, at) => at % 60 === 0);
  await viewer.open({ state: `at=${rank}&entry=${stub.log.id(rank)}` });
  await viewer.ready();
  const entry = stub.log.entry(rank, true);
  await viewer.details.getByText(`much more than number ${rank}`).waitFor();
  const times = await viewer.details
    .locator('time')
    .evaluateAll((all) => all.map((time) => time.getAttribute('datetime')));
  assert.ok(
    times.includes(/** @type {string} */ (entry.occurredAt)) && times.includes(entry.createdAt),
    String(times),
  );
});

scenario('a link leads to the one entry, and opens it for someone else', {}, async (viewer) => {
  const { stub, page } = viewer;
  await viewer.open({ state: 'at=500000' });
  await viewer.ready();
  const { rank, id } = await viewer.top();
  const panel = await viewer.read(rank);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  const href = await panel
    .locator('a.self, a[href*="entry="]')
    .first()
    .evaluate((link) => /** @type {HTMLAnchorElement} */ (link).href);
  await panel.getByRole('button', { name: /copy/i }).click();
  await viewer.until(
    'a copy',
    async () => (await page.evaluate(() => navigator.clipboard.readText())) === href,
  );
  assert.match(href, new RegExp(`#.*entry=${id}`));
  assert.doesNotMatch(href, /token/);
  await page.goto('about:blank');
  await page.goto(`${href}&token=good`);
  await viewer.details
    .getByText(/** @type {string} */ (stub.log.entry(rank).description))
    .first()
    .waitFor();
});

scenario(
  "an entry that is not there, or is another user's, is said to be so",
  { provokes: [403, 404] },
  async (viewer) => {
    const { log } = viewer.stub;
    for (const id of [log.id(log.rows) + 100, log.id(5) + 1]) {
      await viewer.open({ state: `entry=${id}` });
      await viewer.ready();
      await viewer.until('the response', () =>
        viewer.stub.api.some(({ path, status }) => path.endsWith(`/${id}`) && status !== null),
      );
      await viewer.page.waitForTimeout(200);
      await viewer.holds();
      await viewer.part('panel').getByText(`Entry ${id} cannot be shown.`).waitFor();
      await viewer.part('panel').getByRole('button').click();
      await viewer.part('panel').waitFor({ state: 'detached' });
      await viewer.page.goto('about:blank');
    }
  },
);

scenario('a click in the panel filters by its action, type or place', {}, async (viewer) => {
  const { stub } = viewer;
  const rank = newest(
    stub.log,
    ({ environment, resourceType }) => environment && resourceType === 'instance',
  );
  const entry = stub.log.entry(rank);
  await viewer.open({ state: `at=${rank}` });
  await viewer.ready();
  const panel = await viewer.read(rank);
  await panel.getByRole('button', { name: 'instance', exact: true }).click();
  await viewer.until('the filter', async () => (await viewer.state()).get('resourceType') === 'instance');
  await viewer.ready();
  await viewer.holds({ resourceType: ['instance'] });
  await panel.getByRole('button', { name: entry.environment?.name, exact: true }).last().click();
  await viewer.until(
    'the filter',
    async () => (await viewer.state()).get('environmentSlug') === entry.environment?.slug,
  );
  await viewer.ready();
  await viewer.holds({
    resourceType: ['instance'],
    projectSlug: entry.project?.slug,
    environmentSlug: entry.environment?.slug,
  });
});

const ATTACKS = {
  image: '<img src=x onerror="window.hacked=1">',
  script: '<script>window.hacked=1</script>',
  bidi: 'photo\u202Egnp.exe \u2066hidden\u2069',
  markdown: '[click](javascript:window.hacked=1) **bold**',
  template: '${window.hacked=1} {{constructor.constructor("window.hacked=1")()}}',
};

scenario(
  'what an attacker has written is shown as text, in the list and in the panel',
  {
    rows: 50,
    stub: {
      overrides: new Map([
        [
          50,
          {
            description: ATTACKS.image,
            user: { id: 3, name: ATTACKS.script, profileImage: 'javascript:window.hacked=1' },
            project: { slug: 'my-project', name: ATTACKS.image },
            environment: { slug: 'production', name: ATTACKS.bidi },
            userAgent: ATTACKS.image,
            ipAddress: '203.0.113.10',
            metadata: {
              link: 'javascript:window.hacked=1',
              data: 'data:text/html,<script>window.hacked=1</script>',
              plain: 'http://example.com/',
              good: 'https://example.com/a?b=1',
              html: ATTACKS.image,
              markdown: ATTACKS.markdown,
              template: ATTACKS.template,
              bidi: ATTACKS.bidi,
              constructor: 'a member',
              'key <b>': 1,
              changes: {
                [ATTACKS.image]: { from: ATTACKS.script, to: 'javascript:window.hacked=1' },
                __proto__x: { from: 1, to: 2 },
              },
            },
            altered: { description: ATTACKS.script },
          },
        ],
        [
          49,
          { description: ATTACKS.bidi, user: { id: 3, name: 'x', profileImage: 'http://127.0.0.1:9/a.png' } },
        ],
        [
          48,
          {
            description: 'W'.repeat(1_024),
            metadata: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key${i}`, 'x'.repeat(200)])),
          },
        ],
        [47, { metadata: JSON.parse('{"a":'.repeat(200) + '1' + '}'.repeat(200)) }],
      ]),
    },
  },
  async (viewer) => {
    const { page } = viewer;
    await viewer.open();
    await viewer.ready();
    await viewer.holds();
    for (const rank of [50, 49, 48, 47]) {
      const panel = await viewer.read(rank);
      await panel
        .getByText('203.0.113.10')
        .or(panel.getByText(/not recorded/i))
        .first()
        .waitFor();
      for (let depth = 0; depth < 6; depth += 1) {
        for (const summary of (await panel.locator('details:not([open]) > summary').all()).slice(0, 8))
          if (await summary.isVisible()) await summary.click();
      }
      const found = await panel.evaluate((element) => {
        const root = /** @type {ShadowRoot} */ (element.shadowRoot);
        const all = [...root.querySelectorAll('*')];
        return {
          text: root.textContent ?? '',
          addresses: all.flatMap((one) =>
            ['href', 'src', 'xlink:href', 'action']
              .map((name) => one.getAttribute(name))
              .filter((value) => value !== null),
          ),
          strange: all
            .filter(
              (one) =>
                one.matches('script, iframe, object, embed, b') ||
                [...one.attributes].some(({ name }) => name.startsWith('on') || name === 'style'),
            )
            .map((one) => one.outerHTML),
          isTooWide: root.host.scrollWidth > root.host.clientWidth + 1,
        };
      });
      assert.deepEqual(found.strange, []);
      assert.equal(found.isTooWide, false, 'long texts are wrapped');
      for (const address of found.addresses)
        assert.ok(
          address?.startsWith('https://example.com/') || address?.startsWith(`${viewer.stub.origin}/viewer#`),
          address ?? '',
        );
      if (rank === 50) {
        for (const part of [
          ATTACKS.image,
          ATTACKS.script,
          ATTACKS.markdown,
          ATTACKS.template,
          'javascript:window.hacked=1',
          'key <b>',
          'a member',
        ]) {
          assert.ok(found.text.includes(part), part);
        }
        assert.doesNotMatch(found.text, /\u202E/, 'what turns the text around is named');
        assert.ok(found.addresses.includes('https://example.com/a?b=1'));
        const link = panel.locator('a[href^="https://example.com"]');
        assert.match((await link.getAttribute('rel')) ?? '', /noopener/);
      }
    }
    const listed = await viewer.find('[role=row] bdi').count();
    assert.ok(listed >= 4, 'texts of the list turn nothing around them');
    await page.waitForTimeout(200);
    assert.equal(await page.evaluate(() => 'hacked' in window), false);
    assert.equal(await viewer.find('[role=grid] img').count(), 0);
  },
);

scenario(
  'a picture of a user is shown if it comes by https',
  {
    rows: 5,
    stub: {
      overrides: new Map([
        [5, { user: { id: 3, name: 'Ada', profileImage: 'https://images.example/ada.png' } }],
      ]),
    },
  },
  async (viewer) => {
    const pixel = Buffer.from(
      'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
      'base64',
    );
    /** @type {Record<string, string>[]} */
    const headers = [];
    await viewer.page.route('https://images.example/**', (route) => {
      headers.push(route.request().headers());
      return route.fulfill({ body: pixel, contentType: 'image/png' });
    });
    await viewer.open();
    await viewer.ready();
    const panel = await viewer.read(5);
    await viewer.until('the picture', () =>
      panel.locator('img').evaluate((image) => /** @type {HTMLImageElement} */ (image).naturalWidth > 0),
    );
    assert.equal(headers[0].referer, undefined, 'its server does not learn where it is shown');
    assert.equal(headers[0].authorization, undefined);
  },
);

/**
 * Has the browser save to a file by itself, as one without a picker does.
 * @param {import('./browser.mjs').Viewer} viewer
 */
const withoutPicker = (viewer) =>
  viewer.page.addInitScript(() => {
    delete (/** @type {any} */ (window).showSaveFilePicker);
  });

/** Chooses a format in the menu. @param {import('./browser.mjs').Viewer} viewer @param {RegExp} format */
async function choose(viewer, format) {
  const download = viewer.find('activity-log-download');
  await download.getByRole('button', { name: /download/i }).click();
  await download
    .getByRole('button', { name: format })
    .or(download.getByRole('menuitem', { name: format }))
    .click();
}

for (const [filter, state] of /** @type {[import('../log.mjs').Filter, string][]} */ ([
  [{}, ''],
  [
    { resourceType: ['function', '~'], excludeAction: ['invoke'], since: Date.UTC(2025, 5, 1) },
    'resourceType=function,~&excludeAction=invoke&since=2025-06-01T00:00:00.000Z',
  ],
])) {
  scenario(
    `a CSV file holds exactly the entries of ${state || 'the whole log'}, with one header and a mark for Excel`,
    { rows: 3_300 },
    async (viewer) => {
      const { stub, page } = viewer;
      await withoutPicker(viewer);
      await viewer.embed({ state });
      await viewer.ready();
      const list = stub.log.list(filter);
      const expected = Array.from({ length: list.total }, (_, index) => list.entry(list.total - index, true));
      stub.delay = 150;
      const saved = page.waitForEvent('download');
      await choose(viewer, /^CSV/);
      // What is recorded meanwhile is not in it.
      await viewer.until('the first page', () =>
        stub.lists.some(({ headers }) => headers.accept === 'text/csv'),
      );
      stub.append(7);
      const file = await saved;
      assert.match(file.suggestedFilename(), /^activities.*\.csv$/);
      const bytes = await readFile(await file.path());
      assert.deepEqual([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf]);
      assert.equal(bytes.subarray(3).toString(), csv(expected, true));
      const pages = stub.lists.filter(({ headers }) => headers.accept === 'text/csv');
      assert.equal(pages.length, Math.ceil(list.total / 1_000));
      assert.ok(
        pages.every(
          ({ query }) =>
            query.get('include') === 'client' && query.get('limit') === '1000' && !query.has('offset'),
        ),
      );
      await viewer.until('the end is said', async () =>
        (await viewer.said(viewer.find('activity-log-download'))).includes(list.total.toLocaleString('en')),
      );
    },
  );
}

scenario('an NDJSON file holds an entry on each line', { rows: 2_100 }, async (viewer) => {
  await withoutPicker(viewer);
  await viewer.embed({ state: 'action=invoke' });
  await viewer.ready();
  const list = viewer.stub.log.list({ action: ['invoke'] });
  const saved = viewer.page.waitForEvent('download');
  await choose(viewer, /^NDJSON/);
  const text = await readFile(await (await saved).path(), 'utf8');
  assert.deepEqual(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
    Array.from({ length: list.total }, (_, index) => list.entry(list.total - index, true)),
  );
  assert.ok(text.endsWith('\n'));
});

scenario('a file is written to disk as it comes where the browser can', { rows: 2_500 }, async (viewer) => {
  const { page, stub } = viewer;
  await page.addInitScript(() => {
    Object.assign(window, {
      showSaveFilePicker: async () =>
        (await navigator.storage.getDirectory()).getFileHandle('saved.csv', { create: true }),
    });
  });
  await viewer.open();
  await viewer.ready();
  await choose(viewer, /^CSV/);
  const saved = () =>
    page.evaluate(async () => {
      const directory = await navigator.storage.getDirectory();
      const file = await directory.getFileHandle('saved.csv').then(
        (handle) => handle.getFile(),
        () => null,
      );
      return file && file.text();
    });
  const list = stub.log.list({});
  const expected = csv(
    Array.from({ length: list.total }, (_, index) => list.entry(list.total - index, true)),
    true,
  );
  await viewer.until('the file', async () => (await saved())?.replace('\uFEFF', '') === expected);
});

scenario(
  'a download shows how far it is, and ends when it is cancelled',
  { rows: 300_000 },
  async (viewer) => {
    const { stub, page } = viewer;
    await withoutPicker(viewer);
    await viewer.open();
    await viewer.ready();
    let saves = 0;
    page.on('download', () => {
      saves += 1;
    });
    stub.delay = 200;
    await choose(viewer, /^CSV/);
    const download = viewer.find('activity-log-download');
    await viewer.until('progress', async () => /[1-9][\d,]* of 300,000/.test(await viewer.said(download)));
    await viewer.wheel(2_000);
    await viewer.until('rows', async () => (await viewer.rows()).every(({ id }) => id !== null));
    await viewer.holds();
    await download.getByRole('button', { name: /cancel/i }).click();
    await page.waitForTimeout(300);
    const mark = stub.lists.length;
    await page.waitForTimeout(500);
    assert.equal(stub.lists.length, mark, 'nothing more is asked');
    assert.equal(saves, 0);
    assert.equal(await download.getByRole('button', { name: /cancel/i }).isVisible(), false);
    assert.ok(await download.getByRole('button', { name: /download/i }).isVisible());
  },
);

scenario(
  'a download of a log that is rewritten meanwhile ends with a word',
  { rows: 5_000, provokes: [409] },
  async (viewer) => {
    const { stub, page } = viewer;
    await withoutPicker(viewer);
    await viewer.open();
    await viewer.ready();
    let saves = 0;
    page.on('download', () => {
      saves += 1;
    });
    stub.delay = 200;
    await choose(viewer, /^CSV/);
    await viewer.until('the first page', () =>
      stub.lists.some(({ headers, status }) => headers.accept === 'text/csv' && status === 200),
    );
    stub.rewrite({ rows: 5_000 });
    await viewer.until('a word', async () =>
      /rewritten/i.test(await viewer.said(viewer.find('activity-log-download'))),
    );
    assert.equal(saves, 0);
  },
);

scenario(
  'a download waits while the API is busy, and is whole at the end',
  { rows: 3_000, provokes: [429] },
  async (viewer) => {
    const { stub, page } = viewer;
    await withoutPicker(viewer);
    await viewer.open();
    await viewer.ready();
    await viewer.hide(true);
    await viewer.settled();
    stub.delay = 100;
    const saved = page.waitForEvent('download');
    await choose(viewer, /^NDJSON/);
    await viewer.until('the first page', () =>
      stub.lists.some(({ headers, status }) => headers.accept === 'application/x-ndjson' && status === 200),
    );
    stub.fail(1, 429, 1);
    const text = await readFile(await (await saved).path(), 'utf8');
    assert.equal(text.trimEnd().split('\n').length, 3_000);
  },
);
