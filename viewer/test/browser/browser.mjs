/**
 * The viewer in a real browser, over a log that the stub computes.
 *
 * `scenario` is a test of node:test that gets a `Viewer`: the page, the stub, and the steps that tests
 * share. What the browser writes to its console fails the test, and so does an error of the page: the page
 * runs under its strict policy, and a report of that is such a message.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, test } from 'node:test';

import { Stub } from '../stub.mjs';
import { browserPath, launch } from './launch.mjs';

export { browserPath, launch };

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** How long a step may take, in ms. */
const PATIENCE = 20_000;

/** @type {Promise<import('playwright-core').Browser>|undefined} */
let browser;
after(async () => (await browser?.catch(() => null))?.close());

/**
 * A test in the browser. Where there is no browser it is skipped, with `CI` set it fails.
 * @param {string} name
 * @param {{rows?: number, stub?: ConstructorParameters<typeof Stub>[0],
 *   context?: import('playwright-core').BrowserContextOptions, provokes?: (number|'offline')[]}} options the log, the browser's settings, and of which statuses the browser
 *   may write a line to the console
 * @param {(viewer: Viewer) => Promise<void>} body
 */
export function scenario(
  name,
  { rows = 1_000_000, stub: settings = {}, context: browserOptions = {}, provokes = [] },
  body,
) {
  const isMissing = browserPath() === null && !process.env.CI;
  test(
    name,
    { skip: isMissing && 'there is no browser: install chromium, or set BROWSER_PATH', timeout: 300_000 },
    async () => {
      browser ??= launch();
      const context = await (
        await browser
      ).newContext({
        viewport: { width: 1_280, height: 720 },
        locale: 'en-GB',
        timezoneId: 'Europe/Berlin',
        ...browserOptions,
      });
      const stub = await Stub.start({ rows, ...settings });
      try {
        const complaints = watch(context, provokes);
        const page = await context.newPage();
        page.setDefaultTimeout(PATIENCE);
        await body(new Viewer(page, stub));
        assert.deepEqual(complaints, [], 'the console is empty');
      } finally {
        await context.close();
        await stub.close();
      }
    },
  );
}

/**
 * Collects what pages of a context complain of.
 * @param {import('playwright-core').BrowserContext} context @param {(number|'offline')[]} provokes
 */
function watch(context, provokes) {
  /** @type {string[]} */
  const complaints = [];
  const isProvoked = (/** @type {string} */ text) =>
    text.startsWith('Failed to load resource: ') &&
    provokes.some((status) =>
      status === 'offline' ? /net::ERR_/.test(text) : text.includes(`status of ${status} `),
    );
  // What Chromium notes of the `autofocus` in a closed menu, where something has the focus before the menu comes.
  const isNote = (/** @type {string} */ text) => text.startsWith('Autofocus processing was blocked');
  context.on('console', (message) => {
    if (!isProvoked(message.text()) && !isNote(message.text()))
      complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`);
  });
  context.on('weberror', (error) => complaints.push(String(error.error().stack ?? error.error())));
  return complaints;
}

/**
 * @typedef {{rank: number, id: number|null, index: number, text: string, isSkeleton: boolean, top: number,
 *   height: number}} Row
 */

/** The component on a page, and what someone does with it. */
export class Viewer {
  /**
   * @param {import('playwright-core').Page} page
   * @param {Stub} stub
   * @param {string} [within] a selector of the component
   */
  constructor(page, stub, within = 'activity-log') {
    this.page = page;
    this.stub = stub;
    this.within = within;
  }

  // Where things are. Playwright looks into open shadow roots.

  /** @param {string} selector */
  find(selector) {
    return this.page.locator(`${this.within} ${selector}`);
  }

  /** @param {string} name */
  part(name) {
    return this.find(`[part~="${name}"]`);
  }

  get grid() {
    return this.find('[role=grid]');
  }

  get scroller() {
    return this.part('scroller');
  }

  get status() {
    return this.find('[role=status]').first();
  }

  get details() {
    return this.find('activity-log-details');
  }

  get strip() {
    return this.find('activity-log-strip');
  }

  /** The row of a rank. @param {number} rank */
  row(rank) {
    return this.find(`[role=row][data-rank="${rank}"]`);
  }

  /**
   * The text that an element shows, with that of its shadow root.
   * @param {import('playwright-core').Locator} locator
   */
  async said(locator) {
    return locator.first().evaluate((element) => {
      const parts = [...(element.shadowRoot?.children ?? [element])];
      return parts
        .filter(({ localName }) => localName !== 'style')
        .map((part) => /** @type {HTMLElement} */ (part).innerText)
        .join('\n')
        .replaceAll(/\s+/gu, ' ');
    });
  }

  /** The component itself. */
  get element() {
    return this.page.locator(this.within).first();
  }

  // Opening.

  /** The page of the viewer. @param {{state?: string, token?: string|null}} [options] */
  async open({ state = '', token = 'good' } = {}) {
    const fragment = [token === null ? '' : `token=${token}`, state].filter(Boolean).join('&');
    await this.page.goto(`${this.stub.origin}${this.stub.prefix}/viewer${fragment && `#${fragment}`}`);
  }

  /** A page of another origin with the component. @param {Record<string, string>} [query] */
  async embed(query = {}) {
    await this.page.goto(`${this.stub.other}/?${new URLSearchParams(query)}`);
  }

  // The clock of the page, once `page.clock.install()` was called.

  /** Stops it, a second from now. */
  async stopClock() {
    await this.page.clock.pauseAt((await this.page.evaluate(() => Date.now())) + 1_000);
  }

  // Looking.

  /** The rows that are in the window now, the newest first. @returns {Promise<Row[]>} */
  async rows() {
    const { top, bottom } = await this.window();
    const rows = await this.find('[role=row][data-rank]').evaluateAll((elements) =>
      elements.map((element) => {
        const { top, height } = element.getBoundingClientRect();
        return {
          rank: Number(element.getAttribute('data-rank')),
          id: element.hasAttribute('data-id') ? Number(element.getAttribute('data-id')) : null,
          index: Number(element.getAttribute('aria-rowindex')),
          text: /** @type {HTMLElement} */ (element).innerText,
          isSkeleton: element.hasAttribute('data-skeleton'),
          top,
          height,
        };
      }),
    );
    return rows
      .filter((row) => row.top + row.height > top + 1 && row.top < bottom - 1)
      .sort((a, b) => a.top - b.top);
  }

  /** Where rows are seen: the scroller below its header, if that stays. */
  async window() {
    return this.scroller.evaluate((scroller) => {
      const { top } = scroller.getBoundingClientRect();
      const header = scroller.querySelector('[role=columnheader]')?.closest('[role=row]');
      const begin =
        header && getComputedStyle(header).position === 'sticky'
          ? header.getBoundingClientRect().bottom
          : top;
      return { top: Math.max(top, begin), bottom: top + scroller.clientHeight };
    });
  }

  /** The first row that is whole in the window. */
  async top() {
    const { top } = await this.window();
    const row = (await this.rows()).find((one) => one.top >= top - 1);
    assert.ok(row, 'there is a row');
    return row;
  }

  /** Where the window is in the list, in true pixels from its newest end. @param {number} [total] */
  async offset(total = this.stub.log.rows) {
    const { top } = await this.window();
    const [row] = await this.rows();
    return (total - row.rank) * row.height + top - row.top;
  }

  /** Waits until all rows in the window are there and no request is under way. */
  async ready() {
    await this.until('all rows in the window are loaded', async () => {
      const rows = await this.rows();
      return (
        rows.length > 0 && rows.every(({ id, isSkeleton }) => id !== null && !isSkeleton) && this.isQuiet()
      );
    });
    // What a frame later is still so.
    await this.page.waitForTimeout(120);
    const rows = await this.rows();
    if (!rows.every(({ id }) => id !== null) || !this.isQuiet()) await this.ready();
  }

  /** Waits until the counts of the list have come too, which are asked for a little later than its rows. */
  async settled() {
    await this.until(
      'the counts',
      () => this.stub.summaries.some(({ status }) => status === 200) && this.isQuiet(),
    );
  }

  isQuiet() {
    return this.stub.api.every(({ status, aborted }) => status !== null || aborted);
  }

  /**
   * Waits for what must come true.
   * @param {string} what
   * @param {() => Promise<boolean>|boolean} isTrue
   */
  async until(what, isTrue) {
    const end = Date.now() + PATIENCE;
    while (!(await isTrue())) {
      assert.ok(Date.now() < end, `${what} (after ${PATIENCE} ms)`);
      await this.page.waitForTimeout(40);
    }
  }

  /**
   * Holds the rows in the window against the log: they fill it without a gap, each at its place, with the
   * right entry, number and text.
   * @param {import('../log.mjs').Filter} [filter] @param {number} [total] how many rows the list shows
   */
  async holds(filter = {}, total = this.stub.log.list(filter).total) {
    const list = this.stub.log.list(filter);
    const rows = await this.rows();
    const { top, bottom } = await this.window();
    assert.ok(rows.length > 0, 'there are rows');
    assert.ok(
      rows[0].top <= top + 1,
      `the first row, ${rows[0].rank}, leaves ${rows[0].top - top} px above it`,
    );
    const last = /** @type {Row} */ (rows.at(-1));
    if (last.rank > 1)
      assert.ok(
        last.top + last.height >= bottom - 1,
        `the last row, ${last.rank}, leaves ${bottom - last.top - last.height} px below it`,
      );
    rows.forEach((row, index) => {
      assert.equal(row.rank, rows[0].rank - index, 'ranks fall by one');
      assert.ok(
        Math.abs(row.top - rows[0].top - index * row.height) < 1,
        'rows are of one height, without a gap',
      );
      const entry = list.entry(row.rank);
      assert.equal(row.id, entry.id, `the entry of rank ${row.rank}`);
      assert.equal(row.index, total - row.rank + 2, `aria-rowindex of rank ${row.rank}`);
      if (entry.description)
        assert.ok(row.text.includes(entry.description), `${row.text} has ${entry.description}`);
    });
    assert.equal(await this.grid.getAttribute('aria-rowcount'), String(total + 1));
    return rows;
  }

  // Doing.

  /**
   * Takes the thumb of the scroll bar with the mouse and moves it to a part of its way, 0 to 1. Returns what
   * lets go.
   * @param {number} to @param {{steps?: number, each?: () => Promise<void>}} [options]
   */
  async drag(to, { steps = 12, each = async () => {} } = {}) {
    const bar = await this.scroller.evaluate((scroller) => {
      const { left, right, top } = scroller.getBoundingClientRect();
      const isRightToLeft = getComputedStyle(scroller).direction === 'rtl';
      const width = /** @type {HTMLElement} */ (scroller).offsetWidth - scroller.clientWidth;
      const at = scroller.scrollTop / (scroller.scrollHeight - scroller.clientHeight);
      return {
        x: isRightToLeft ? left + width / 2 : right - width / 2,
        top,
        height: scroller.clientHeight,
        width,
        at,
      };
    });
    assert.ok(bar.width > 5, 'there is a scroll bar');
    // An arrow of 14 px at each end, and a thumb of at least 25 px (Chromium on Linux).
    const way = bar.height - 53;
    const y = (/** @type {number} */ at) => bar.top + 26 + at * way;
    const { mouse } = this.page;
    await mouse.move(bar.x, y(bar.at));
    await mouse.down();
    for (let step = 1; step <= steps; step += 1) {
      // Past the end, so that it is reached whatever the size of the thumb.
      const over = to === 1 ? 40 : to === 0 ? -40 : 0;
      await mouse.move(bar.x, y(bar.at + ((to - bar.at) * step) / steps) + (step === steps ? over : 0));
      await this.page.waitForTimeout(30);
      await each();
    }
    return { release: () => mouse.up() };
  }

  /** Moves the thumb to a part of its way at once. @param {number} to */
  async jump(to) {
    await (await this.drag(to, { steps: 1 })).release();
  }

  /**
   * Notes when the list scrolls by more than the component corrects, and when the page asks for entries.
   * Returns what gives both, in ms.
   * @returns {Promise<() => Promise<{scrolls: number[], requests: number[]}>>}
   */
  async trace() {
    await this.scroller.evaluate((scroller) => {
      /** @type {{scrolls: number[], requests: number[]}} */
      const traced = { scrolls: [], requests: [] };
      Object.assign(window, { traced });
      let top = scroller.scrollTop;
      const note = () => {
        if (Math.abs(scroller.scrollTop - top) > 3) traced.scrolls.push(performance.now());
        top = scroller.scrollTop;
      };
      // Before the component's own listener, after which rows are drawn.
      scroller.addEventListener('scroll', note, { capture: true });
      const send = window.fetch;
      window.fetch = (resource, options) => {
        if (!/[?&]limit=0(&|$)/.test(String(resource))) traced.requests.push(performance.now());
        return send(resource, options);
      };
    });
    return () => this.page.evaluate(() => /** @type {any} */ (window).traced);
  }

  /** Turns the wheel over the list. @param {number} pixels */
  async wheel(pixels) {
    const { x, y, width, height } =
      /** @type {NonNullable<Awaited<ReturnType<import('playwright-core').Locator['boundingBox']>>>} */ (
        await this.scroller.boundingBox()
      );
    await this.page.mouse.move(x + width / 2, y + height / 2);
    await this.page.mouse.wheel(0, pixels);
    await this.still();
  }

  /** Moves a finger over the list, and rests before it leaves. @param {number} pixels how far up */
  async swipe(pixels) {
    const { x, y, width, height } = /** @type {any} */ (await this.scroller.boundingBox());
    const session = await this.page.context().newCDPSession(this.page);
    const at = (/** @type {number} */ moved) => [{ x: x + width / 2, y: y + height * 0.8 - moved }];
    await session.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: at(0) });
    for (let part = 1; part <= 10; part += 1) {
      await session.send('Input.dispatchTouchEvent', {
        type: 'touchMove',
        touchPoints: at((pixels * part) / 10),
      });
      await this.page.waitForTimeout(16);
    }
    await this.page.waitForTimeout(250);
    await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await this.still();
  }

  /** Waits until the rows stand still. */
  async still() {
    let before = '';
    for (let same = 0; same < 3; ) {
      await this.page.waitForTimeout(50);
      const now = JSON.stringify((await this.rows()).map(({ rank, top }) => [rank, top]));
      same = now === before ? same + 1 : 0;
      before = now;
    }
  }

  /** Presses keys, one after another. @param {string[]} keys */
  async press(...keys) {
    for (const key of keys) await this.page.keyboard.press(key);
  }

  /**
   * The rank of the row that has the focus, or is around what has it; `null` if none.
   * @returns {Promise<number|null>}
   */
  async focused() {
    return this.page.evaluate(() => {
      let element = document.activeElement;
      while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
      const rank = element?.closest('[role=row]')?.getAttribute('data-rank');
      return rank ? Number(rank) : null;
    });
  }

  /** What has the focus, in short. */
  async focus() {
    return this.page.evaluate(() => {
      let element = document.activeElement;
      const path = [];
      for (;;) {
        path.push(
          element?.localName + (element?.getAttribute('part') ? `[${element.getAttribute('part')}]` : ''),
        );
        if (!element?.shadowRoot?.activeElement) return path.join(' ');
        element = element.shadowRoot.activeElement;
      }
    });
  }

  /** Opens the entry of a row with the mouse, and waits for the panel. @param {number} rank */
  async read(rank) {
    await this.row(rank).locator('[role=gridcell]:visible').first().click();
    await this.details.waitFor();
    return this.details;
  }

  /** Opens the values of a facet. @param {'resourceType'|'action'} name */
  async facet(name) {
    const value = this.find(`input[name=${name}]`).first();
    if (!(await value.isVisible())) await this.part(`facet-${name}`).click();
    await value.waitFor({ state: 'visible' });
    await this.painted();
  }

  /** Waits for the next frame: only then is what has just been opened where it belongs. */
  async painted() {
    await this.page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }

  /** @param {'resourceType'|'action'} name @param {string} value */
  choice(name, value) {
    return this.find(`input[name=${name}][value="${value}"]`);
  }

  /** The fragment of the address, without `#`. */
  fragment() {
    return new URL(this.page.url()).hash.slice(1);
  }

  /** The state of the component. @returns {Promise<URLSearchParams>} */
  async state() {
    return new URLSearchParams(await this.element.evaluate((element) => /** @type {any} */ (element).state));
  }

  /** Hides the page as another tab would, or shows it again. @param {boolean} isHidden */
  async hide(isHidden) {
    await this.page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
      Object.defineProperty(document, 'visibilityState', {
        configurable: true,
        get: () => (hidden ? 'hidden' : 'visible'),
      });
      document.dispatchEvent(new Event('visibilitychange'));
    }, isHidden);
  }

  /** What axe finds, in short. @returns {Promise<string[]>} */
  async axe() {
    if (!(await this.page.evaluate(() => 'axe' in window))) await this.page.evaluate(AXE);
    // What moves has no contrast to measure.
    await this.page.evaluate(() =>
      Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))),
    );
    return this.page.evaluate(async () => {
      const { violations } = await /** @type {any} */ (window).axe.run(document, {
        resultTypes: ['violations'],
      });
      return violations.flatMap((/** @type {any} */ { id, nodes }) =>
        nodes.map(
          (/** @type {any} */ node) =>
            `${id}: ${node.target.flat(9).join(' ')} (${node.failureSummary.replaceAll(/\s+/g, ' ')})`,
        ),
      );
    });
  }
}
