// A log to record in: a call is made into a message, sent, and its outcome told.

import { randomUUID } from 'node:crypto';

import { DeliveryError, describe } from './error.js';
import { buildBody, buildMessage, readAction, type Id, type Origin, type RecordOptions } from './message.js';
import { Sender, type OutgoingMessage, type Transport } from './sender.js';
import { sqs } from './sqs.js';

/** Where to record, and how. One of `queueUrl` and `transport` is required. */
export interface LogOptions {
  /** The address of the SQS FIFO queue. */
  queueUrl?: string | undefined;
  /** Where messages go in place of a queue: `memory()`, or `sqs(queueUrl, client)` with your own client. */
  transport?: Transport | undefined;
  /**
   * What happens to a message that was not accepted. `'log'` (the default) writes a line to standard
   * error from which it can be sent again, and `record` gives `false`. With `'throw'`, `record` rejects
   * with a `DeliveryError`; where nobody awaits it, that line is written.
   */
  onError?: 'log' | 'throw' | undefined;
  /** For how many milliseconds a message is tried: from the call, or from when the queue last accepted a
   * message of that user. 30,000 by default, and at most 240,000. A user that is a promise is awaited
   * first, for as long at the most. */
  deadline?: number | undefined;
  /** Keys of `metadata`, at any depth and in any case, whose values are secret. */
  redact?: readonly string[] | undefined;
  /**
   * Is told of each call of which something had to be altered: which fields, and the message that was
   * sent in the end. By default a warning names the fields.
   */
  onAltered?: ((fields: string[], message: string) => void) | undefined;
}

/** `LogOptions` for requests of a kind. */
export interface RequestLogOptions<R> extends LogOptions {
  /**
   * Who does it: an id, or what finds the id in a request. It is asked when something is recorded first,
   * so what authenticates the request may run later than this.
   */
  userId?: Id | ((request: R) => Id | null | undefined | Promise<Id | null | undefined>) | undefined;
  /**
   * How many proxies in front of this process are yours, each of which adds to `X-Forwarded-For`. By
   * default 0: the header is ignored, since whoever asks can write it.
   */
  trustedHops?: number | undefined;
}

/**
 * How long SQS knows a deduplication id is five minutes. A message that was accepted, and whose response
 * was lost, must not be tried any longer.
 */
const LONGEST_DEADLINE = 240_000;
const DEADLINE = 30_000;

/** One for each transport, since it is what keeps the order of a user. */
const senders = new WeakMap<Transport, Sender>();
/** What was recorded and is not settled. */
const pending = new Set<Promise<unknown>>();

/** Where calls are recorded, and how. */
export class Log {
  readonly #sender: Sender;
  readonly #deadline: number;
  readonly #onError: 'log' | 'throw';
  readonly #onAltered: (fields: string[], message: string) => void;
  readonly #redacted: ReadonlySet<string>;

  constructor(options: LogOptions) {
    const { queueUrl, deadline = DEADLINE, onError = 'log' } = options;
    if (!options.transport && !queueUrl) throw new TypeError('queueUrl is required');
    if (!(deadline > 0 && deadline <= LONGEST_DEADLINE)) {
      throw new TypeError(`deadline must be a number above 0 and up to ${LONGEST_DEADLINE}`);
    }
    if (onError !== 'log' && onError !== 'throw') throw new TypeError("onError must be 'log' or 'throw'");
    const transport = options.transport ?? sqs(queueUrl ?? '');
    const sender = senders.get(transport) ?? new Sender(transport);
    senders.set(transport, sender);
    this.#sender = sender;
    this.#deadline = deadline;
    this.#onError = onError;
    this.#onAltered = options.onAltered ?? warn;
    this.#redacted = new Set(options.redact?.map((key) => key.toLowerCase()));
  }

  /**
   * Records an action. `origin` is what the surroundings know of it; a user that is a promise is awaited
   * first. At most `longest` milliseconds are spent on both. If the user is not found in time, the action
   * is given up, as a message is that was not accepted.
   *
   * Throws a `TypeError` if there is no action or no user; where the user is a promise, it rejects.
   */
  record(action: string, options: RecordOptions, origin: Origin, longest = Infinity): Promise<boolean> {
    readAction(action);
    const moment = { now: Date.now(), uuid: randomUUID() };
    const end = performance.now() + longest;
    const send = (userId: unknown) => {
      const message = buildMessage(action, options, { ...origin, userId }, moment, this.#redacted);
      return this.#send(message, end - performance.now());
    };
    const giveUp = () => {
      const { body } = buildBody(undefined, action, options, origin, moment, this.#redacted);
      return this.#giveUp({ user: undefined, id: moment.uuid, body }, new Error('the user was not found in time'));
    };
    const sendFor = async (user: Promise<unknown>) => {
      const found = await within(Math.min(longest, this.#deadline), user);
      return found === LATE ? giveUp() : send(found);
    };
    const { userId } = origin;
    const receipt = Receipt.of(userId instanceof Promise ? sendFor(userId) : send(userId));
    const over = receipt.over((error) => console.error(unrecordedLine(error)));
    pending.add(over);
    void over.then(() => pending.delete(over));
    return receipt;
  }

  async #send(message: OutgoingMessage & { altered: string[] }, longest: number): Promise<boolean> {
    const sending = this.#sender.send(message, this.#deadline, longest);
    if (message.altered.length > 0) this.#tell(message);
    const outcome = await sending;
    if (outcome.kind === 'accepted') return true;
    const { user, id, body } = message;
    return this.#giveUp({ user, id, body }, outcome.error);
  }

  #giveUp(message: DeliveryError['sent'], cause: unknown): false {
    const error = new DeliveryError(message, cause);
    if (this.#onError === 'throw') throw error;
    console.error(unrecordedLine(error));
    return false;
  }

  #tell({ altered, body }: { altered: string[]; body: string }): void {
    try {
      this.#onAltered(altered, body);
    } catch (error) {
      console.error(`activity log: onAltered threw ${describe(error)}`);
    }
  }
}

/** Waits until all that was recorded before is accepted or given up. Never rejects. */
export async function flush(): Promise<void> {
  await Promise.all(pending);
}

/** Stands for what is not there in time. */
const LATE = Symbol('late');

/** What a promise gives, or `LATE` if that takes longer than some milliseconds. */
async function within<T>(milliseconds: number, promise: Promise<T>): Promise<T | typeof LATE> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<typeof LATE>((resolve) => (timer = setTimeout(resolve, milliseconds, LATE)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What `record` gives: a promise that knows whether somebody awaits it. */
class Receipt extends Promise<boolean> {
  #isAwaited = false;

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  static of(result: Promise<boolean>): Receipt {
    return new Receipt((resolve) => resolve(result));
  }

  override then<T = boolean, E = never>(
    fulfilled?: ((isAccepted: boolean) => T | PromiseLike<T>) | null,
    rejected?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E> {
    this.#isAwaited = true;
    return super.then(fulfilled, rejected);
  }

  /**
   * Ends when this does, and is not an await itself. A rejection that nobody awaits would end the
   * process; it is passed to `tell` instead.
   */
  over(tell: (error: unknown) => void): Promise<void> {
    return super.then(
      () => {},
      (error: unknown) => {
        if (!this.#isAwaited) tell(error);
      },
    );
  }
}

/**
 * A line of JSON about what was not recorded; it has the message, where there is one. A message without its
 * user is a `draft`, so that nobody sends it as it is.
 */
function unrecordedLine(error: unknown): string {
  const line = { event: 'activity_not_recorded' };
  if (!(error instanceof DeliveryError)) return JSON.stringify({ ...line, error: describe(error) });
  const { user, id, body } = error.sent;
  const known = { ...line, error: describe(error.cause), groupId: user, deduplicationId: id };
  return JSON.stringify(user === undefined ? { ...known, draft: body } : { ...known, body });
}

function warn(fields: string[]): void {
  console.warn(`activity log: ${fields.join(', ')} had to be altered to be recorded`);
}
