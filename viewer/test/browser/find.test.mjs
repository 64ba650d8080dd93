/** Filters, time, places to go to, and the state that holds them. */
import assert from 'node:assert/strict';

import { PROJECTS } from '../log.mjs';
import { scenario } from './browser.mjs';

const DAY = 86_400_000;

/** The range of a state, as the log takes it. @param {URLSearchParams} state */
const range = (state) => ({
  since: state.has('since') ? Date.parse(/** @type {string} */ (state.get('since'))) : null,
  until: state.has('until') ? Date.parse(/** @type {string} */ (state.get('until'))) : null,
});

/**
 * Waits until the list is that of a filter, and holds it against the log.
 * @param {import('./browser.mjs').Viewer} viewer
 * @param {import('../log.mjs').Filter} filter
 */
async function shows(viewer, filter) {
  const { total } = viewer.stub.log.list(filter);
  await viewer.until(
    `${total} rows`,
    async () => (await viewer.grid.getAttribute('aria-rowcount')) === String(total + 1),
  );
  if (total > 0) {
    await viewer.ready();
    await viewer.holds(filter);
  }
  assert.ok(
    (await viewer.part('total').innerText()).replaceAll(/\D/g, '') === String(total),
    'the total is exact',
  );
}

/**
 * The counts that a facet shows, by value.
 * @param {import('./browser.mjs').Viewer} viewer
 * @param {'resourceType'|'action'} name
 */
const counts = async (viewer, name) =>
  Object.fromEntries(
    await viewer.find(`input[name=${name}]`).evaluateAll((inputs) =>
      inputs.map((input) => {
        const text = /** @type {HTMLElement} */ (input.closest('label') ?? input.parentElement).innerText;
        return [
          input.getAttribute('value'),
          Number(/[\d.,]+\s*$/.exec(text.trim())?.[0].replaceAll(/\D/g, '')),
        ];
      }),
    ),
  );

/** @param {{value: string|null, count: number}[]} facet */
const expectedCounts = (facet) => Object.fromEntries(facet.map(({ value, count }) => [value ?? '~', count]));

scenario(
  'filters show exact counts, take several values and exclusions, and are taken away by their chips',
  {},
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    await viewer.facet('resourceType');
    await viewer.until('counts', async () => Object.keys(await counts(viewer, 'resourceType')).length > 3);
    assert.deepEqual(await counts(viewer, 'resourceType'), expectedCounts(stub.log.facets({}).resourceType));
    await viewer.choice('resourceType', 'function').check();
    await viewer.facet('resourceType');
    await viewer.choice('resourceType', '~').check();
    await shows(viewer, { resourceType: ['function', '~'] });
    await viewer.page.keyboard.press('Escape');

    // The other facet counts under this filter, and this one shows what else there is.
    await viewer.until('the second summary', () => stub.summaries.length >= 2 && viewer.isQuiet());
    await viewer.facet('action');
    const filtered = { resourceType: ['function', '~'] };
    await viewer.until(
      'new counts',
      async () =>
        JSON.stringify(await counts(viewer, 'action')) ===
        JSON.stringify(expectedCounts(stub.log.facets(filtered).action)),
    );
    assert.deepEqual(
      await counts(viewer, 'resourceType'),
      expectedCounts(stub.log.facets(filtered).resourceType),
    );
    await viewer.find('[data-exclude][value=invoke]').click();
    const filter = { ...filtered, excludeAction: ['invoke'] };
    await shows(viewer, filter);
    await viewer.page.keyboard.press('Escape');

    const chips = viewer.part('chip');
    assert.equal(await chips.count(), 3);
    await chips.filter({ hasText: 'invoke' }).click();
    await shows(viewer, filtered);
    await chips.filter({ hasText: 'function' }).click();
    await shows(viewer, { resourceType: ['~'] });
    await chips.first().click();
    await shows(viewer, {});
    assert.equal(await chips.count(), 0);
  },
);

scenario('a filter that nothing matches says so, and is easily taken away', {}, async (viewer) => {
  await viewer.open({ state: 'resourceType=nothing' });
  await viewer.until('no rows', async () => (await viewer.grid.getAttribute('aria-rowcount')) === '1');
  await viewer.find('[role=grid]').getByText('No entry matches').waitFor();
  await viewer.part('chip').first().click();
  await shows(viewer, {});
});

scenario('a click on a project or environment in a row filters by it', {}, async (viewer) => {
  await viewer.open();
  await viewer.ready();
  const shown = (await viewer.rows())
    .map(({ rank }) => viewer.stub.log.entry(rank))
    .filter(({ environment }) => environment !== null);
  const [entry] = shown.filter(({ project }) => project?.slug === 'shop');
  assert.ok(entry.project && entry.environment);
  const row = viewer.row(/** @type {number} */ (viewer.stub.log.rank(entry.id)));
  await row.getByRole('button', { name: entry.project.name }).click();
  await shows(viewer, { projectSlug: 'shop' });
  assert.equal(await viewer.part('project').inputValue(), 'shop');
  assert.equal(await viewer.details.count(), 0, 'the entry is not opened');
  const [first] = (await viewer.rows())
    .map(({ rank }) => ({ rank, entry: viewer.stub.log.list({ projectSlug: 'shop' }).entry(rank) }))
    .filter((one) => one.entry.environment?.slug === 'preview');
  await viewer.row(first.rank).getByRole('button', { name: 'Preview' }).click();
  await shows(viewer, { projectSlug: 'shop', environmentSlug: 'preview' });
  await viewer.part('chip').filter({ hasText: 'preview' }).click();
  await shows(viewer, { projectSlug: 'shop' });
});

scenario(
  'a project is also typed as its slug, whatever letters it has, or chosen from what the host knows',
  {},
  async (viewer) => {
    await viewer.embed();
    await viewer.ready();
    await viewer.element.evaluate(
      (element, projects) => Object.assign(element, { projects }),
      PROJECTS.map(({ slug, name, environments }) => ({ slug, name, environments })),
    );
    const options = () =>
      viewer.find('datalist option').evaluateAll((all) => all.map((option) => option.getAttribute('value')));
    await viewer.until('the projects', async () => (await options()).length >= 3);
    assert.ok((await options()).includes('größe & co'));
    await viewer.part('project').fill('größe & co');
    await viewer.part('project').press('Enter');
    await shows(viewer, { projectSlug: 'größe & co' });
    assert.ok((await options()).includes('live/1'));
    await viewer.part('environment').fill('live/1');
    await viewer.part('environment').press('Enter');
    await shows(viewer, { projectSlug: 'größe & co', environmentSlug: 'live/1' });
    await viewer.part('project').fill('');
    await viewer.part('project').press('Enter');
    await shows(viewer, {});
  },
);

const NOW = Date.now();

scenario('time presets count back from now', { stub: { end: NOW } }, async (viewer) => {
  await viewer.page.clock.setFixedTime(NOW);
  await viewer.open();
  await viewer.ready();
  for (const [preset, length] of /** @type {[string, number][]} */ ([
    ['lastWeek', 7 * DAY],
    ['lastMonth', 30 * DAY],
    ['lastDay', DAY],
  ])) {
    await viewer.part('range').selectOption(preset);
    await viewer.until('the range', async () => range(await viewer.state()).since === NOW - length);
    await shows(viewer, range(await viewer.state()));
  }
  await viewer.part('range').selectOption('anyTime');
  await shows(viewer, {});
  assert.equal((await viewer.state()).has('since'), false);
});

scenario('a time is chosen in the zone that is shown, local or UTC', {}, async (viewer) => {
  await viewer.open();
  await viewer.ready();
  await viewer.part('range').selectOption('chosenTime');
  await viewer.part('since').fill('2026-07-01T12:00');
  await viewer.part('since').blur();
  const since = Date.UTC(2026, 6, 1, 10);
  await shows(viewer, { since });
  await viewer.part('until').fill('2026-07-02T00:00:30');
  await viewer.part('until').blur();
  const until = Date.UTC(2026, 6, 1, 22, 0, 30);
  await shows(viewer, { since, until });
  await viewer.part('zone').click();
  assert.match(await viewer.part('since').inputValue(), /2026-07-01T10:00/);
  assert.equal((await viewer.state()).get('zone'), 'utc');
  await viewer.part('since').fill('2026-07-01T12:00');
  await viewer.part('since').blur();
  await shows(viewer, { since: Date.UTC(2026, 6, 1, 12), until });
});

scenario(
  'the zone of times is always shown, and switched',
  { context: { timezoneId: 'America/New_York' } },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    const { rank, text } = (await viewer.rows())[0];
    const at = viewer.stub.log.time(rank);
    const time = (/** @type {string} */ timeZone) =>
      new Intl.DateTimeFormat('en', {
        hour: 'numeric',
        minute: '2-digit',
        second: '2-digit',
        timeZone,
      }).format(at);
    const seen = (/** @type {string} */ one) => one.replaceAll(/\s+/gu, ' ');
    assert.ok(seen(text).includes(seen(time('America/New_York'))), text);
    assert.match(await viewer.find('[role=columnheader]').allInnerTexts().then(String), /EST|GMT-5/);
    await viewer.part('zone').click();
    await viewer.until('UTC', async () => seen((await viewer.rows())[0].text).includes(seen(time('UTC'))));
    assert.match(await viewer.find('[role=columnheader]').allInnerTexts().then(String), /UTC/);
  },
);

scenario('the strip chooses a part of time by click, by drag and by keys', {}, async (viewer) => {
  const { stub, strip, page } = viewer;
  await viewer.open();
  await viewer.ready();
  const slider = strip.locator('[role=slider]');
  await slider.waitFor();
  const whole = stub.log.histogram({}, 60);
  const [from, to] = [
    Date.parse(/** @type {string} */ (whole.from)),
    Date.parse(/** @type {string} */ (whole.to)),
  ];
  const start = (/** @type {number} */ i) => from + Number((BigInt(i) * BigInt(to - from)) / 60n);
  /** Which parts of the whole a state has. */
  const parts = async () => {
    const { since, until } = range(await viewer.state());
    const at = (/** @type {number|null} */ time) =>
      Array.from({ length: 61 }, (_, i) => start(i)).findIndex((one) => Math.abs(one - Number(time)) <= 1);
    return [at(since), at(until)];
  };
  const box = /** @type {any} */ (await slider.boundingBox());
  const y = (/** @type {number} */ part) => box.y + (box.height * (60 - part - 0.5)) / 60;

  await page.mouse.click(box.x + box.width / 2, y(40));
  await viewer.until('a range', async () => (await viewer.state()).has('since'));
  assert.deepEqual(await parts(), [40, 41], 'a click is one part');
  await shows(viewer, range(await viewer.state()));

  await viewer.element.evaluate((element) => Object.assign(element, { state: '' }));
  await shows(viewer, {});
  await viewer.until(
    'the strip of all',
    async () => Number(await slider.getAttribute('aria-valuemax')) === 59 && viewer.isQuiet(),
  );
  await page.waitForTimeout(500);
  await page.mouse.move(box.x + 5, y(50));
  await page.mouse.down();
  await page.mouse.move(box.x + 5, y(45), { steps: 4 });
  await page.mouse.move(box.x + 5, y(42), { steps: 4 });
  await page.mouse.up();
  await viewer.until('a range', async () => (await viewer.state()).has('since'));
  assert.deepEqual(await parts(), [42, 51], 'a drag is several');
  await shows(viewer, range(await viewer.state()));

  await viewer.element.evaluate((element) => Object.assign(element, { state: '' }));
  await shows(viewer, {});
  await page.waitForTimeout(500);
  await slider.focus();
  assert.equal(await slider.getAttribute('aria-orientation'), 'vertical');
  await viewer.press('ArrowDown', 'ArrowDown', 'ArrowDown', 'Shift+ArrowDown', 'Shift+ArrowDown');
  await viewer.press('Escape');
  const unchosen = Number(await slider.getAttribute('aria-valuenow'));
  assert.equal(unchosen, 59, 'Escape takes the choice back');
  await viewer.press('ArrowDown', 'ArrowDown', 'ArrowDown', 'Shift+ArrowDown', 'Shift+ArrowDown');
  const said = (await slider.getAttribute('aria-valuetext')) ?? '';
  await viewer.press('Enter');
  await viewer.until('a range', async () => (await viewer.state()).has('since'));
  const [first, end] = await parts();
  assert.equal(end - first, 3, 'keys extend');
  const chosen = range(await viewer.state());
  await shows(viewer, chosen);
  assert.ok(
    said.replaceAll(/[.,]/g, '').includes(String(stub.log.list(chosen).total)),
    `${said} has the count`,
  );
});

scenario('the strip shows where in time the window is', {}, async (viewer) => {
  await viewer.open();
  await viewer.ready();
  const slider = viewer.strip.locator('[role=slider]');
  await slider.waitFor();
  const value = async () => Number(await slider.getAttribute('aria-valuenow'));
  await viewer.until('the newest part', async () => (await value()) === 59);
  await viewer.jump(1);
  await viewer.ready();
  await viewer.until('the oldest part', async () => (await value()) === 0);
});

scenario('a number or a date is gone to', {}, async (viewer) => {
  const { stub, page } = viewer;
  await viewer.open();
  await viewer.ready();
  await viewer.row(1_000_000).focus();
  const goTo = async (/** @type {string} */ text) => {
    await page.keyboard.press('g');
    await viewer.part('go-to').waitFor({ state: 'visible' });
    await viewer.part('go-to').fill(text);
    await page.keyboard.press('Enter');
  };
  for (const [text, rank] of /** @type {[string, number][]} */ ([
    ['123456', 123_456],
    ['7', 7],
    ['900,000', 900_000],
  ])) {
    const mark = stub.lists.length;
    await goTo(text);
    await viewer.until(`row ${rank} has the focus`, async () => (await viewer.focused()) === rank);
    await viewer.ready();
    assert.ok((await viewer.holds()).some((row) => row.rank === rank));
    assert.ok(stub.lists.length - mark <= 2);
  }
  for (const [text, from, to] of /** @type {[string, number, number][]} */ ([
    ['2026-03-01', Date.UTC(2026, 1, 28, 23), Date.UTC(2026, 2, 1, 23)],
    ['2026-03-01 15:00', Date.UTC(2026, 2, 1, 13, 30), Date.UTC(2026, 2, 1, 14, 1)],
  ])) {
    const before = await viewer.focused();
    await goTo(text);
    await viewer.until('another row', async () => (await viewer.focused()) !== before);
    await viewer.ready();
    await viewer.holds();
    const at = stub.log.time(/** @type {number} */ (await viewer.focused()));
    assert.ok(at >= from && at < to, `${new Date(at).toISOString()} is of ${text}`);
  }
  await goTo('soon');
  await viewer
    .find('[role=alert]')
    .filter({ hasText: /neither/ })
    .waitFor({ state: 'visible' });
  assert.equal(await viewer.part('go-to').getAttribute('aria-invalid'), 'true');
  await page.keyboard.press('Escape');
  await viewer.part('go-to').waitFor({ state: 'hidden' });
  await page.keyboard.press('g');
  await viewer.part('go-to').waitFor({ state: 'visible' });
  assert.equal(await viewer.part('go-to').getAttribute('aria-invalid'), 'false', 'the menu opens anew');
  await page.keyboard.press('Escape');
});

scenario('an entry that was found is shown in context, among all others', {}, async (viewer) => {
  const { stub } = viewer;
  const filter = { resourceType: ['firewall'] };
  const list = stub.log.list(filter);
  await viewer.open({ state: `resourceType=firewall&at=${list.total - 2_000}` });
  await viewer.ready();
  const [, { rank, id }] = await viewer.holds(filter);
  const panel = await viewer.read(rank);
  await panel.getByRole('button', { name: /context/i }).click();
  await viewer.until(
    'all entries',
    async () => (await viewer.grid.getAttribute('aria-rowcount')) === '1000001',
  );
  await viewer.until('the entry', async () => (await viewer.rows()).some((row) => row.id === id));
  await viewer.ready();
  await viewer.holds();
  assert.equal((await viewer.state()).has('resourceType'), false);
});

scenario('an entry among others of the same millisecond is found in its context', {}, async (viewer) => {
  const { log } = viewer.stub;
  let rank = 800_000;
  while (log.time(rank) !== log.time(rank + 1) || log.entry(rank).action !== 'invoke') rank += 1;
  await viewer.open({
    state: `action=invoke&at=${log.list({ action: ['invoke'] }).placeOf(rank)}&entry=${log.id(rank)}`,
  });
  await viewer.ready();
  await viewer.details.getByRole('button', { name: /context/i }).click();
  await viewer.until('the entry', async () => (await viewer.rows()).some((row) => row.id === log.id(rank)));
  await viewer.ready();
  await viewer.holds();
});

scenario('the state is a string that says it all, and each change is told once', {}, async (viewer) => {
  const { stub } = viewer;
  const told = () => viewer.page.evaluate(() => /** @type {any} */ (window).states.length);
  await viewer.embed({ state: 'action=update&excludeResourceType=function&at=50000' });
  const filter = { action: ['update'], excludeResourceType: ['function'] };
  await viewer.ready();
  await viewer.holds(filter);
  assert.equal((await viewer.top()).rank, 50_000);
  assert.equal(await told(), 0, 'what the host has set is not told');
  await viewer.wheel(480);
  await viewer.until('another place', async () => Number((await viewer.state()).get('at')) < 50_000);
  assert.equal(Number((await viewer.state()).get('at')), (await viewer.rows())[0].rank);
  assert.ok((await told()) >= 1);
  const { rank, id } = await viewer.top();
  await viewer.read(rank);
  assert.equal((await viewer.state()).get('entry'), String(id));
  const before = await told();
  await viewer.element.evaluate((element) => {
    /** @type {any} */ (element).state = 'resourceType=database';
  });
  await shows(viewer, { resourceType: ['database'] });
  assert.equal(await viewer.details.count(), 0);
  assert.equal(await told(), before);
  await viewer.element.evaluate((element) => {
    /** @type {any} */ (element).state = 'at=77&colour=red&since=never&action=,,';
  });
  await viewer.until('row 77', async () => (await viewer.rows()).some((row) => row.rank === 77));
  assert.equal(String(await viewer.state()).replace(/at=\d+/, ''), '', 'what makes no sense is left out');
  assert.equal(
    stub.requests.filter(({ path, status }) => path.startsWith('/api') && status === 400).length,
    0,
  );
});

scenario(
  'the fragment of the page holds the state, and no filter is in a request for the page',
  {},
  async (viewer) => {
    const { stub, page } = viewer;
    await viewer.open({ state: 'resourceType=function&at=40000' });
    await viewer.ready();
    await viewer.holds({ resourceType: ['function'] });
    assert.equal((await viewer.top()).rank, 40_000);
    await viewer.facet('action');
    await viewer.choice('action', 'delete').check();
    await shows(viewer, { resourceType: ['function'], action: ['delete'] });
    assert.deepEqual(Object.fromEntries(new URLSearchParams(viewer.fragment())), {
      resourceType: 'function',
      action: 'delete',
    });
    await page.evaluate(() => {
      location.hash = 'action=sync';
    });
    await shows(viewer, { action: ['sync'] });
    const [{ rank, id }] = await viewer.rows();
    await viewer.read(rank);
    assert.equal(new URLSearchParams(viewer.fragment()).get('entry'), String(id));
    // What another reader sees at this address.
    const address = page.url();
    const other = await page.context().newPage();
    await other.goto(`${address}&token=good`);
    await other.locator('activity-log-details').waitFor();
    assert.equal(other.url(), address);
    for (const { path, query, headers } of stub.requests) {
      if (path.startsWith('/viewer')) assert.equal(String(query), '');
      assert.doesNotMatch(headers.referer ?? '', /action|token/);
    }
  },
);
