// A transport for tests: what is recorded stays in the process.

import type { Id } from './message.js';
import type { Outcome, Transport } from './sender.js';

/** A message as the recorder reads it. What was not said of the action is not there. */
export interface RecordedMessage {
  userId: number;
  projectId?: number;
  environmentId?: number;
  resourceType?: string;
  resourceId?: number;
  action: string;
  description?: string;
  metadata?: Record<string, unknown>;
  ipAddress?: string;
  userAgent?: string;
  occurredAt: string;
  idempotencyKey: string;
}

/** A transport that keeps what it is given. */
export interface Memory extends Transport {
  /** What was recorded, in the order in which it was accepted. */
  readonly messages: RecordedMessage[];
  /** What was recorded for one user. */
  of(userId: Id): RecordedMessage[];
  /** Forgets what was recorded. */
  clear(): void;
  /** What the queue refuses messages with from now on; `undefined` if it accepts them again. */
  failure: Error | undefined;
}

/** Makes a transport that keeps what is recorded, to look at it in a test. */
export function memory(): Memory {
  const messages: RecordedMessage[] = [];
  return {
    messages,
    failure: undefined,
    of: (userId) => messages.filter((message) => String(message.userId) === String(userId)),
    clear() {
      messages.length = 0;
    },
    async send(batch) {
      const error = this.failure;
      if (error) return batch.map((): Outcome => ({ kind: 'refused', error }));
      for (const { body } of batch) messages.push(JSON.parse(body) as RecordedMessage);
      return batch.map((): Outcome => ({ kind: 'accepted' }));
    },
  };
}
