/**
 * Writes the README's pictures of the viewer into a folder, docs/images unless told otherwise. They show a log
 * of 20,000 entries that `activities dev` serves, a little below its newest entries, and the panel of an entry
 * with changes.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { launch } from './browser/launch.mjs';
import { Dev } from './dev.mjs';

/** The most bytes of a picture, which everyone who reads the README loads. */
const LARGEST = 150_000;

const ENTRIES = 20_000;
const END = Date.UTC(2026, 10, 20, 17, 30);

const [folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))] = process.argv.slice(2);

const NAMES = [
  { type: 'user', id: 3, name: 'Ada Example', profileImage: null },
  { type: 'project', id: 4, userId: 3, slug: 'web-shop', name: 'Web Shop' },
  { type: 'project', id: 7, userId: 3, slug: 'billing', name: 'Billing' },
  { type: 'environment', id: 4, userId: 3, projectId: 4, slug: 'production', name: 'Production' },
  { type: 'environment', id: 5, userId: 3, projectId: 4, slug: 'staging', name: 'Staging' },
  { type: 'environment', id: 9, userId: 3, projectId: 7, slug: 'production', name: 'Production' },
];
const PLACES = [
  { projectId: 4, environmentId: 4 },
  { projectId: 4, environmentId: 5 },
  { projectId: 7, environmentId: 9 },
];

/** What happens, and how its description begins. @type {[string, string, string, string][]} */
const KINDS = [
  ['invoke', 'function', 'Invoked function', 'resize-images'],
  ['invoke', 'function', 'Invoked function', 'send-mail'],
  ['update', 'function', 'Updated function', 'resize-images'],
  ['create', 'storage_bucket', 'Created bucket', 'product-pictures'],
  ['update', 'database', 'Resized database', 'orders'],
  ['connect', 'database', 'Connected to database', 'orders'],
  ['sync', 'static_website', 'Synchronised website', 'shop-front'],
  ['delete', 'instance', 'Deleted instance', 'worker-3'],
];

/** A log of a working week after another: busy days, quiet nights and weekends, the same each time. */
function log() {
  let seed = 11;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const entries = [];
  let time = END;
  for (let id = ENTRIES; id > 0; id -= 1) {
    const [action, resourceType, done, name] =
      KINDS[Math.min(Math.floor(random() ** 1.6 * KINDS.length), KINDS.length - 1)];
    const memory = 128 << Math.floor(random() * 4);
    const changes =
      action === 'update'
        ? { memory: { from: memory, to: 2 * memory }, region: { from: 'eu-central-1', to: 'eu-west-1' } }
        : undefined;
    entries.push({
      type: 'activity',
      id,
      userId: 3,
      ...PLACES[Math.floor(random() ** 2 * PLACES.length)],
      resourceType,
      resourceId: 1 + Math.floor(random() * 40),
      action,
      description: `${done} "${name}"`,
      metadata: { requestId: `req-${(id * 7_919).toString(36)}`, changes },
      ipAddress: '203.0.113.10',
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64)',
      createdAt: new Date(time).toISOString(),
    });
    const date = new Date(time);
    const isQuiet = [0, 6].includes(date.getUTCDay()) || date.getUTCHours() < 7 || date.getUTCHours() > 18;
    // Some weeks are busier than others.
    const lull = 1 + 0.6 * Math.sin(time / 1.1e9) + 0.3 * Math.sin(time / 3e8);
    time -= Math.ceil((isQuiet ? 40 : 8) * 60_000 * random() * lull) + 1_000;
  }
  return entries.reverse();
}

const dev = await Dev.start();
await dev.import([...NAMES, ...log()]);
await mkdir(folder, { recursive: true });
const browser = await launch();
try {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const page = await browser.newPage({
      viewport: { width: 1_220, height: 600 },
      locale: 'en-US',
      colorScheme,
    });
    await page.goto(`${dev.viewer}&zone=utc`);
    const row = page.locator('activity-log [role=row][data-id]');
    await row.first().waitFor();
    // The strip and the counts have come when the bars are there.
    await page.locator('activity-log-strip [role=slider] path').first().waitFor();
    await row
      .filter({ has: page.getByText('update', { exact: true }) })
      .first()
      .locator('.time')
      .click();
    await page.locator('activity-log-details').getByText('203.0.113.10').waitFor();
    await page.mouse.move(0, 0);
    const picture = await page.screenshot({ animations: 'disabled' });
    if (picture.length > LARGEST)
      throw new Error(`the ${colorScheme} picture has ${picture.length} bytes, more than ${LARGEST}`);
    await writeFile(`${folder}/viewer-${colorScheme}.png`, picture);
    console.log(`${folder}/viewer-${colorScheme}.png: ${picture.length} bytes`);
    await page.close();
  }
} finally {
  await browser.close();
  await dev.stop();
}
