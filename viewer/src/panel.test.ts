import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Activity } from './activity.js';
import type { Client } from './client.js';
import type { Language } from './language.js';
import { changeOf, Panel } from './panel.js';

const entry = (id: number, more: Partial<Activity> = {}) => ({ id, action: 'create', ...more }) as Activity;
const language = { texts: (key: string) => key, dates: {} } as unknown as Language;

/** A panel, and a client whose requests end when a test says so. */
function made() {
  const panel = new Panel({ close() {}, filter() {}, showInContext() {} });
  const ends = new Map<number, (body: unknown) => void>();
  const signals: AbortSignal[] = [];
  const client = {
    request: (_: URLSearchParams, { id, signal }: { id: number; signal: AbortSignal }) =>
      new Promise<Response>((resolve, reject) => {
        signals.push(signal);
        ends.set(id, (body) => (body ? resolve(new Response(JSON.stringify(body))) : reject(new Error())));
      }),
  } as unknown as Client;
  /** What the template of the panel is given. */
  const shown = () => panel.render(language, '').values;
  return { panel, client, shown, ends, signals, end: (id: number, body: unknown) => ends.get(id)!(body) };
}

test('what a list has of an entry is shown at once, and the rest when it is there', async () => {
  const { panel, client, shown, end } = made();
  const [known, whole] = [entry(1), entry(1, { ipAddress: '192.0.2.1' })];
  panel.open(1, known);
  const loaded = panel.load(client);
  assert.ok(shown().includes(known) && shown().includes('loading'));
  end(1, { data: whole });
  await loaded;
  assert.equal(shown().find((value) => value === known), known, 'the names stay those of the list');
  assert.deepEqual(shown().find((value) => (value as Activity).ipAddress), whole);
});

test('an entry that no list has is shown when it is there, or that it failed', async () => {
  const { panel, client, shown, end } = made();
  panel.open(1, null);
  const loaded = panel.load(client);
  assert.ok(shown().includes('loading'));
  end(1, { data: entry(1) });
  await loaded;
  assert.deepEqual(shown().find((value) => (value as Activity).id === 1), entry(1));
  panel.open(2, null);
  const failed = panel.load(client);
  end(2, null);
  await failed;
  assert.ok(shown().includes('entryFailed'));
});

test('a response that comes when another entry is open changes nothing', async () => {
  const { panel, client, shown, end } = made();
  panel.open(1, null);
  const first = panel.load(client);
  panel.open(2, null);
  const second = panel.load(client);
  end(1, { data: entry(1) });
  await first;
  assert.ok(shown().includes('loading'), 'the second is still on its way');
  end(2, { data: entry(2) });
  await second;
  assert.deepEqual(shown().find((value) => (value as Activity).id), entry(2));
  panel.open(3, null);
  const third = panel.load(client);
  panel.open(4, null);
  end(3, null);
  await third;
  assert.ok(shown().includes('loading'), 'nor does one that fails');
});

test('a response that comes when the entry was opened again changes nothing', async () => {
  const { panel, client, shown, ends, end } = made();
  panel.open(1, null);
  const first = panel.load(client);
  const endFirst = ends.get(1)!;
  panel.close();
  panel.open(1, null);
  const second = panel.load(client);
  endFirst({ data: entry(1, { description: 'of another log' }) });
  await first;
  assert.ok(shown().includes('loading'));
  end(1, { data: entry(1) });
  await second;
  assert.deepEqual(shown().find((value) => (value as Activity).id), entry(1));
});

test('the request for an entry ends when another is opened, or none', () => {
  const { panel, client, signals } = made();
  const ways = [() => panel.open(2, null), () => panel.close(), () => panel.stop()];
  for (const [index, end] of ways.entries()) {
    panel.open(1, null);
    void panel.load(client);
    assert.equal(signals[index]?.aborted, false);
    end();
    assert.equal(signals[index]?.aborted, true);
  }
});

test('a value filters by itself, and a project takes away the environment of another', () => {
  assert.deepEqual(changeOf({ action: 'create' }), { action: ['create'] });
  assert.deepEqual(changeOf({ resourceType: 'function' }), { resourceType: ['function'] });
  assert.deepEqual(changeOf({ projectSlug: 'a' }), { projectSlug: 'a', environmentSlug: '' });
  const environment = { projectSlug: 'a', environmentSlug: 'b' };
  assert.deepEqual(changeOf(environment), environment);
});
