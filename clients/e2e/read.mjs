// Reads the logs of several users with the client for TypeScript: {"baseUrl", "tokens": {user: token}} on
// standard input becomes {user: entries} on standard output, the oldest entry first.

import { text } from 'node:stream/consumers';

import { ActivityLogClient } from '../typescript/dist/client.js';

const { baseUrl, tokens } = JSON.parse(await text(process.stdin));
const logs = {};
for (const [user, token] of Object.entries(tokens)) {
  logs[user] = [];
  const log = new ActivityLogClient({ baseUrl, token });
  for await (const entry of log.list({ include: 'client', order: 'asc', pageSize: 10 })) logs[user].push(entry);
}
process.stdout.write(JSON.stringify(logs));
