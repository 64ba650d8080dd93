/**
 * Writes the README's pictures of the viewer: `node test/pictures.mjs URL [FOLDER]`, where URL is the viewer's
 * with a token in its fragment, as `activities dev` prints it. The list stands a little below its newest
 * entries, and the panel shows one with changes.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { deflateSync } from 'node:zlib';

import { launch } from './browser/launch.mjs';

/** The most bytes of a picture, which everyone who reads the README loads. */
const LARGEST = 150_000;

const [address, folder = fileURLToPath(new URL('../../docs/images/', import.meta.url))] = process.argv.slice(2);
if (!address) {
  console.error('usage: node test/pictures.mjs URL [FOLDER]');
  process.exit(2);
}
await mkdir(folder, { recursive: true });
const browser = await launch();
try {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const context = await browser.newContext({
      viewport: { width: 1_280, height: 720 }, locale: 'en-GB', timezoneId: 'UTC', colorScheme, reducedMotion: 'reduce',
    });
    const page = await context.newPage();
    await page.goto(address);
    const row = page.locator('activity-log [role=row][data-id]');
    await row.first().waitFor();
    // The strip and the counts have come when the bars are there.
    await page.locator('activity-log-strip [role=slider] path').first().waitFor();
    // An update has a table of changes to show; a log without one shows its third entry.
    const update = row.filter({ has: page.getByText('update', { exact: true }) });
    await ((await update.count()) > 0 ? update.first() : row.nth(2)).locator('[role=gridcell]:visible').first().click();
    const panel = page.locator('activity-log-details');
    await panel.locator('dl').waitFor();
    await page.waitForLoadState('networkidle');
    await page.mouse.move(640, 715);
    const picture = indexed(await pixels(page, await page.screenshot({ animations: 'disabled', caret: 'hide' })), 1_280);
    if (picture.length > LARGEST) throw new Error(`the ${colorScheme} picture has ${picture.length} bytes, more than ${LARGEST}`);
    await writeFile(`${folder}/viewer-${colorScheme}.png`, picture);
    console.log(`${folder}/viewer-${colorScheme}.png: ${picture.length} bytes`);
    await context.close();
  }
} finally {
  await browser.close();
}

/**
 * The pixels of a picture, four bytes each, decoded by the browser on a page without a policy.
 * @param {import('playwright-core').Page} page @param {Buffer} png
 */
async function pixels(page, png) {
  const blank = await page.context().newPage();
  const encoded = await blank.evaluate(async (base64) => {
    const image = await createImageBitmap(await (await fetch(`data:image/png;base64,${base64}`)).blob());
    const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
    if (!canvas) throw new Error('there is no canvas');
    canvas.drawImage(image, 0, 0);
    const { data } = canvas.getImageData(0, 0, image.width, image.height);
    let text = '';
    for (let start = 0; start < data.length; start += 30_000) text += String.fromCharCode(...data.subarray(start, start + 30_000));
    return btoa(text);
  }, png.toString('base64'));
  return Buffer.from(encoded, 'base64');
}

/**
 * A PNG (third edition) of 256 colours, each other one as the nearest of them: a page of text has hardly more,
 * and so a third of the bytes. The next colour is always the one that is missed most.
 * @param {Buffer} pixels @param {number} width
 */
function indexed(pixels, width) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (let at = 0; at < pixels.length; at += 4) {
    const colour = pixels.readUIntBE(at, 3);
    counts.set(colour, (counts.get(colour) ?? 0) + 1);
  }
  const parts = (/** @type {number} */ colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];
  const distance = (/** @type {number} */ a, /** @type {number} */ b) => {
    const [one, other] = [parts(a), parts(b)];
    return one.reduce((sum, part, index) => sum + (part - other[index]) ** 2, 0);
  };
  /** @type {number[]} */
  const palette = [];
  // Of each colour: what it costs that it is not in the palette, and the one to show instead.
  const costs = new Map([...counts].map(([colour, count]) => [colour, { cost: count * 200_000, index: 0 }]));
  while (palette.length < Math.min(256, counts.size)) {
    const [worst] = [...costs].reduce((a, b) => (b[1].cost > a[1].cost ? b : a));
    palette.push(worst);
    for (const [colour, known] of costs) {
      const cost = distance(colour, worst) * (counts.get(colour) ?? 0);
      if (cost < known.cost) costs.set(colour, { cost, index: palette.length - 1 });
    }
  }
  const height = pixels.length / 4 / width;
  // Each line begins with its filter, which is none.
  const lines = Buffer.alloc(height * (width + 1));
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      lines[y * (width + 1) + x + 1] = costs.get(pixels.readUIntBE((y * width + x) * 4, 3))?.index ?? 0;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  // Eight bits a pixel, of a palette.
  header.set([8, 3, 0, 0, 0], 8);
  const signature = Buffer.from('89504e470d0a1a0a', 'hex');
  const colours = Buffer.from(palette.flatMap(parts));
  return Buffer.concat([signature, chunk('IHDR', header), chunk('PLTE', colours), chunk('IDAT', deflateSync(lines, { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}

/** A chunk of a PNG: its length, type, data and CRC-32. @param {string} type @param {Buffer} data */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  let crc = 0xffffffff;
  for (const byte of body) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(~crc >>> 0);
  return Buffer.concat([length, body, sum]);
}
