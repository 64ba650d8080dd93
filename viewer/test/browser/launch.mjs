/** Which browser there is, and how it is started. */
import assert from 'node:assert/strict';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

import { chromium } from 'playwright-core';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** The browser to use, or `null` if there is none. @returns {string|null} */
export function browserPath() {
  if (process.env.BROWSER_PATH) return process.env.BROWSER_PATH;
  const folders = (process.env.PATH ?? '').split(delimiter);
  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    for (const folder of folders) {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return join(folder, name);
      } catch {
        // It is not in this folder.
      }
    }
  }
  return null;
}

/** Starts the browser. Its scroll bars are there, so that tests can take them. */
export async function launch() {
  const executablePath = browserPath();
  assert.ok(executablePath, 'there is no browser: install chromium, or set BROWSER_PATH');
  return chromium.launch({ executablePath, args: ARGUMENTS, ignoreDefaultArgs: ['--hide-scrollbars'] });
}
