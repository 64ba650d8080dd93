/** New entries, and a log that is another one now. */
import assert from 'node:assert/strict';

import { scenario } from './browser.mjs';

/** Has a page count its requests whose responses it has not read yet, in `window.fetches`. */
function countFetches() {
  const page = Object.assign(window, { fetches: 0 });
  const send = window.fetch;
  window.fetch = async (resource, options) => {
    page.fetches += 1;
    try {
      const response = await send(resource, options);
      await response.clone().arrayBuffer();
      return response;
    } finally {
      page.fetches -= 1;
    }
  };
}

scenario(
  'new entries move nothing that is read; they are announced, and shown on a click',
  {},
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    await viewer.wheel(3_000);
    await viewer.ready();
    const before = (await viewer.rows()).map(({ rank, id, top }) => ({ rank, id, top }));
    stub.append(12);
    const news = viewer.part('news');
    await news.waitFor({ state: 'visible' });
    assert.match(await news.innerText(), /12 new/);
    assert.match(await viewer.status.innerText(), /12 new/);
    assert.deepEqual(
      (await viewer.rows()).map(({ rank, id, top }) => ({ rank, id, top })),
      before,
      'nothing moved',
    );
    await viewer.wheel(700);
    await viewer.ready();
    await viewer.holds({}, 1_000_000);
    stub.append(1);
    await viewer.until('13 are announced', async () => /13 new/.test(await news.innerText()));
    await news.click();
    await viewer.ready();
    assert.equal((await viewer.holds())[0].rank, 1_000_013);
    assert.equal(await news.isVisible(), false);
    assert.match(await viewer.part('total').innerText(), /1,000,013/);
  },
);

scenario('at the top new entries go in by themselves', {}, async (viewer) => {
  await viewer.open();
  await viewer.ready();
  viewer.stub.append(3);
  await viewer.until('the newest is there', async () => (await viewer.rows())[0]?.rank === 1_000_003);
  await viewer.ready();
  await viewer.holds();
  assert.equal(await viewer.part('news').isVisible(), false);
});

scenario(
  'places far in the log are right after entries arrived that nobody was told of yet',
  {},
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.wheel(1_000);
    viewer.stub.append(40_000);
    await viewer.jump(0.5);
    await viewer.ready();
    await viewer.holds({}, 1_000_000);
    await viewer.jump(1);
    await viewer.ready();
    assert.equal((await viewer.holds({}, 1_000_000)).at(-1)?.rank, 1);
  },
);

scenario('a page is placed by its own total, also if it comes after a newer one', {}, async (viewer) => {
  const { stub } = viewer;
  await viewer.open();
  await viewer.ready();
  stub.delay = 10_000;
  await viewer.jump(0.5);
  await viewer.until('the request', () => stub.lists.some(({ status }) => status === null));
  stub.delay = 0;
  stub.append(30);
  await viewer.part('news').waitFor({ state: 'visible' });
  assert.ok(
    stub.lists.some(({ status }) => status === null),
    'the page is still on its way',
  );
  await viewer.ready();
  await viewer.holds({}, 1_000_000);
  await viewer.page.waitForTimeout(2_500);
  assert.equal(await viewer.find('[part~=trouble]').count(), 0, 'an old total is no shorter log');
  await viewer.holds({}, 1_000_000);
});

scenario(
  'it polls with limit=0 and If-None-Match after three seconds, and nothing else',
  {},
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    const mark = stub.api.length;
    await viewer.until('two polls', () => stub.polls.length >= 2);
    const [first, second] = stub.polls;
    // From when each is asked for: a busy machine may be late, and never early.
    const waits = [first.time - stub.lists[0].time, second.time - first.time];
    assert.ok(Math.min(...waits) > 2_900, `the polls came ${waits.join(' and ')} ms after the one before`);
    assert.equal([...second.query.keys()].join(), 'limit');
    assert.ok(second.headers['if-none-match'], 'the second names what is known');
    assert.equal(second.status, 304);
    const others = stub.api
      .slice(mark)
      .filter((request) => !stub.polls.includes(request) && !stub.summaries.includes(request));
    assert.deepEqual(others, []);
  },
);

scenario('it does not poll while it is hidden, and at once when it is shown', {}, async (viewer) => {
  const { stub, page } = viewer;
  await page.clock.install();
  await viewer.open();
  await viewer.ready();
  await viewer.hide(true);
  await page.waitForTimeout(200);
  const mark = stub.api.filter((request) => !stub.summaries.includes(request)).length;
  await page.waitForTimeout(5_000);
  assert.equal(stub.api.filter((request) => !stub.summaries.includes(request)).length, mark);
  stub.append(2);
  // No more of the page's time than a moment passes until it has asked.
  await viewer.stopClock();
  const polls = stub.polls.length;
  await viewer.hide(false);
  await page.clock.runFor(100);
  await viewer.until('the poll', () => stub.polls.length > polls);
  await page.clock.resume();
  await viewer.until('the news', async () => (await viewer.rows())[0]?.rank === 1_000_002);
});

scenario(
  'where nothing happens for a minute it polls ever more rarely, to once in 30 s, and soon again after input',
  {},
  async (viewer) => {
    const { stub, page } = viewer;
    // The clock of the page stands, but for what is run of it here.
    await page.clock.install();
    await viewer.stopClock();
    await page.addInitScript(countFetches);
    await viewer.open();
    /** How many polls come in a time. */
    const during = async (/** @type {number} */ seconds) => {
      const mark = stub.polls.length;
      for (let second = 0; second < seconds; second += 1) {
        await page.clock.runFor(1_000);
        await viewer.until('the responses', () =>
          page.evaluate(() => /** @type {any} */ (window).fetches === 0),
        );
      }
      return stub.polls.length - mark;
    };
    await viewer.until('a row', async () => {
      await during(1);
      return (await viewer.rows().catch(() => [])).some(({ id }) => id !== null);
    });
    const lively = await during(60);
    assert.ok(lively >= 14 && lively <= 21, `${lively} polls in the first minute`);
    await during(60);
    const calm = await during(120);
    assert.ok(calm >= 3 && calm <= 5, `${calm} polls in two minutes, later`);
    await viewer.row(1_000_000).focus();
    await page.keyboard.press('ArrowDown');
    const again = await during(10);
    assert.ok(again >= 2 && again <= 5, `${again} polls in ten seconds after input`);
  },
);

scenario(
  'facets and histogram are asked for once a list, never by a poll, a scroll or a page',
  {},
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    await viewer.until('the summary', () => stub.summaries.length > 0);
    await viewer.wheel(2_000);
    await viewer.jump(0.4);
    await viewer.ready();
    stub.append(5);
    await viewer.part('news').waitFor({ state: 'visible' });
    assert.equal(stub.summaries.length, 1);
    const [{ query }] = stub.summaries;
    assert.equal(query.get('limit'), '0');
    assert.match(query.get('include') ?? '', /facets/);
    assert.match(query.get('include') ?? '', /histogram/);
    await viewer.facet('action');
    await viewer.find('input[name=action]').evaluateAll(async (inputs) => {
      for (const value of ['create', 'update', 'delete']) {
        /** @type {HTMLElement|undefined} */ (
          inputs.find((one) => one.getAttribute('value') === value)
        )?.click();
        await new Promise((done) => setTimeout(done, 50));
      }
    });
    await viewer.ready();
    await viewer.until('the second summary', () => stub.summaries.length > 1);
    await viewer.page.waitForTimeout(800);
    const answered = stub.summaries.filter(({ aborted }) => !aborted);
    assert.equal(answered.length, 2, 'one for what three quick changes led to');
    assert.equal(answered[1].query.get('action'), 'create,update,delete');
  },
);

scenario('a log that became shorter is said to be rewritten, and read again', {}, async (viewer) => {
  const { stub } = viewer;
  await viewer.open();
  await viewer.ready();
  await viewer.wheel(2_000);
  await viewer.ready();
  stub.rewrite({ rows: 500_000, ids: true });
  await viewer.find('[part~=trouble][data-kind=rewritten]').waitFor({ state: 'visible' });
  await viewer.until(
    'the new log',
    async () => (await viewer.grid.getAttribute('aria-rowcount')) === '500001',
  );
  await viewer.ready();
  await viewer.holds();
});

scenario(
  'a log with other entries at known ranks is said to be rewritten, and read again',
  {},
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    await viewer.wheel(400);
    await viewer.ready();
    stub.rewrite({ rows: 1_000_040 });
    await viewer.part('news').waitFor({ state: 'visible' });
    // Whoever goes on finds out at the next page, which begins with an entry that is known.
    const trouble = viewer.find('[part~=trouble][data-kind=rewritten]');
    for (let turn = 0; turn < 20 && !(await trouble.isVisible()); turn += 1) await viewer.wheel(500);
    await trouble.waitFor({ state: 'visible' });
    await viewer.ready();
    await viewer.holds();
  },
);

scenario(
  'a total that looks smaller for a moment, as of a replica that lags, is no rewritten log',
  {},
  async (viewer) => {
    const { stub, page } = viewer;
    await page.clock.install();
    await viewer.open();
    await viewer.ready();
    stub.append(10);
    await viewer.until('the newest is there', async () => (await viewer.rows())[0]?.rank === 1_000_010);
    // The next poll lags, and while the clock of the page stands there is no other.
    await viewer.stopClock();
    stub.log.rows -= 4;
    const mark = stub.polls.length;
    await page.clock.runFor(3_000);
    await viewer.until('a poll that lags', () => stub.polls.slice(mark).some(({ status }) => status === 200));
    stub.log.rows += 4;
    await page.clock.resume();
    await page.waitForTimeout(3_000);
    assert.equal(await viewer.find('[part~=trouble][data-kind=rewritten]').isVisible(), false);
    await viewer.holds();
  },
);
