/** The component in the page of someone else. */
import assert from 'node:assert/strict';

import { scenario, Viewer } from './browser.mjs';

scenario('it is embedded from another origin in two lines, under a strict policy', {}, async (viewer) => {
  const { stub } = viewer;
  await viewer.embed();
  await viewer.ready();
  await viewer.holds();
  const [first] = stub.api;
  assert.equal(first.headers.origin, stub.other);
  await viewer.read(1_000_000);
  assert.equal(
    await viewer.details.locator('a.self').count(),
    0,
    'a host without a page for it shows no link',
  );
  await viewer.jump(1);
  await viewer.ready();
  await viewer.holds();
  assert.equal(new URL(viewer.page.url()).hash, '', "the address is the host's");
});

scenario(
  'the headers of another origin are read: a 429 is waited for as long as it says',
  { provokes: [429] },
  async (viewer) => {
    const { stub } = viewer;
    await viewer.embed();
    await viewer.ready();
    await viewer.hide(true);
    await viewer.settled();
    const mark = stub.lists.length;
    stub.fail(1, 429, 3);
    await viewer.jump(0.5);
    await viewer.ready();
    const [refused, again] = stub.lists.slice(mark);
    assert.ok(again.time - refused.time >= 2_980, `${again.time - refused.time} ms`);
  },
);

scenario(
  'behind the prefix of a stage every file and request is found',
  { stub: { prefix: '/prod' } },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.holds();
    await viewer.read(1_000_000);
    await viewer.strip.locator('[role=slider]').waitFor();
    assert.ok(
      viewer.stub.requests.every(({ path, status }) => path.startsWith('/prod/') && (status ?? 0) < 400),
    );
  },
);

scenario('two components on one page do not know each other', {}, async (viewer) => {
  const { page, stub } = viewer;
  await viewer.embed({ count: '2', height: '500px' });
  const [one, two] = [1, 2].map((place) => new Viewer(page, stub, `activity-log:nth-of-type(${place})`));
  await one.ready();
  await two.ready();
  await page.mouse.move(5, 5);
  await one.facet('action');
  await one.choice('action', 'sync').check();
  await one.press('Escape');
  await one.until('a filter', async () => (await one.state()).get('action') === 'sync');
  await one.ready();
  await one.holds({ action: ['sync'] });
  assert.equal(String(await two.state()), '');
  await two.wheel(1_500);
  await two.ready();
  await two.holds();
  await two.row((await two.rows())[2].rank).focus();
  await two.press('End');
  await two.ready();
  assert.equal((await two.holds()).at(-1)?.rank, 1);
  await one.holds({ action: ['sync'] });
  const states = await page.evaluate(() => /** @type {any} */ (window).states);
  assert.ok(
    states.every(
      (/** @type {[number, string]} */ [index, state]) => (index === 0) === String(state).includes('action'),
    ),
    JSON.stringify(states),
  );
});

scenario('taken out of the page it asks for nothing more, and put back it goes on', {}, async (viewer) => {
  const { page, stub } = viewer;
  await viewer.embed({ state: 'action=create' });
  await viewer.ready();
  await page.evaluate(() => {
    const element = /** @type {any} */ (document.querySelector('activity-log'));
    Object.assign(window, { kept: element });
    element.remove();
  });
  await page.waitForTimeout(300);
  const mark = stub.api.length;
  await page.waitForTimeout(4_000);
  assert.equal(stub.api.length, mark);
  await page.evaluate(() => document.querySelector('main')?.append(/** @type {any} */ (window).kept));
  await viewer.until('a request', () => stub.api.length > mark);
  await viewer.ready();
  await viewer.holds({ action: ['create'] });
  stub.append(120);
  await viewer.until(
    'news',
    async () => (await viewer.rows())[0]?.rank === stub.log.list({ action: ['create'] }).total,
  );
});

scenario(
  'an entry that waits for a connection is not asked for once the component is removed, and is once it is back',
  { provokes: ['offline'] },
  async (viewer) => {
    const { page, stub } = viewer;
    await page.clock.install();
    await viewer.open();
    await viewer.ready();
    await viewer.settled();
    await viewer.stopClock();
    stub.offline = true;
    await viewer.read(1_000_000);
    const requests = () => stub.api.filter(({ path }) => path.endsWith(`/${stub.log.id(1_000_000)}`));
    await viewer.find('[part~=trouble][data-kind=offline]').waitFor();
    const mark = requests().length;
    await viewer.element.evaluate((element) => {
      const { parentElement } = element;
      element.remove();
      Object.assign(window, { back: () => parentElement?.append(element) });
    });
    for (let turn = 0; turn < 5; turn += 1) {
      await page.clock.runFor(30_000);
      await page.waitForTimeout(100);
    }
    assert.equal(requests().length, mark);
    stub.offline = false;
    await page.evaluate(() => /** @type {any} */ (window).back());
    await viewer.until('the entry', () => requests().some(({ status }) => status === 200));
    await page.clock.resume();
    await viewer.ready();
    await viewer.holds();
  },
);

scenario('another src is another log', { rows: 5_000 }, async (viewer) => {
  const { stub } = viewer;
  await viewer.embed();
  await viewer.ready();
  await viewer.element.evaluate(
    (element, src) => Object.assign(element, { src }),
    `${stub.origin}/api/activities/my-project/production`,
  );
  const filter = { projectSlug: 'my-project', environmentSlug: 'production' };
  await viewer.until(
    'its rows',
    async () => (await viewer.grid.getAttribute('aria-rowcount')) === String(stub.log.list(filter).total + 1),
  );
  await viewer.ready();
  await viewer.holds(filter);
});

scenario('where the host sets another log, the entry that is open is one of that log', {}, async (viewer) => {
  const { page, stub } = viewer;
  const { id, description } = stub.log.entry(900_000);
  await page.route('**/other/api/**', async (route) => {
    const url = route.request().url().replace('/other/', '/');
    if (!url.includes(`/${id}?`)) return route.continue({ url });
    const response = await route.fetch({ url });
    const { data } = await response.json();
    return route.fulfill({ response, json: { data: { ...data, description: 'of the other log' } } });
  });
  await viewer.open({ state: `entry=${id}` });
  await viewer.ready();
  const heading = viewer.details.locator('h2');
  await heading.getByText(/** @type {string} */ (description)).waitFor();
  await viewer.element.evaluate((element) => Object.assign(element, { src: '/other/api/activities' }));
  await heading.getByText('of the other log').waitFor();
});

scenario('a host that gives the token late, or not at all for a while, is waited for', {}, async (viewer) => {
  const { stub } = viewer;
  stub.pages.set('/late', {
    script: `
      const pause = (ms) => new Promise((done) => setTimeout(done, ms));
      await pause(900);
      document.querySelector('activity-log').token = () => pause(400).then(() => 'good');`,
  });
  await viewer.page.goto(`${stub.other}/late`);
  await viewer.ready();
  await viewer.holds();
  assert.ok(stub.api.every(({ status }) => status === 200));
  assert.equal(await viewer.part('trouble').isVisible(), false);
});

scenario('where the host sets state and token in any order, the list is read once', {}, async (viewer) => {
  const { stub } = viewer;
  const state = `element.state = 'action=update';`;
  const token = `element.token = () => 'good';`;
  for (const [index, script] of [state + token, token + state].entries()) {
    stub.pages.set(`/order${index}`, {
      script: `const element = document.querySelector('activity-log'); ${script}`,
    });
    const mark = stub.lists.length;
    await viewer.page.goto(`${stub.other}/order${index}`);
    await viewer.ready();
    await viewer.holds({ action: ['update'] });
    const lists = stub.lists.slice(mark);
    assert.ok(
      lists.length <= 2 && lists.every(({ query }) => query.get('action') === 'update'),
      `${lists.map(({ query }) => String(query))}`,
    );
  }
});
