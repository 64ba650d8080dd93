/** The keyboard alone, and what a screen reader is told. */
import assert from 'node:assert/strict';

import { scenario } from './browser.mjs';

scenario('the list is reached by Tab, walked by arrows, and left by Tab', {}, async (viewer) => {
  await viewer.open();
  await viewer.ready();
  for (let tabs = 0; tabs < 30 && (await viewer.focused()) === null; tabs += 1) await viewer.press('Tab');
  assert.equal(await viewer.focused(), 1_000_000, 'Tab comes to the first row');
  await viewer.press('ArrowDown', 'ArrowDown', 'ArrowDown', 'ArrowUp');
  assert.equal(await viewer.focused(), 999_998);
  assert.equal(await viewer.find('[role=row][tabindex="0"]').count(), 1, 'one row is a stop');
  await viewer.press('ArrowUp', 'ArrowUp', 'ArrowUp', 'ArrowUp');
  assert.equal(await viewer.focused(), 1_000_000, 'the first row is the end');
  await viewer.press('Tab');
  assert.equal(await viewer.focused(), null, 'Tab leaves the list');
  await viewer.press('Shift+Tab');
  assert.equal(await viewer.focused(), 1_000_000, 'and comes back to the same row');
});

scenario(
  'pages, Home and End go as far as they say, and the focused row is in the window',
  {},
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.row(1_000_000).focus();
    const isSeen = async () => {
      const { top, bottom } = await viewer.window();
      const focused = await viewer.focused();
      const row = (await viewer.rows()).find(({ rank }) => rank === focused);
      assert.ok(
        row && row.top >= top - 1 && row.top + row.height <= bottom + 1,
        `${focused} is whole in the window`,
      );
    };
    const whole = Math.floor(
      (({ top, bottom }) => bottom - top)(await viewer.window()) / (await viewer.rows())[0].height,
    );
    for (let page = 1; page <= 3; page += 1) {
      await viewer.press('PageDown');
      await viewer.ready();
      const moved = 1_000_000 - Number(await viewer.focused());
      assert.ok(Math.abs(moved - page * whole) <= 2 * page, `${moved} rows for ${page} pages of ${whole}`);
      await isSeen();
    }
    await viewer.press('PageUp');
    await viewer.ready();
    await isSeen();
    await viewer.press('End');
    await viewer.ready();
    assert.equal(await viewer.focused(), 1);
    await isSeen();
    await viewer.press('ArrowDown', 'ArrowUp');
    assert.equal(await viewer.focused(), 2);
    await viewer.press('Home');
    await viewer.ready();
    assert.equal(await viewer.focused(), 1_000_000);
    await isSeen();
  },
);

scenario(
  'a held arrow key walks on without a jump, through rows that are not there yet',
  {},
  async (viewer) => {
    viewer.stub.delay = 100;
    await viewer.open();
    await viewer.ready();
    await viewer.row(1_000_000).focus();
    for (let step = 0; step < 150; step += 1) await viewer.press('ArrowDown');
    assert.equal(await viewer.focused(), 1_000_000 - 150);
    await viewer.ready();
    await viewer.holds();
  },
);

scenario(
  'Enter opens an entry with the focus on its heading, and Escape closes it and goes back',
  {},
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.row(1_000_000).focus();
    await viewer.press('ArrowDown', 'ArrowDown', 'Enter');
    await viewer.details.waitFor();
    await viewer.until('the heading has the focus', async () =>
      /activity-log-details\S* h2/.test(await viewer.focus()),
    );
    assert.equal((await viewer.state()).get('entry'), String(viewer.stub.log.id(999_998)));
    assert.equal(await viewer.row(999_998).getAttribute('aria-selected'), 'true');
    await viewer.press('Escape');
    await viewer.details.waitFor({ state: 'detached' });
    await viewer.until('the row has the focus', async () => (await viewer.focused()) === 999_998);
    await viewer.press('ArrowDown');
    assert.equal(await viewer.focused(), 999_997);
  },
);

scenario(
  'Escape in an entry that a link has opened goes to the first row in the window',
  {},
  async (viewer) => {
    await viewer.open({ state: `at=500000&entry=${viewer.stub.log.id(900_000)}` });
    await viewer.ready();
    await viewer.details.getByRole('button', { name: /close/i }).focus();
    await viewer.press('Escape');
    await viewer.details.waitFor({ state: 'detached' });
    await viewer.until('the row has the focus', async () => (await viewer.focused()) === 500_000);
  },
);

scenario(
  'an entry that cannot be shown is closed by Escape and by its button, with the focus on a row',
  { provokes: [404] },
  async (viewer) => {
    const { log } = viewer.stub;
    await viewer.open();
    await viewer.ready();
    for (const key of ['Escape', 'Enter']) {
      await viewer.element.evaluate(
        (element, state) => Object.assign(element, { state }),
        `entry=${log.id(log.rows) + 100}`,
      );
      const panel = viewer.part('panel');
      await panel.getByText('cannot be shown').waitFor();
      await panel.getByRole('button').focus();
      await viewer.press(key);
      await panel.waitFor({ state: 'detached' });
      await viewer.until(`a row has the focus after ${key}`, async () => (await viewer.focused()) === log.rows);
    }
  },
);

for (const [what, order] of Object.entries({
  'when its entry comes': /** @type {const} */ (['chunk', 'entry']),
  'when its entry comes before the element that shows it': /** @type {const} */ (['entry', 'chunk']),
})) {
  scenario(`the focus in the panel stays there ${what}`, {}, async (viewer) => {
    const { page, stub } = viewer;
    const id = stub.log.id(5);
    const releaseEntry = await hold(page, `**/${id}?*`);
    const releaseChunk = await hold(page, '**/more-*.js');
    await viewer.open({ state: `entry=${id}` });
    const panel = viewer.part('panel');
    const loading = panel.getByText('Loading');
    await loading.waitFor();
    await panel.getByRole('button').focus();
    const comes = {
      entry: async () => {
        releaseEntry();
        await loading.waitFor({ state: 'detached' });
      },
      chunk: async () => {
        releaseChunk();
        await page.evaluate(() => customElements.whenDefined('activity-log-details').then(() => null));
      },
    };
    for (const name of order) await comes[name]();
    await viewer.until('the heading has the focus', async () =>
      /activity-log-details\S* h2/.test(await viewer.focus()),
    );
  });
}

/**
 * Holds the requests for an address until what it returns is called.
 * @param {import('playwright-core').Page} page @param {string} address
 */
async function hold(page, address) {
  let release = () => {};
  const held = new Promise((resolve) => (release = () => resolve(undefined)));
  await page.route(address, async (route) => {
    await held;
    await route.continue();
  });
  return release;
}

scenario(
  'a focused row that is scrolled away stays, and the keyboard goes on from there',
  {},
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.row(1_000_000).focus();
    await viewer.press('ArrowDown', 'ArrowDown');
    await viewer.wheel(6_000);
    await viewer.ready();
    assert.equal(await viewer.focused(), 999_998);
    assert.equal(await viewer.row(999_998).count(), 1);
    assert.equal(await viewer.row(999_998).getAttribute('aria-rowindex'), '4');
    assert.ok(
      (await viewer.rows()).every(({ rank }) => rank < 999_990),
      'it is not in the window',
    );
    await viewer.jump(0.5);
    await viewer.ready();
    // The scroll bar takes the focus, as any does; keys go on where they were.
    assert.equal(await viewer.row(999_998).count(), 1);
    await viewer.press('ArrowDown');
    await viewer.ready();
    assert.equal(await viewer.focused(), 999_997);
    assert.ok(
      (await viewer.rows()).some(({ rank }) => rank === 999_997),
      'the window goes to it',
    );
    await viewer.holds();
  },
);

scenario('the focus stays on its entry when new ones arrive', {}, async (viewer) => {
  await viewer.open();
  await viewer.ready();
  await viewer.row(999_997).focus();
  viewer.stub.append(2);
  await viewer.until(
    'the newest',
    async () =>
      (await viewer.rows()).some(({ rank }) => rank === 1_000_002) || (await viewer.part('news').isVisible()),
  );
  assert.equal(await viewer.focused(), 999_997);
  await viewer.holds({}, (await viewer.rows())[0].rank);
});

scenario('new entries that are shown by key have the focus on the newest of them', {}, async (viewer) => {
  await viewer.open();
  await viewer.ready();
  await viewer.wheel(3_000);
  await viewer.ready();
  viewer.stub.append(5);
  await viewer.part('news').focus();
  await viewer.press('Enter');
  await viewer.until('the newest has the focus', async () => (await viewer.focused()) === 1_000_005);
  await viewer.ready();
  await viewer.holds();
  await viewer.press('ArrowDown');
  await viewer.until('the next has the focus', async () => (await viewer.focused()) === 1_000_004);
});

scenario(
  '/ goes to the first filter and g to the place to type one, but not while something is typed',
  {},
  async (viewer) => {
    const { page } = viewer;
    await viewer.open();
    await viewer.ready();
    await viewer.row(1_000_000).focus();
    await viewer.press('/');
    await viewer.until('the filter', async () => /\[.*project.*\]$/.test(await viewer.focus()));
    await page.keyboard.type('a/g');
    assert.equal(await viewer.part('project').inputValue(), 'a/g');
    await viewer.part('project').fill('');
    await viewer.row(1_000_000).focus();
    await viewer.press('g');
    await viewer.until('the field', async () => /\[.*go-to.*\]$/.test(await viewer.focus()));
    await viewer.press('Escape');
    assert.equal(await viewer.part('go-to').isVisible(), false);
    await viewer.until('something has the focus', async () => (await viewer.focus()) !== 'body');
  },
);

scenario('facets, chips, download and the zone are used by keys', {}, async (viewer) => {
  await viewer.open();
  await viewer.ready();
  await viewer.until('the summary', () => viewer.stub.summaries.some(({ status }) => status === 200));
  await viewer.part('facet-action').focus();
  await viewer.press('Enter');
  await viewer.choice('action', 'invoke').waitFor({ state: 'visible' });
  for (let tabs = 0; tabs < 6 && !/input$/.test(await viewer.focus()); tabs += 1) await viewer.press('Tab');
  await viewer.press('Space');
  await viewer.until('the filter', async () => (await viewer.state()).has('action'));
  await viewer.press('Escape');
  assert.equal(await viewer.choice('action', 'invoke').isVisible(), false);
  await viewer.until('the focus comes back', async () => /facet-action/.test(await viewer.focus()));
  await viewer.part('chip').first().focus();
  await viewer.press('Enter');
  await viewer.until('no filter', async () => !(await viewer.state()).has('action'));
  const download = viewer.find('activity-log-download').getByRole('button', { name: /download/i });
  await download.focus();
  await viewer.press('Enter');
  await viewer
    .find('activity-log-download')
    .getByRole('button', { name: /^CSV/ })
    .waitFor({ state: 'visible' });
  await viewer.press('Escape');
  await viewer.until('the focus comes back', async () =>
    /activity-log-download button/.test(await viewer.focus()),
  );
  await viewer.part('zone').focus();
  await viewer.press('Space');
  await viewer.until('UTC', async () => (await viewer.state()).get('zone') === 'utc');
});

scenario(
  'the grid has the exact number of rows, each with its index, under any filter and after news',
  {},
  async (viewer) => {
    const filter = { action: ['sync'], projectSlug: 'my-project' };
    await viewer.open({ state: 'at=500' });
    await viewer.ready();
    await viewer.holds();
    const grid = viewer.grid;
    assert.equal(await grid.getAttribute('aria-rowcount'), '1000001');
    assert.equal(
      await viewer.find('[role=row][aria-rowindex="1"] [role=columnheader]').count(),
      Number(await grid.getAttribute('aria-colcount')),
    );
    const cells = await viewer
      .find('[role=row][data-rank]')
      .evaluateAll((rows) => rows.map((row) => row.querySelectorAll('[role=gridcell]').length));
    assert.ok(
      cells.every((count) => count === cells[0] && count > 3),
      String(cells),
    );
    await viewer.element.evaluate((element) =>
      Object.assign(element, { state: 'action=sync&projectSlug=my-project&at=77' }),
    );
    await viewer.until(
      'the filter',
      async () =>
        (await grid.getAttribute('aria-rowcount')) === String(viewer.stub.log.list(filter).total + 1),
    );
    await viewer.ready();
    await viewer.holds(filter);
  },
);

scenario('the live region says the total, and then only news', {}, async (viewer) => {
  await viewer.open({ state: 'at=900000' });
  await viewer.ready();
  assert.match((await viewer.status.textContent()) ?? '', /1,000,000/);
  assert.notEqual(await viewer.status.getAttribute('aria-live'), 'assertive');
  await viewer.page.evaluate(() => {
    const region = document.querySelector('activity-log')?.shadowRoot?.querySelector('[role=status]');
    Object.assign(window, { said: [] });
    new MutationObserver(() => /** @type {any} */ (window).said.push(region?.textContent)).observe(
      /** @type {Node} */ (region),
      { childList: true, characterData: true, subtree: true },
    );
  });
  await viewer.wheel(1_000);
  await viewer.ready();
  viewer.stub.append(4);
  await viewer.until('the news', async () => /4 new/.test((await viewer.status.textContent()) ?? ''));
  const said = await viewer.page.evaluate(() =>
    /** @type {any} */ (window).said.map((/** @type {string} */ text) => text.trim()),
  );
  assert.deepEqual([...new Set(said)], [await viewer.status.textContent()]);
});
