/**
 * The viewer as `activities dev` serves it, over a real log.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Dev, missing } from '../dev.mjs';
import { browserPath, launch } from './browser.mjs';

const ENTRIES = 20_000;
const START = Date.UTC(2024, 0, 1);
const ACTIONS = ['create', 'update', 'invoke', 'delete'];

/** The functions may have to be built first. */
const PATIENCE = 900_000;

const lacking =
  browserPath() === null ? 'there is no browser: install chromium, or set BROWSER_PATH' : missing();

const NAMES = [
  { type: 'user', id: 3, name: 'John Doe', profileImage: null },
  { type: 'project', id: 4, userId: 3, slug: 'my-project', name: 'My Project' },
  { type: 'environment', id: 4, userId: 3, projectId: 4, slug: 'production', name: 'Production' },
];

/** The entry of a rank. @param {number} rank */
function entry(rank) {
  return {
    type: 'activity',
    id: rank,
    userId: 3,
    projectId: 4,
    environmentId: 4,
    resourceType: 'function',
    resourceId: (rank % 50) + 1,
    action: ACTIONS[rank % ACTIONS.length],
    description: `Entry ${rank} <b>of</b> ${ENTRIES}`,
    metadata: { changes: { memory: { from: rank, to: rank + 1 } } },
    ipAddress: '203.0.113.10',
    userAgent: 'console/2.4',
    createdAt: new Date(START + rank * 60_000).toISOString(),
  };
}

test(
  'a real log: both ends, an entry by its number, a filter, and what is recorded meanwhile',
  {
    skip: process.env.CI ? false : (lacking ?? false),
    timeout: PATIENCE,
  },
  async (context) => {
    assert.equal(lacking, null);
    const dev = await Dev.start();
    context.after(() => dev.stop());
    await dev.import([...NAMES, ...Array.from({ length: ENTRIES }, (_, index) => entry(index + 1))]);
    const browser = await launch();
    context.after(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1_280, height: 720 } });
    /** @type {string[]} */
    const complaints = [];
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(dev.viewer);
    const row = (/** @type {number} */ rank) => page.locator(`[role=row][data-rank="${rank}"]`);
    const description = (/** @type {number} */ rank) =>
      row(rank).getByText(`Entry ${rank} <b>of</b> ${ENTRIES}`);

    await description(ENTRIES).waitFor();
    assert.equal(await page.locator('[part=total]').innerText(), '20,000 entries');
    assert.ok(!page.url().includes('token'), page.url());
    await row(ENTRIES).focus();
    await page.keyboard.press('End');
    await description(1).waitFor();

    await page.keyboard.press('g');
    await page.locator('input[part=go-to]').fill('12345');
    await page.keyboard.press('Enter');
    await description(12_345).waitFor();
    await page.keyboard.press('Enter');
    const panel = page.locator('activity-log-details');
    for (const text of ['203.0.113.10', 'console/2.4', '12346'])
      await panel.getByText(text, { exact: true }).waitFor();
    await page.keyboard.press('Escape');

    await page.locator('[part~="facet-action"]').click();
    await page.locator('input[name=action][value=create]').check();
    await page.keyboard.press('Escape');
    await page.getByText('5,000 entries').first().waitFor();
    // Every fourth entry is one of these.
    await row(5_000).getByText(`Entry ${ENTRIES} `).waitFor();
    await dev.import([entry(ENTRIES + 4)]);
    await row(5_001)
      .getByText(`Entry ${ENTRIES + 4} `)
      .waitFor({ timeout: 15_000 });
    assert.deepEqual(complaints, []);
  },
);
