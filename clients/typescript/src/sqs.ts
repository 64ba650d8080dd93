// The transport to SQS. The SDK is loaded when the first transport is made, and by nothing else here.

import { describe } from './error.js';
import type { OutgoingMessage, Outcome, Transport } from './sender.js';

/** What is used of `SQSClient` of `@aws-sdk/client-sqs`. */
export interface SqsClient {
  send(command: never, options?: { abortSignal?: AbortSignal }): Promise<unknown>;
}

/** What is used of the response to `SendMessageBatch`. */
interface BatchResponse {
  Successful?: { Id?: string }[];
  Failed?: { Id?: string; SenderFault?: boolean; Code?: string; Message?: string }[];
}

/** Errors of a client that pass: those of a limit, of a token that is renewed, of a clock that is set. */
const PASSING = /throttl|toomany|limit|slowdown|expired|skew|timeout|timedout|notyetvalid/i;

const transports = new Map<string, Transport>();

/**
 * Sends to the SQS FIFO queue at `queueUrl`, with a client of your own or one that finds credentials as
 * every client of AWS does. Needs `@aws-sdk/client-sqs`.
 *
 * Throws a `TypeError` if the address is not that of a FIFO queue.
 */
export function sqs(queueUrl: string, client?: SqsClient): Transport {
  if (!URL.canParse(queueUrl) || !queueUrl.endsWith('.fifo')) {
    throw new TypeError('queueUrl must be the address of a FIFO queue, which ends in .fifo');
  }
  const known = client ? undefined : transports.get(queueUrl);
  if (known) return known;
  const loaded = load(queueUrl, client);
  // Whoever records is told.
  loaded.catch(() => {});
  const transport: Transport = {
    async send(messages, signal) {
      try {
        const { queue, command } = await loaded;
        const response = await queue.send(command(toRequest(queueUrl, messages)), { abortSignal: signal });
        return readResponse(messages, response as BatchResponse);
      } catch (error) {
        return messages.map(() => readError(error));
      }
    },
  };
  if (!client) transports.set(queueUrl, transport);
  return transport;
}

async function load(queueUrl: string, client: SqsClient | undefined) {
  const sdk = await import('@aws-sdk/client-sqs').catch((cause: unknown) => {
    throw new MissingSdk(`@aws-sdk/client-sqs cannot be loaded; install it beside this package (${describe(cause)})`);
  });
  const region = regionOf(queueUrl);
  const made = () =>
    new sdk.SQSClient({
      // Sending again is `Delivery`'s: two that do it would wait for each other.
      maxAttempts: 1,
      // Else the SDK warns at each request to a queue that is not where it expects one.
      endpoint: new URL(queueUrl).origin,
      ...(region === undefined ? {} : { region }),
    });
  const command = (request: ReturnType<typeof toRequest>) => new sdk.SendMessageBatchCommand(request) as never;
  return { queue: client ?? (made() as unknown as SqsClient), command };
}

class MissingSdk extends Error {
  override readonly name = 'MissingSdk';
}

/** The region that is part of the address of a queue of AWS, also behind an endpoint of a VPC. */
export function regionOf(queueUrl: string): string | undefined {
  const { hostname } = new URL(queueUrl);
  const isOfAws = /\.(?:amazonaws\.com|amazonaws\.com\.cn|api\.aws)$/.test(hostname);
  return isOfAws ? /(?:^|\.)sqs(?:-fips)?\.([a-z0-9-]+)\./.exec(hostname)?.[1] : undefined;
}

function toRequest(QueueUrl: string, messages: readonly OutgoingMessage[]) {
  const Entries = messages.map(({ user, id, body }, at) => ({
    Id: String(at),
    MessageBody: body,
    MessageGroupId: user,
    MessageDeduplicationId: id,
  }));
  return { QueueUrl, Entries };
}

/** What became of each message, by a response. */
export function readResponse(messages: readonly OutgoingMessage[], response: BatchResponse): Outcome[] {
  return messages.map((_, at): Outcome => {
    const isThis = ({ Id }: { Id?: string }) => Id === String(at);
    if (response.Successful?.some(isThis)) return { kind: 'accepted' };
    const failed = response.Failed?.find(isThis);
    if (!failed) return { kind: 'failed', error: new Error('the response says nothing of the message') };
    const error = new Error(`${failed.Code ?? 'unknown'}: ${failed.Message ?? 'no message'}`);
    return { kind: failed.SenderFault === true ? 'refused' : 'failed', error };
  });
}

/** What became of each message of a request that failed as a whole. */
export function readError(error: unknown): Outcome {
  const { $fault, name = '', $metadata } = error as {
    $fault?: string;
    name?: string;
    $metadata?: { httpStatusCode?: number };
  };
  // Older versions of the SDK call every failure that they do not know the client's fault.
  const isTheirs = ($metadata?.httpStatusCode ?? 0) >= 500;
  const isRefused = $fault === 'client' && !isTheirs && !PASSING.test(name);
  const isOurs = error instanceof MissingSdk || isRefused;
  return { kind: isOurs ? 'refused' : 'failed', error };
}
