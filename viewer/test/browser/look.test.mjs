/** How it looks to everyone: themes, directions, languages, sizes, fingers; and what axe says. */
import assert from 'node:assert/strict';

import { scenario } from './browser.mjs';

/**
 * The states that are looked at, each with what brings it about.
 * @type {Record<string, (viewer: import('./browser.mjs').Viewer) => Promise<void>>}
 */
const STATES = {
  async list() {},
  async filtered(viewer) {
    await viewer.element.evaluate((element) =>
      Object.assign(element, {
        state: 'resourceType=function&excludeAction=invoke&since=2026-01-01T00:00:00Z&projectSlug=shop',
      }),
    );
    await viewer.ready();
  },
  async panel(viewer) {
    await viewer.read((await viewer.rows())[2].rank);
    await viewer.ready();
  },
  async popover(viewer) {
    await viewer.until('the summary', () => viewer.stub.summaries.some(({ status }) => status === 200));
    await viewer.facet('resourceType');
  },
  async 'go to'(viewer) {
    await viewer.row((await viewer.rows())[0].rank).focus();
    await viewer.press('g');
    await viewer.part('go-to').waitFor({ state: 'visible' });
    await viewer.page.keyboard.type('soon');
    await viewer.press('Enter');
  },
  async download(viewer) {
    await viewer.find('activity-log-download').getByRole('button').first().click();
  },
  async news(viewer) {
    await viewer.wheel(2_000);
    viewer.stub.append(5);
    await viewer.part('news').waitFor({ state: 'visible' });
  },
  async empty(viewer) {
    await viewer.element.evaluate((element) => Object.assign(element, { state: 'resourceType=nothing' }));
    await viewer.until('no rows', async () => (await viewer.grid.getAttribute('aria-rowcount')) === '1');
  },
  async error(viewer) {
    viewer.stub.fail(9, 500);
    await viewer.jump(0.5);
    await viewer.find('[part~=trouble]').waitFor();
  },
  async loading(viewer) {
    viewer.stub.delay = 60_000;
    await viewer.jump(0.5);
    await viewer.until('skeletons', async () => (await viewer.rows()).every(({ isSkeleton }) => isSkeleton));
  },
};

for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
  for (const [name, reach] of Object.entries(STATES)) {
    scenario(
      `axe finds nothing in the state "${name}", ${colorScheme}`,
      { context: { colorScheme, reducedMotion: 'reduce' }, provokes: [500] },
      async (viewer) => {
        await viewer.open();
        await viewer.ready();
        await reach(viewer);
        assert.deepEqual(await viewer.axe(), []);
      },
    );
  }
}

scenario('axe finds nothing in the form for a token', {}, async (viewer) => {
  await viewer.open({ token: null });
  await viewer.page.locator('#token-form').waitFor({ state: 'visible' });
  assert.deepEqual(await viewer.axe(), []);
});

for (const [name, context] of /** @type {[string, import('playwright-core').BrowserContextOptions][]} */ ([
  ['on a narrow screen', { viewport: { width: 360, height: 640 } }],
  ['in forced colours', { forcedColors: 'active' }],
])) {
  scenario(`axe finds nothing ${name}, with the panel open, too`, { context }, async (viewer) => {
    await viewer.open();
    await viewer.ready();
    assert.deepEqual(await viewer.axe(), []);
    await viewer.read((await viewer.rows())[1].rank);
    await viewer.ready().catch(() => {});
    assert.deepEqual(await viewer.axe(), []);
  });
}

/**
 * The colour of a part as red, green and blue.
 * @param {import('playwright-core').Locator} locator
 * @param {string} property
 */
const colour = (locator, property) =>
  locator.evaluate((element, name) => {
    const canvas = document.createElement('canvas').getContext('2d');
    if (!canvas) return [0, 0, 0];
    canvas.fillStyle = getComputedStyle(element).getPropertyValue(name);
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }, property);

scenario('it is dark where the reader wants that, and light otherwise', {}, async (viewer) => {
  await viewer.open();
  await viewer.ready();
  const sum = async (/** @type {string} */ property) =>
    (await colour(viewer.row(1_000_000), property)).reduce((a, b) => a + b);
  const text = await sum('color');
  assert.ok(text < 300, 'dark on light');
  await viewer.page.emulateMedia({ colorScheme: 'dark' });
  assert.ok((await sum('color')) > 450, 'light on dark');
});

scenario('a host gives it colours by custom properties, and styles by parts', {}, async (viewer) => {
  viewer.stub.pages.set('/themed', {
    style: `
      activity-log { --activity-log-color: rgb(90, 0, 0); --activity-log-row-height: 70px }
      activity-log::part(total) { color: rgb(4, 5, 6) }
      activity-log::part(facet-action) { color: rgb(7, 8, 9) }`,
  });
  await viewer.page.goto(`${viewer.stub.other}/themed`);
  await viewer.ready();
  assert.deepEqual(await colour(viewer.part('total'), 'color'), [4, 5, 6]);
  assert.deepEqual(await colour(viewer.part('facet-action'), 'color'), [7, 8, 9]);
  assert.deepEqual(await colour(viewer.row(1_000_000), 'color'), [90, 0, 0]);
  assert.ok((await viewer.holds()).every(({ height }) => height === 70));
});

scenario('from right to left everything is mirrored, and works', {}, async (viewer) => {
  await viewer.embed({ lang: 'ar', dir: 'rtl' });
  await viewer.ready();
  await viewer.holds();
  const heads = await viewer.find('[role=columnheader]').evaluateAll((all) =>
    all
      .map((one) => one.getBoundingClientRect())
      .filter(({ width }) => width > 0)
      .map(({ left }) => left),
  );
  assert.deepEqual(
    heads,
    heads.toSorted((a, b) => b - a),
    'columns go from right to left',
  );
  await viewer.jump(0.5);
  await viewer.ready();
  await viewer.holds();
  await viewer.facet('action');
  const { x, width } = /** @type {any} */ (await viewer.choice('action', 'create').boundingBox());
  const button = /** @type {any} */ (await viewer.part('facet-action').boundingBox());
  assert.ok(Math.abs(x + width - button.x - button.width) < 120, 'the menu is below its button');
  await viewer.press('Escape');
  const panel = await viewer.read((await viewer.rows())[3].rank);
  const box = /** @type {any} */ (await panel.boundingBox());
  assert.ok(box.x < 640, 'the panel is on the left');
  assert.equal(await viewer.page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
  assert.deepEqual(await viewer.axe(), []);
});

scenario(
  'on a screen of 360 px nothing is cut off, and the panel can be read and closed',
  { context: { viewport: { width: 360, height: 640 } } },
  async (viewer) => {
    const { page } = viewer;
    await viewer.open();
    await viewer.ready();
    const isTooWide = () => page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(await isTooWide(), false);
    await viewer.holds();
    const within = async (/** @type {import('playwright-core').Locator} */ locator) => {
      const box = /** @type {any} */ (await locator.boundingBox());
      assert.ok(
        box && box.x >= -0.5 && box.x + box.width <= 360.5,
        `${locator} is at ${JSON.stringify(box)}`,
      );
    };
    for (const name of [
      'total',
      'project',
      'facet-resourceType',
      'facet-action',
      'range',
      'zone',
      'go-to-button',
    ])
      await within(viewer.part(name));
    await within(viewer.row(1_000_000).locator('[role=gridcell]').filter({ hasText: 'number' }).first());
    await viewer.facet('resourceType');
    await within(viewer.choice('resourceType', 'function'));
    await within(viewer.find('[data-exclude][value=function]'));
    await viewer.press('Escape');
    const panel = await viewer.read((await viewer.rows())[1].rank);
    await within(panel.locator('h2'));
    const close = panel.getByRole('button', { name: /close/i });
    await within(close);
    assert.equal(await isTooWide(), false);
    await close.click();
    await panel.waitFor({ state: 'detached' });
    await viewer.jump(0.5);
    await viewer.ready();
    await viewer.holds();
  },
);

scenario(
  'in a window of 320 px by 256 px, as at 400 % zoom, rows are still seen',
  { context: { viewport: { width: 320, height: 256 } } },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    assert.equal(await viewer.page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
    const { top, bottom } = await viewer.window();
    assert.ok(bottom - top >= (await viewer.rows())[0].height, `the list has ${bottom - top} px`);
  },
);

scenario('it speaks German where the page does', {}, async (viewer) => {
  await viewer.embed({ lang: 'de' });
  await viewer.ready();
  await viewer.until('German', async () =>
    /1\.000\.000 Einträge/.test(await viewer.part('total').innerText()),
  );
  await viewer.holds();
  const at = viewer.stub.log.time(1_000_000);
  assert.ok(
    (await viewer.rows())[0].text.includes(
      new Intl.DateTimeFormat('de', {
        day: '2-digit',
        month: '2-digit',
        year: 'numeric',
        timeZone: 'Europe/Berlin',
      }).format(at),
    ),
  );
  const english = await viewer.element.evaluate((element) => element.shadowRoot?.textContent ?? '');
  assert.doesNotMatch(english, /\b(Filters|Description|Environment|Go to|entries)\b/);
  await viewer.page.evaluate(() => {
    document.documentElement.lang = 'en';
    /** @type {any} */ (document.querySelector('activity-log')).requestUpdate();
  });
  await viewer.until('English', async () => /1,000,000 entries/.test(await viewer.part('total').innerText()));
});

scenario(
  'other languages come as messages of the host, with their own plurals',
  { rows: 3 },
  async (viewer) => {
    await viewer.embed({ lang: 'pl' });
    await viewer.element.evaluate((element) =>
      Object.assign(element, {
        messages: {
          total: {
            one: '{count} wpis',
            few: '{count} wpisy',
            many: '{count} wpisów',
            other: '{count} wpisu',
          },
        },
      }),
    );
    await viewer.until('three', async () => (await viewer.part('total').innerText()) === '3 wpisy');
    viewer.stub.append(2);
    await viewer.until('five', async () => (await viewer.part('total').innerText()) === '5 wpisów');
  },
);

scenario(
  'in forced colours the focus, the chosen row and the bars of the strip are seen',
  { context: { forcedColors: 'active' } },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.row(1_000_000).focus();
    await viewer.press('ArrowDown', 'Enter');
    await viewer.details.waitFor();
    await viewer.press('Escape');
    const outline = await viewer.row(999_999).evaluate((row) => getComputedStyle(row).outlineStyle);
    assert.notEqual(outline, 'none');
    const bars = viewer.strip.locator('svg path').first();
    const background = await viewer.page.evaluate(() => {
      const element = document.body.appendChild(document.createElement('p'));
      element.style.color = 'Canvas';
      element.style.forcedColorAdjust = 'none';
      return getComputedStyle(element).color;
    });
    assert.notEqual(await bars.evaluate((path) => getComputedStyle(path).fill), background);
  },
);

scenario(
  'nothing moves by itself where the reader wants that',
  { context: { reducedMotion: 'reduce' } },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    viewer.stub.delay = 60_000;
    await viewer.jump(0.5);
    await viewer.until('skeletons', async () => (await viewer.rows()).every(({ isSkeleton }) => isSkeleton));
    const running = await viewer
      .find('*')
      .evaluateAll(
        (all) =>
          all.filter((one) => one.getAnimations().some(({ playState }) => playState === 'running')).length,
      );
    assert.equal(running, 0);
  },
);

scenario(
  'a finger scrolls the list, opens an entry and closes it',
  { context: { hasTouch: true, isMobile: true, viewport: { width: 400, height: 800 } } },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    const before = await viewer.offset();
    await viewer.swipe(300);
    const moved = (await viewer.offset()) - before;
    // A browser waits for some pixels until it takes a touch for a movement.
    assert.ok(moved > 260 && moved <= 301, `${moved} px`);
    for (let swipe = 0; swipe < 12; swipe += 1) await viewer.swipe(350);
    await viewer.ready();
    await viewer.holds();
    const { rank } = (await viewer.rows())[3];
    await viewer.row(rank).tap();
    await viewer.details.waitFor();
    await viewer.details.getByRole('button', { name: /close/i }).tap();
    await viewer.details.waitFor({ state: 'detached' });
  },
);

scenario(
  'a finger chooses a time on the strip',
  { context: { hasTouch: true, viewport: { width: 1_024, height: 768 } } },
  async (viewer) => {
    const { page } = viewer;
    await viewer.open();
    await viewer.ready();
    const slider = viewer.strip.locator('[role=slider]');
    await slider.waitFor();
    const { x, y, width, height } = /** @type {any} */ (await slider.boundingBox());
    const session = await page.context().newCDPSession(page);
    const point = (/** @type {number} */ part) => [{ x: x + width / 2, y: y + height * part }];
    await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: point(0.2) });
    for (const part of [0.25, 0.3, 0.35])
      await session.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: point(part) });
    await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await viewer.until(
      'a range',
      async () => (await viewer.state()).has('since') && (await viewer.state()).has('until'),
    );
    const state = await viewer.state();
    const filter = {
      since: Date.parse(/** @type {string} */ (state.get('since'))),
      until: Date.parse(/** @type {string} */ (state.get('until'))),
    };
    assert.ok(filter.until - filter.since > 80 * 86_400_000);
    await viewer.ready();
    await viewer.holds(filter);
  },
);
