/** A list with a true scroll bar, however long the log is. */
import assert from 'node:assert/strict';

import { scenario } from './browser.mjs';

/**
 * The ranks that were asked for, each request as its first and last.
 * @param {import('../stub.mjs').Stub} stub
 */
const asked = (stub) =>
  stub.lists
    .filter(({ aborted, ranks }) => !aborted && ranks)
    .map(({ ranks }) => /** @type {[number, number]} */ (ranks));

/**
 * No entry was sent twice, but for one a page that may show that the log is still the same.
 * @param {import('../stub.mjs').Stub} stub
 */
function holdsEachOnce(stub) {
  const ranks = asked(stub).sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < ranks.length; i += 1)
    assert.ok(ranks[i][0] >= ranks[i - 1][1], `${ranks[i]} was asked for after ${ranks[i - 1]}`);
}

/**
 * Notes each date beside the thumb, and the rank of the row at the top of the window then. Returns what gives
 * them.
 * @param {import('./browser.mjs').Viewer} viewer
 * @returns {Promise<() => Promise<{text: string, rank: number}[]>>}
 */
async function bubbles({ page, scroller }) {
  await scroller.evaluate((scroller) => {
    /** @type {{text: string, rank: number}[]} */
    const noted = [];
    Object.assign(window, { bubbles: noted });
    const root = /** @type {ShadowRoot} */ (scroller.getRootNode());
    new MutationObserver(() => {
      const text = root.querySelector('[part~=bubble]')?.textContent;
      if (!text || text === noted.at(-1)?.text) return;
      const { top } = scroller.getBoundingClientRect();
      const ranks = [...scroller.querySelectorAll('[data-rank]')]
        .filter((row) => row.getBoundingClientRect().bottom > top + 1)
        .map((row) => Number(row.getAttribute('data-rank')));
      noted.push({ text, rank: Math.max(...ranks) });
    }).observe(root, { childList: true, characterData: true, subtree: true });
  });
  return () => page.evaluate(() => /** @type {any} */ (window).bubbles);
}

scenario(
  'a list of 1,000,000 shows the newest entries and the exact total with one list request',
  {},
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    const rows = await viewer.holds();
    assert.equal(rows[0].rank, 1_000_000);
    assert.match(await viewer.part('total').innerText(), /1,000,000/);
    assert.ok(viewer.stub.lists.length <= 2, `${viewer.stub.lists.length} list requests`);
    const height = await viewer.scroller.evaluate((scroller) => scroller.scrollHeight);
    assert.ok(height <= 8_001_000, `the spacer has ${height} px`);
  },
);

scenario(
  'the thumb goes to the middle, to the last row and back, with three list requests each and none while it moves',
  {},
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    // Dates of rows that are not there are those of the histogram.
    await viewer.settled();
    stub.delay = 30;
    const trace = await viewer.trace();
    const dates = await bubbles(viewer);
    for (const [to, expected] of /** @type {[number, (rank: number) => boolean][]} */ ([
      [0.5, (rank) => Math.abs(rank - 500_000) < 60_000],
      [1, (rank) => rank === 1],
      [0, (rank) => rank === 1_000_000],
    ])) {
      const before = await trace();
      let seen = (await dates()).length;
      const mark = seen;
      const thumb = await viewer.drag(to, {
        each: async () => {
          await viewer.until(
            'the date of where the thumb is stands beside it',
            async () => (await dates()).length > seen,
          );
          seen = (await dates()).length;
          const [row] = await viewer.rows();
          assert.ok(row, 'rows are there while the thumb moves');
          if (row.isSkeleton)
            assert.match(
              row.text.replaceAll(/\D/g, ''),
              new RegExp(String(row.rank)),
              'a skeleton row has its number',
            );
        },
      });
      await thumb.release();
      await viewer.ready();
      const { scrolls, requests } = await trace();
      for (const request of requests.slice(before.requests.length)) {
        const last = Math.max(...scrolls.filter((time) => time <= request));
        assert.ok(request - last > 100, `a request ${request - last} ms after the thumb moved`);
      }
      const rows = await viewer.holds();
      const rank = to === 1 ? /** @type {any} */ (rows.at(-1)).rank : rows[0].rank;
      assert.ok(expected(rank), `rank ${rank} at ${to}`);
      // On a slow machine the thumb rests on its way, too.
      const end = requests.filter((time) => time > /** @type {number} */ (scrolls.at(-1)));
      assert.ok(end.length <= 3, `${end.length} list requests`);
      // A sixtieth of 700 days is 12 days.
      for (const { text, rank } of (await dates()).slice(mark)) {
        const time = stub.log.time(rank);
        const date = Date.parse(text.split(',').slice(0, 2).join());
        assert.ok(Math.abs(date - time) < 14 * 86_400_000, `${text} is not ${new Date(time).toISOString()}`);
      }
      await viewer.until('the bubble goes', async () => !(await viewer.part('bubble').isVisible()));
    }
  },
);

scenario(
  'of where the thumb rests several times on its way, only the last place is waited for',
  {},
  async (viewer) => {
    const { stub } = viewer;
    await viewer.open();
    await viewer.ready();
    stub.delay = 60_000;
    for (const to of [0.3, 0.6]) {
      const mark = stub.lists.length;
      await viewer.jump(to);
      await viewer.until('a request', () => stub.lists.length > mark);
    }
    const earlier = stub.lists.slice(1);
    stub.delay = 0;
    await viewer.jump(0.8);
    await viewer.ready();
    await viewer.holds();
    assert.ok(earlier.length >= 2 && earlier.every(({ aborted }) => aborted), 'older requests were aborted');
  },
);

scenario(
  'a list of 100,000,000 reaches its last row by the End key, and its first by Home',
  { rows: 100_000_000 },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.row(100_000_000).focus();
    await viewer.press('End');
    await viewer.ready();
    const rows = await viewer.holds();
    assert.equal(rows.at(-1)?.rank, 1);
    assert.equal(await viewer.focused(), 1);
    assert.ok(viewer.stub.lists.length <= 4, `${viewer.stub.lists.length} list requests`);
    await viewer.press('Home');
    await viewer.ready();
    assert.equal((await viewer.holds())[0].rank, 100_000_000);
    assert.equal(await viewer.focused(), 100_000_000);
  },
);

scenario(
  'a list of 100,000,000 reaches its last row by the thumb, and every place between by the wheel',
  { rows: 100_000_000 },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.jump(1);
    await viewer.ready();
    assert.equal((await viewer.holds()).at(-1)?.rank, 1);
    for (const to of [0.999, 0.5, 0.01]) {
      await viewer.jump(to);
      await viewer.ready();
      await viewer.holds();
    }
  },
);

for (const rows of [30_000, 1_000_000, 100_000_000]) {
  scenario(
    `the wheel moves rows by true pixels anywhere in ${rows.toLocaleString('en')} rows`,
    { rows },
    async (viewer) => {
      await viewer.open();
      await viewer.ready();
      for (const to of [0, 0.37, 0.99, 1]) {
        if (to > 0) await viewer.jump(to);
        await viewer.ready();
        for (const pixels of to === 1
          ? [-100, -240, 60, 260, -1_000, -1_700]
          : [100, 240, -60, -260, 1_000, 1_700]) {
          const before = await viewer.offset();
          await viewer.wheel(pixels);
          const moved = (await viewer.offset()) - before;
          assert.ok(Math.abs(moved - pixels) <= 1.5, `${moved} px instead of ${pixels} at ${to}`);
        }
        await viewer.ready();
        await viewer.holds();
      }
      holdsEachOnce(viewer.stub);
    },
  );
}

scenario(
  'the wheel reaches both ends of a scaled list, and stays there',
  { rows: 100_000_000 },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.row(100_000_000).focus();
    await viewer.press('End', 'PageUp', 'PageUp', 'PageUp', 'PageUp', 'PageUp');
    await viewer.ready();
    for (let turn = 0; turn < 9; turn += 1) await viewer.wheel(600);
    await viewer.ready();
    assert.equal((await viewer.holds()).at(-1)?.rank, 1);
    await viewer.press('Home', 'PageDown', 'PageDown', 'PageDown', 'PageDown', 'PageDown');
    await viewer.ready();
    for (let turn = 0; turn < 9; turn += 1) await viewer.wheel(-600);
    await viewer.ready();
    assert.equal((await viewer.holds())[0].rank, 100_000_000);
  },
);

scenario(
  'long scrolling by the wheel goes on past any single window of a scaled list',
  { rows: 100_000_000 },
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    await viewer.jump(0.5);
    await viewer.ready();
    const before = await viewer.offset();
    for (let turn = 0; turn < 40; turn += 1) await viewer.page.mouse.wheel(0, 400);
    await viewer.still();
    await viewer.wheel(400);
    assert.ok(
      Math.abs((await viewer.offset()) - before - 41 * 400) <= 41,
      `${(await viewer.offset()) - before} px`,
    );
    await viewer.ready();
    await viewer.holds();
  },
);

scenario('an entry that was loaded is not asked for again', {}, async (viewer) => {
  const { stub } = viewer;
  await viewer.open();
  await viewer.ready();
  await viewer.row(1_000_000).focus();
  for (const step of [
    'PageDown',
    'PageDown',
    'wheel',
    'PageDown',
    'End',
    'PageUp',
    'Home',
    'wheel',
    'PageDown',
    'PageDown',
    'End',
  ]) {
    if (step === 'wheel') await viewer.wheel(1_300);
    else await viewer.press(step);
    await viewer.ready();
    await viewer.holds();
  }
  const mark = stub.lists.length;
  await viewer.press('Home');
  await viewer.ready();
  await viewer.wheel(800);
  await viewer.press('End');
  await viewer.ready();
  assert.equal(stub.lists.length, mark, 'what was seen is there');
  holdsEachOnce(stub);
});

scenario(
  'scrolling down by the wheel asks for few pages, each before it is seen or once',
  {},
  async (viewer) => {
    await viewer.open();
    await viewer.ready();
    for (let turn = 0; turn < 20; turn += 1) await viewer.wheel(500);
    await viewer.ready();
    const rows = await viewer.holds();
    const seen = 1_000_000 - rows[0].rank + rows.length;
    assert.ok(
      viewer.stub.lists.length <= seen / 50 + 3,
      `${viewer.stub.lists.length} list requests for ${seen} rows`,
    );
    holdsEachOnce(viewer.stub);
  },
);

scenario('a page that was cut for its length is completed', {}, async (viewer) => {
  viewer.stub.cut = 9;
  await viewer.open();
  await viewer.ready();
  await viewer.holds();
  await viewer.jump(0.5);
  await viewer.ready();
  await viewer.holds();
  holdsEachOnce(viewer.stub);
});

for (const rows of [0, 1, 7, 150]) {
  scenario(`a log of ${rows} entries is shown whole`, { rows }, async (viewer) => {
    await viewer.open();
    await viewer.until('the total is there', async () =>
      (await viewer.part('total').innerText()).includes(String(rows)),
    );
    if (rows === 0) {
      assert.equal((await viewer.rows()).length, 0);
      assert.match(await viewer.said(viewer.element), /Nothing has happened/);
      return;
    }
    await viewer.ready();
    await viewer.holds();
    await viewer.row(rows).focus();
    await viewer.press('End');
    await viewer.ready();
    assert.equal((await viewer.holds()).at(-1)?.rank, 1);
  });
}

scenario('a window that is resized keeps its place and fills itself', {}, async (viewer) => {
  await viewer.open({ state: 'at=700000' });
  await viewer.ready();
  const before = (await viewer.top()).rank;
  assert.equal(before, 700_000);
  await viewer.page.setViewportSize({ width: 900, height: 1_100 });
  await viewer.ready();
  await viewer.holds();
  assert.ok(Math.abs((await viewer.top()).rank - before) <= 1);
  await viewer.page.setViewportSize({ width: 1_280, height: 400 });
  await viewer.ready();
  await viewer.holds();
  assert.ok(Math.abs((await viewer.top()).rank - before) <= 1);
});
