// The message of the queue: an action as the recorder takes it, without a change.
//
// The recorder repairs what it would otherwise have to refuse: it cuts a text that is too long, leaves
// out an address that is none. The same is done here, by the same rules, so that whoever made the call
// is told, and the log never has to note later what could have been told now.

import { findAddress } from './address.js';
import { depth, sha256, toJson, wellFormed } from './json.js';
import * as limit from './limits.js';
import { readTime } from './time.js';

/** An id of the platform: an integer from 1 to 2^53 − 1, or its decimal digits. */
export type Id = number | bigint | string;

/** A field before and after; without one of them it was added or removed. */
export interface Change {
  from?: unknown;
  to?: unknown;
}

/** What is said of an action. All of it is optional. */
export interface RecordOptions {
  /** What it was done to: a type such as `'function'`, and the id of the resource if it has one. */
  resource?: readonly [type: string, id?: Id | null | undefined] | null | undefined;
  /** The project and the environment that it was done in. */
  environment?: readonly [project: Id, environment: Id] | null | undefined;
  /** The project that it was done in, if that was in none of its environments. */
  project?: Id | null | undefined;
  /** The same for people; at most 1,024 bytes of UTF-8. */
  description?: string | null | undefined;
  /** Whatever else is known; at most 4,096 bytes as JSON, and 32 levels deep. */
  metadata?: object | null | undefined;
  /** What was changed, field by field. It becomes `metadata.changes`. */
  changes?: Readonly<Record<string, Change>> | null | undefined;
  /** Who did it, if not the user of the context. */
  userId?: Id | null | undefined;
  /** Where the request came from, if not where that of the context did. */
  ipAddress?: string | null | undefined;
  /** What sent the request, if not what sent that of the context; at most 512 bytes. */
  userAgent?: string | null | undefined;
  /** When it was done, if that was not just now: a text is RFC 3339, a number milliseconds since 1970. */
  occurredAt?: Date | string | number | null | undefined;
  /**
   * Names the action among the user's: recorded again with the same key within 14 days, it is in the
   * log once. At most 128 bytes. Without it, each call is an action of its own.
   */
  idempotencyKey?: string | null | undefined;
}

/** What is known of the request or job that a call is made in. */
export interface Origin {
  userId: unknown;
  ipAddress?: string | undefined;
  userAgent?: string | undefined;
}

/** What a call takes from its surroundings. */
export interface Moment {
  /** Milliseconds since 1970. */
  now: number;
  /** A new one for each call. */
  uuid: string;
}

/** A message, ready to be sent. */
export interface Message {
  /** The message group: messages of one user keep their order. */
  user: string;
  /** The deduplication id: a message that is sent again is taken once. */
  id: string;
  /** The JSON text. */
  body: string;
  /** The fields that are not as they were given, in the order of the message. */
  altered: string[];
}

/** The members of a message, in its order; `metadata` is JSON text. */
interface Members {
  userId: number | undefined;
  projectId?: number | undefined;
  environmentId?: number | undefined;
  resourceType?: string | undefined;
  resourceId?: number | undefined;
  action: string;
  description?: string | undefined;
  metadata?: string | undefined;
  ipAddress?: string | undefined;
  userAgent?: string | undefined;
  occurredAt: string;
  idempotencyKey: string;
}

/**
 * The message of a call. The values of keys in `redacted`, which are in lower case, are left out of
 * `metadata`.
 *
 * Throws a `TypeError`, which names the field, if there is no user or no action. Anything else is
 * repaired.
 */
export function buildMessage(
  action: string,
  options: RecordOptions,
  origin: Origin,
  moment: Moment,
  redacted: ReadonlySet<string>,
): Message {
  const userId = readUser(options.userId ?? origin.userId);
  const built = buildBody(userId, action, options, origin, moment, redacted);
  return { user: String(userId), id: moment.uuid, ...built };
}

/** The JSON text of a message. Without a user it cannot be sent, but holds all else of the call. */
export function buildBody(
  userId: number | undefined,
  action: string,
  options: RecordOptions,
  origin: Origin,
  moment: Moment,
  redacted: ReadonlySet<string>,
): Pick<Message, 'body' | 'altered'> {
  const altered = new Set<keyof Members>();
  const id = (field: keyof Members, given: unknown): number | undefined => {
    if (given === undefined || given === null) return undefined;
    const read = readId(given);
    if (read === undefined) altered.add(field);
    return read;
  };
  const text = (field: keyof Members, given: unknown): string | undefined => {
    if (given === undefined || given === null) return undefined;
    const read = readText(given);
    if (read !== given) altered.add(field);
    return read;
  };
  const within = (field: keyof Members, most: number, given: unknown): string | undefined => {
    const read = text(field, given);
    if (read === undefined || Buffer.byteLength(read) <= most) return read;
    altered.add(field);
    return cut(read, most);
  };

  const [type, resource] = options.resource ?? [];
  const [project = options.project, environment] = options.environment ?? [];
  const members: Members = {
    userId,
    projectId: id('projectId', project),
    environmentId: id('environmentId', environment),
    resourceType: text('resourceType', type),
    resourceId: id('resourceId', resource),
    action: readAction(action),
    description: within('description', limit.DESCRIPTION, options.description),
    metadata: undefined,
    ipAddress: undefined,
    userAgent: within('userAgent', limit.USER_AGENT, options.userAgent ?? origin.userAgent),
    occurredAt: new Date(Math.min(moment.now, limit.MAX_TIME)).toISOString(),
    idempotencyKey: moment.uuid,
  };

  if (members.projectId === undefined && members.environmentId !== undefined) {
    altered.add('environmentId');
    members.environmentId = undefined;
  }
  if (members.resourceType !== undefined) {
    const kept = toName(members.resourceType);
    if (kept !== members.resourceType || kept === '') altered.add('resourceType');
    members.resourceType = kept === '' ? undefined : kept;
  }
  if (members.action !== action) altered.add('action');

  const metadata = readMetadata(options, redacted);
  members.metadata = metadata.text;
  if (metadata.isAltered) altered.add('metadata');

  const address = options.ipAddress ?? origin.ipAddress;
  if (address !== undefined) {
    members.ipAddress = findAddress(readText(address) ?? '');
    if (members.ipAddress !== address) altered.add('ipAddress');
  }

  const occurredAt = options.occurredAt ?? undefined;
  if (occurredAt !== undefined) {
    const time = readTime(occurredAt);
    if (time === undefined || time > moment.now) altered.add('occurredAt');
    else members.occurredAt = new Date(time).toISOString();
  }

  const key = options.idempotencyKey ?? undefined;
  if (key !== undefined) {
    const kept = readKey(key);
    if (kept !== key) altered.add('idempotencyKey');
    members.idempotencyKey = kept ?? moment.uuid;
  }

  const parts = Object.entries(members)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `"${name}":${name === 'metadata' ? value : toJson(value)}`);
  return {
    body: `{${parts.join(',')}}`,
    altered: Object.keys(members).filter((name) => altered.has(name as keyof Members)),
  };
}

/** The action as the log has it. Throws a `TypeError` if it is none. */
export function readAction(action: unknown): string {
  if (action === undefined || action === null) throw new TypeError('action is required');
  if (typeof action !== 'string') throw new TypeError('action must be a string');
  if (action === '') throw new TypeError('action must not be empty');
  return toName(action);
}

function readUser(given: unknown): number {
  if (given === undefined || given === null) throw new TypeError('userId is required');
  const user = readId(given);
  if (user === undefined) throw new TypeError('userId must be an integer from 1 to 2^53 - 1');
  return user;
}

function readId(given: unknown): number | undefined {
  const isDigits = typeof given === 'string' && /^[1-9][0-9]*$/.test(given);
  const number = isDigits || typeof given === 'bigint' ? Number(given) : given;
  const isId = Number.isSafeInteger(number) && Number(number) >= 1;
  return isId ? Number(number) : undefined;
}

/** A text without half surrogate pairs; of anything else its JSON. */
function readText(given: unknown): string | undefined {
  if (typeof given === 'string') return given.toWellFormed();
  const json = jsonOf(given);
  return json === undefined ? undefined : wellFormed(json);
}

/** The beginning of a text, up to `most` bytes, with no character cut in two. */
function cut(text: string, most: number): string {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(most));
  return text.slice(0, read);
}

/** In lower case, with `_` for each character that may not stand in a name, cut. */
function toName(text: string): string {
  const lower = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return lower.replace(/[^a-z0-9_.:-]/gu, '_').slice(0, limit.NAME);
}

/** A key that the log can hold, or the hash of its JSON; `undefined` if it is empty. */
function readKey(given: unknown): string | undefined {
  const text = readText(given);
  if (text === undefined || text === '') return undefined;
  const isKept = typeof given !== 'string' || text === given;
  if (isKept && Buffer.byteLength(text) <= limit.IDEMPOTENCY_KEY) return text;
  return `sha256:${sha256(toJson(given) ?? '')}`;
}

/** `metadata`, with `changes` in it, as JSON text within the limits. */
function readMetadata(
  { metadata, changes }: RecordOptions,
  redacted: ReadonlySet<string>,
): { text?: string; isAltered: boolean } {
  if ((metadata ?? changes ?? undefined) === undefined) return { isAltered: false };
  let came: string;
  let isAltered = false;
  try {
    const value = asWritten(metadata ?? {});
    const added = changes === undefined || changes === null ? {} : { changes };
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      // A spread keeps the place of a member that is there already.
      const { changes: own, ...rest } = value as { changes?: unknown };
      came = toJson('changes' in added ? { ...rest, ...added } : value, redacted) ?? '{}';
    } else {
      isAltered = true;
      const json = toJson(value, redacted) ?? 'null';
      const rest = toJson(added, redacted)?.slice(1) ?? '}';
      came = `{"value":${json}${rest === '}' ? '' : ','}${rest}`;
    }
  } catch (error) {
    const reason = error instanceof RangeError ? 'nested too deeply' : 'not JSON';
    return { text: `{"omitted":"${reason}"}`, isAltered: true };
  }
  const text = withinLimits(wellFormed(came));
  return { text, isAltered: isAltered || text !== came };
}

/** What `JSON.stringify` would write in place of a value. */
function asWritten(value: unknown): unknown {
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === 'function' ? (toJSON.call(value, '') as unknown) : value;
}

/**
 * An object as JSON text, or what stands in its place where it is nested too deeply or is too long:
 * with its hash, so that two that are left out can be told apart.
 */
function withinLimits(metadata: string): string {
  if (depth(metadata) > limit.METADATA_DEPTH) {
    return `{"omitted":"nested too deeply","sha256":"${sha256(metadata)}"}`;
  }
  const bytes = Buffer.byteLength(metadata);
  if (bytes <= limit.METADATA) return metadata;
  return `{"omitted":"too long","bytes":${bytes},"sha256":"${sha256(metadata)}"}`;
}

/** `value` as JSON; `undefined` if it has none. */
function jsonOf(value: unknown): string | undefined {
  try {
    return toJson(value);
  } catch {
    return undefined;
  }
}
