// Records what users do, from anywhere below a request. See README.md.

export { activity, type DetachedLog, type DetachedOptions } from './context.js';
export { DeliveryError } from './error.js';
export type { LogOptions, RequestLogOptions } from './log.js';
export { memory, type Memory, type RecordedMessage } from './memory.js';
export type { Change, Id, RecordOptions } from './message.js';
export type { OutgoingMessage, Outcome, Transport } from './sender.js';
export { sqs, type SqsClient } from './sqs.js';
