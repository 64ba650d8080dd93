/** Tokens, and what is said when the API does not answer. */
import assert from 'node:assert/strict';

import { scenario } from './browser.mjs';

/** The bar that says what is wrong. @param {import('./browser.mjs').Viewer} viewer @param {string} kind */
const trouble = (viewer, kind) => viewer.find(`[part~=trouble][data-kind=${kind}]`);

scenario(
  'the token is taken out of the address at once, and is in no request but its header',
  {},
  async (viewer) => {
    const { stub, page } = viewer;
    await viewer.open({ state: 'action=create' });
    await viewer.ready();
    assert.equal(viewer.fragment(), 'action=create');
    assert.doesNotMatch(
      await page.evaluate(() =>
        JSON.stringify([history.state, { ...localStorage }, { ...sessionStorage }, document.cookie]),
      ),
      /good/,
    );
    for (const { path, query, headers } of stub.requests) {
      assert.doesNotMatch(`${path}?${query} ${headers.referer ?? ''} ${headers.cookie ?? ''}`, /good|token/);
      if (path.startsWith('/api')) assert.equal(headers.authorization, 'Bearer good');
    }
    assert.equal(await page.locator('#token-form').isVisible(), false);
    await viewer.read((await viewer.rows())[0].rank);
    for (const href of await viewer.details
      .locator('a')
      .evaluateAll((all) => all.map((one) => /** @type {HTMLAnchorElement} */ (one).href))) {
      assert.doesNotMatch(href, /token|good/);
    }
    await page.goBack().catch(() => null);
    assert.doesNotMatch(page.url(), /token/);
  },
);

scenario('without a token the page asks for one, and then shows the log', {}, async (viewer) => {
  const { stub, page } = viewer;
  await viewer.open({ token: null, state: 'action=update' });
  await page.locator('#token-form').waitFor({ state: 'visible' });
  assert.equal(stub.api.length, 0, 'nothing is asked without a token');
  await page.locator('#token-field').fill(' good ');
  await page.locator('#token-field').press('Enter');
  await viewer.ready();
  await viewer.holds({ action: ['update'] });
  assert.equal(await page.locator('#token-form').isVisible(), false);
  assert.equal(viewer.fragment(), 'action=update');
});

scenario('a token that is refused is asked for again in the page', { provokes: [401] }, async (viewer) => {
  const { stub, page } = viewer;
  await viewer.open({ token: 'bad' });
  await page.locator('#token-form').waitFor({ state: 'visible' });
  await trouble(viewer, 'unauthorized').waitFor();
  await page.waitForTimeout(700);
  const mark = stub.api.length;
  await page.waitForTimeout(2_000);
  assert.equal(stub.api.length, mark, 'nothing is asked until there is another token');
  await page.locator('#token-field').fill('good');
  await page.locator('#token-field').press('Enter');
  await viewer.ready();
  await viewer.holds();
  await viewer.until('the trouble is over', async () => !(await trouble(viewer, 'unauthorized').isVisible()));
  assert.equal(await page.locator('#token-form').isVisible(), false);
});

scenario(
  'after a 401 the host is asked once for a new token, and the reader sees nothing of it',
  { provokes: [401] },
  async (viewer) => {
    const { stub, page } = viewer;
    await viewer.embed();
    await viewer.ready();
    const asked = () => page.evaluate(() => /** @type {any} */ (window).asked);
    const before = await asked();
    stub.tokens = new Set(['newer']);
    await page.evaluate(() => Object.assign(window, { token: 'newer' }));
    await viewer.jump(0.5);
    await viewer.ready();
    await viewer.holds();
    assert.equal((await asked()) - before, 1);
    assert.equal(await trouble(viewer, 'unauthorized').isVisible(), false);
  },
);

scenario(
  'if the new token is refused, too, the component says so, waits, and goes on with the next',
  { provokes: [401] },
  async (viewer) => {
    const { stub, page } = viewer;
    await viewer.embed();
    await viewer.ready();
    const told = page.evaluate(
      () =>
        new Promise((resolve) =>
          document.addEventListener('unauthorized', () => resolve(true), { once: true }),
        ),
    );
    stub.tokens = new Set(['newer']);
    await viewer.jump(0.5);
    await trouble(viewer, 'unauthorized').waitFor();
    assert.equal(await told, true);
    const mark = stub.api.length;
    await page.waitForTimeout(4_500);
    assert.ok(stub.api.length - mark <= 3, `${stub.api.length - mark} requests that could not succeed`);
    assert.ok((await viewer.rows()).length > 0, 'what was read stays');
    await viewer.element.evaluate((element) => Object.assign(element, { token: async () => 'newer' }));
    await viewer.ready();
    await viewer.holds();
    assert.equal(await trouble(viewer, 'unauthorized').isVisible(), false);
  },
);

for (const [status, seconds] of /** @type {[429|503, number][]} */ ([
  [503, 3],
  [429, 2],
])) {
  scenario(
    `a ${status} is waited for as long as it says, and said`,
    { provokes: [status] },
    async (viewer) => {
      const { stub } = viewer;
      await viewer.open();
      await viewer.ready();
      await viewer.hide(true);
      await viewer.settled();
      const mark = stub.lists.length;
      stub.fail(1, status, seconds);
      await viewer.jump(0.5);
      await trouble(viewer, 'busy').waitFor();
      assert.match(await trouble(viewer, 'busy').innerText(), /[123] s/);
      await viewer.ready();
      await viewer.holds();
      const [refused, again] = stub.lists.slice(mark);
      assert.equal(refused.status, status);
      const waited = again.time - refused.time;
      assert.ok(waited >= seconds * 1_000 - 20, `${waited} ms`);
      await viewer.until('the trouble is over', async () => !(await trouble(viewer, 'busy').isVisible()));
    },
  );
}

scenario(
  'a 429 without a word on when is tried again, ever later',
  { provokes: [429] },
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    await viewer.hide(true);
    await viewer.settled();
    const mark = stub.lists.length;
    stub.fail(3, 429);
    await viewer.jump(0.5);
    await viewer.until('the response', () => stub.lists.slice(mark).some(({ status }) => status === 200));
    const times = stub.lists.slice(mark).map(({ time }) => time);
    const waits = times.slice(1).map((time, index) => time - times[index]);
    assert.ok(
      waits.every((wait, index) => wait >= 480 * 2 ** index),
      `${waits} ms`,
    );
    await viewer.ready();
    await viewer.holds();
  },
);

scenario(
  'a first request that is refused for a while ends in the list, without help',
  { provokes: [503] },
  async (viewer) => {
    viewer.stub.fail(3, 503, 1);
    await viewer.open();
    await trouble(viewer, 'busy').waitFor();
    await viewer.ready();
    await viewer.holds();
  },
);

scenario('a 500 is shown with a way to try again', { provokes: [500] }, async (viewer) => {
  const { stub } = viewer;
  await viewer.open();
  await viewer.ready();
  await viewer.hide(true);
  await viewer.settled();
  stub.fail(1, 500);
  await viewer.jump(0.5);
  await trouble(viewer, 'failed').waitFor();
  assert.match(await trouble(viewer, 'failed').innerText(), /Failed to retrieve activities/);
  const mark = stub.api.length;
  await viewer.page.waitForTimeout(1_500);
  assert.equal(stub.api.length, mark, 'it is not tried again by itself');
  assert.ok((await viewer.rows()).every(({ isSkeleton }) => isSkeleton));
  await trouble(viewer, 'failed').getByRole('button').click();
  await viewer.ready();
  await viewer.holds();
  assert.equal(await trouble(viewer, 'failed').isVisible(), false);
});

scenario(
  'counts that could not be read are asked for again with the list',
  { provokes: [500] },
  async (viewer) => {
    const { stub } = viewer;
    stub.fail(2, 500);
    await viewer.open();
    await viewer.until('two failures', () => stub.api.filter(({ status }) => status === 500).length === 2);
    assert.equal(stub.summaries.length, 1);
    await trouble(viewer, 'failed').getByRole('button').click();
    await viewer.ready();
    await viewer.settled();
    assert.equal(await trouble(viewer, 'failed').isVisible(), false);
  },
);

scenario(
  'a poll that fails leaves the list as it is, and polling goes on',
  { provokes: [500] },
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    await viewer.until('the summary', () => stub.summaries.length > 0 && viewer.isQuiet());
    stub.fail(1, 500);
    await viewer.until('the failure', () => stub.api.some(({ status }) => status === 500));
    await viewer.holds();
    stub.append(3);
    await viewer.until('the news', async () => (await viewer.rows())[0]?.rank === 1_000_003);
    await viewer.ready();
    await viewer.holds();
    assert.equal(await trouble(viewer, 'failed').isVisible(), false);
  },
);

scenario(
  'where only counts could not be read, entries are read on',
  { provokes: [500] },
  async (viewer) => {
    const { stub, page } = viewer;
    // While the clock of the page stands, the counts are not asked for.
    await page.clock.install();
    await viewer.stopClock();
    await viewer.open();
    await viewer.ready();
    stub.fail(1, 500);
    await page.clock.runFor(1_000);
    await trouble(viewer, 'failed').waitFor();
    assert.equal(stub.summaries.length, 1);
    await page.clock.resume();
    await viewer.jump(0.5);
    await viewer.ready();
    await viewer.holds();
    await trouble(viewer, 'failed').getByRole('button').click();
    await viewer.settled();
    assert.equal(await trouble(viewer, 'failed').isVisible(), false);
  },
);

scenario(
  'connections that break off are said, and the list goes on when they are back',
  { provokes: ['offline'] },
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    stub.offline = true;
    await viewer.jump(0.5);
    await trouble(viewer, 'offline').waitFor();
    assert.ok(
      (await viewer.rows()).every(({ isSkeleton }) => isSkeleton),
      'rows that are not there are skeletons',
    );
    stub.offline = false;
    await viewer.ready();
    await viewer.holds();
    await viewer.until('the trouble is over', async () => !(await trouble(viewer, 'offline').isVisible()));
  },
);

scenario(
  'as soon as the browser is online again, so is the list',
  { provokes: ['offline'] },
  async (viewer) => {
    const { stub, page } = viewer;
    await page.clock.install();
    await viewer.open();
    await viewer.ready();
    await page.context().setOffline(true);
    await viewer.jump(0.5);
    await trouble(viewer, 'offline').waitFor();
    // While the clock of the page stands, no pause before another attempt ends.
    await viewer.stopClock();
    const mark = stub.lists.length;
    await page.context().setOffline(false);
    await viewer.until('the request', () => stub.lists.length > mark);
    await page.clock.resume();
    await viewer.ready();
    await viewer.holds();
  },
);
