/**
 * `activities dev` of this checkout with a log of one's own, for tests and pictures.
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(import.meta.dirname, '../..');
const TOOL = join(ROOT, 'target/debug/activities');

/** What is missing to start it, or `null`. @returns {string|null} */
export function missing() {
  return existsSync(TOOL) ? null : 'there is no target/debug/activities: cargo build --bin activities';
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** The API, the viewer and their database, all on this machine. */
export class Dev {
  /** Starts it with an empty log; the functions may have to be built first. */
  static async start() {
    const [port, database] = [await freePort(), await freePort()];
    const parameters = ['dev', '--empty', '--port', String(port), '--dynamodb-port', String(database)];
    const env = { ...process.env, PATH: `${join(ROOT, '.tools/bin')}:${process.env.PATH}` };
    const child = spawn(TOOL, parameters, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    let printed = '';
    await new Promise((resolve, reject) => {
      child.stdout.on('data', (text) => {
        printed += text;
        if (printed.includes('Ctrl-C')) resolve(undefined);
      });
      void ended.then((code) => reject(new Error(`activities dev ends with ${code}`)));
    });
    // With a token in its fragment.
    const viewer = /http:\/\/127\.0\.0\.1:\d+\/viewer#token=\S+/.exec(printed)?.[0];
    if (!viewer) throw new Error(`activities dev names no viewer: ${printed}`);
    return new Dev(child, ended, viewer, `http://127.0.0.1:${database}`);
  }

  /**
   * @param {import('node:child_process').ChildProcess} child @param {Promise<unknown>} ended
   * @param {string} viewer @param {string} endpoint
   */
  constructor(child, ended, viewer, endpoint) {
    this.child = child;
    this.ended = ended;
    this.viewer = viewer;
    this.endpoint = endpoint;
  }

  /** Imports objects of the export format. @param {object[]} records */
  async import(records) {
    const folder = await mkdtemp(join(tmpdir(), 'viewer-'));
    try {
      const file = join(folder, 'log.ndjson');
      await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
      const env = { ...process.env, AWS_ENDPOINT_URL_DYNAMODB: this.endpoint };
      await promisify(execFile)(TOOL, ['import', file, '--local'], { cwd: ROOT, env });
    } finally {
      await rm(folder, { recursive: true });
    }
  }

  async stop() {
    this.child.kill('SIGINT');
    await this.ended;
  }
}
