// An Express application that records in the ways that a platform's routes do. fastapi_app.py has the same
// routes.

import { createRequire } from 'node:module';
import { setTimeout as pause } from 'node:timers/promises';

import { activityLog } from '../typescript/dist/express.js';
import { activity } from '../typescript/dist/index.js';

// It is among what the client is tested with.
const express = createRequire(new URL('../typescript/package.json', import.meta.url))('express');

// Milliseconds. The faults of the queue are part of the test, and the speed of the machine is not.
const queue = { queueUrl: process.env['QUEUE_URL'], deadline: 120_000, redact: ['secret'] };
const log = activityLog({ ...queue, userId: (request) => request.user.id, trustedHops: 1 });
const jobs = new Set();

/** Knows the user after a pause, and after the middleware of the log. */
async function authenticate(request, _response, next) {
  await pause(1);
  request.user = { id: Number(request.get('x-user')) };
  next();
}

/** Below a route, with nothing passed down. */
async function resize(id, memory, metadata) {
  await pause(1);
  void activity.record('update', { resource: ['function', id], changes: { memory: { from: 128, to: memory } }, metadata });
}

async function work(task) {
  await activity.record('start', { userAgent: 'a job', metadata: { task, number: 0 } });
  await pause(1);
  await activity.record('finish', { userAgent: 'a job', metadata: { task, number: 1 } });
}

function routes(...middleware) {
  const router = express.Router();
  router.use(...middleware, authenticate);

  router.post('/functions', async (request, response) => {
    const { task, number } = request.body;
    const isAccepted = await activity.record('create', {
      resource: ['function', number + 1],
      environment: [4, 9],
      description: `Created “function” ${number + 1} 🚀`,
      metadata: { task, number, secret: 'hunter2' },
    });
    response.send(isAccepted ? 'accepted' : 'given up');
  });

  router.post('/memory', async (request, response) => {
    const { task, number } = request.body;
    await resize(number + 1, 256, { task, number });
    response.send('handed over');
  });

  // A route that is not asynchronous.
  router.post('/syncs', (request, response) => {
    const { task, number } = request.body;
    const receipt = activity.record('sync', { resource: ['database'], project: 4, metadata: { task, number } });
    receipt.then((isAccepted) => response.send(isAccepted ? 'accepted' : 'given up'));
  });

  // Several at once, of which nobody waits for any.
  router.post('/imports', (request, response) => {
    const { task, number } = request.body;
    for (let at = number; at < number + 4; at += 1) {
      void activity.record('import', { resource: ['instance', `${at + 1}`], metadata: { task, number: at } });
    }
    response.send('handed over');
  });

  // A streamed response, with an action within it and one at its end.
  router.post('/exports', async (request, response) => {
    const { task, number } = request.body;
    response.write('one,');
    await pause(1);
    void activity.record('export', { metadata: { task, number } });
    response.write('two,');
    await pause(1);
    void activity.record('close', { metadata: { task, number: number + 1 } });
    response.end('three');
  });

  router.post('/jobs', (request, response) => {
    const { task, number } = request.body;
    const detached = activity.detached({ ...queue, userId: request.user.id });
    setImmediate(() => {
      const job = detached.run(() => work(`${task}, job ${number}`));
      jobs.add(job);
      void job.then(() => jobs.delete(job));
    });
    response.send('handed over');
  });

  return router;
}

const app = express();
app.use('/body-first', routes(express.json(), log));
app.use('/log-first', routes(log, express.json()));

const server = app.listen(0, '127.0.0.1', () => console.log(`at http://127.0.0.1:${server.address().port}`));

process.on('SIGTERM', async () => {
  server.close();
  await Promise.all(jobs);
  await activity.flush();
  console.log('all is flushed');
  process.exit();
});
