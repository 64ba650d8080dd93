// The usual design on DynamoDB, in JavaScript: the same tables, queries and documents as those of the peer
// in Rust, whose module says what the design is.
import { createHash } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import {
  BatchGetCommand,
  BatchWriteCommand,
  DynamoDBDocumentClient,
  GetCommand,
  PutCommand,
  QueryCommand,
} from '@aws-sdk/lib-dynamodb';
import { jwtVerify } from 'jose';

const TABLE = process.env.PEER_TABLE;
const DIRECTORY_TABLE = process.env.PEER_DIRECTORY_TABLE;
const SECRET = new TextEncoder().encode(process.env.JWT_SECRET);
// `action` is a reserved word.
const SHOWN = 'id, userId, projectId, environmentId, resourceType, resourceId, #action, '
  + 'description, metadata, createdAtId';

// Sorts before every sort key, and after every one.
const FIRST = '0';
const LAST = '~';

// The most entries that a query examines at once, as in Rust: never what ends a query of DynamoDB.
const EXAMINED = 2500;

const client = DynamoDBDocumentClient.from(new DynamoDBClient({}), {
  marshallOptions: { removeUndefinedValues: true },
});

class HttpError extends Error {
  constructor(statusCode, message) {
    super(message);
    this.statusCode = statusCode;
  }
}

const invalid = (name, reason) => new HttpError(400, `Invalid parameter: ${name} ${reason}`);

export const handler = async (event) => {
  if (event.Records) {
    await write(event.Records.map(toItem));
    return { batchItemFailures: [] };
  }
  try {
    return response(200, await respond(event));
  } catch (error) {
    if (error instanceof HttpError) {
      return response(error.statusCode, { message: error.message });
    }
    throw error;
  }
};

const response = (statusCode, document) => ({
  statusCode,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(document),
});

const respond = async ({ routeKey, rawQueryString, headers, pathParameters = {} }) => {
  const userId = await authenticate(headers.authorization);
  switch (routeKey.split(' ')[1]) {
    case '/api/activities/{id}':
      return getActivity(userId, pathParameters.id);
    case '/api/activities':
      return listActivities(parseList(userId, rawQueryString));
    case '/api/activities/{projectSlug}/{environmentSlug}': {
      const { projectSlug, environmentSlug } = pathParameters;
      const list = { ...parseList(userId, rawQueryString), projectSlug, environmentSlug };
      return listActivities(list, { mustExist: true });
    }
    default:
      throw new HttpError(404, 'Not found');
  }
};

const authenticate = async (authorization) => {
  try {
    const [, token] = authorization.match(/^Bearer (.+)$/);
    const { payload } = await jwtVerify(token, SECRET, { algorithms: ['HS256'] });
    return payload.sub;
  } catch {
    throw new HttpError(401, 'Missing or invalid authentication token');
  }
};

const getActivity = async (userId, id) => {
  if (!/^\d+$/.test(id)) {
    throw invalid('id', 'must be an integer');
  }
  const { Item: item } = await client.send(new GetCommand({ TableName: TABLE, Key: { id: Number(id) } }));
  if (!item) {
    throw new HttpError(404, 'Activity entry not found');
  }
  if (item.userId !== userId) {
    throw new HttpError(403, 'Activity entry does not belong to the authenticated user');
  }
  const [data] = await withNames([item]);
  return { message: 'Activity retrieved successfully', data };
};

const parseList = (userId, query) => {
  const parameters = new URLSearchParams(query);
  const text = (name) => parameters.get(name) || undefined;
  const integer = (name, otherwise) => {
    const value = text(name) ?? String(otherwise);
    if (!/^\d+$/.test(value)) {
      throw invalid(name, 'must be an integer from 0');
    }
    return Number(value);
  };
  const values = (name) => (text(name) ?? '').split(',').filter(Boolean);
  if (text('include')) {
    throw invalid('include', 'must be absent');
  }
  return {
    userId,
    projectSlug: text('projectSlug'),
    environmentSlug: text('environmentSlug'),
    filters: [
      { attribute: 'resourceType', only: values('resourceType'), except: values('excludeResourceType') },
      { attribute: 'action', only: values('action'), except: values('excludeAction') },
    ],
    since: bound(text('since'), 'since'),
    until: bound(text('until'), 'until'),
    ascending: text('order') === 'asc',
    limit: Math.min(integer('limit', 100), 1000),
    offset: integer('offset', 0),
    cursor: text('cursor'),
  };
};

// A bound of the time, as the sort key has it. JavaScript knows no time finer than a millisecond; such a
// bound is rounded up, so that the range stays half-open.
const bound = (time, name) => {
  if (time === undefined) {
    return undefined;
  }
  const millis = Date.parse(time);
  if (Number.isNaN(millis)) {
    throw invalid(name, 'must be an RFC 3339 date and time');
  }
  const isFiner = /\.\d{3}\d*[1-9]/.test(time);
  return new Date(millis + (isFiner ? 1 : 0)).toISOString();
};

const listActivities = async (list, { mustExist = false } = {}) => {
  const partition = await findPartition(list);
  if (!partition && mustExist) {
    throw new HttpError(404, 'Project or environment not found');
  }
  const { items, total, offset } = partition
    ? await queryList(list, partition)
    : { items: [], total: 0, offset: 0 };
  const data = await withNames(items);
  const hasMore = offset + items.length < total;
  const pagination = { total, limit: list.limit, offset, hasMore };
  if (hasMore && items.length > 0) {
    pagination.nextCursor = Buffer.from(items.at(-1).createdAtId).toString('base64url');
  }
  return { message: 'Activities retrieved successfully', data, pagination };
};

// Where the entries of a list are: an index, its key, the range of the sort key, and the filter.
const findPartition = async ({ userId, projectSlug, environmentSlug, since, until, filters }) => {
  const partition = {
    index: 'byUser',
    key: { name: 'userId', value: userId },
    // They sort before and after every sort key, which begins with a digit.
    from: since ?? FIRST,
    to: until ?? LAST,
    filter: [],
    names: {},
    values: {},
  };
  for (const { attribute, only, except } of filters) {
    addFilter(partition, attribute, only, '');
    addFilter(partition, attribute, except, 'NOT ');
  }
  if (projectSlug === undefined) {
    return partition;
  }
  const projectId = await idOfSlug(`slug#${userId}#${projectSlug}`);
  if (projectId === undefined) {
    return undefined;
  }
  if (environmentSlug === undefined) {
    partition.filter.push('projectId = :project');
    partition.values[':project'] = projectId;
    return partition;
  }
  const environmentId = await idOfSlug(`slug#${userId}#${projectId}#${environmentSlug}`);
  if (environmentId === undefined) {
    return undefined;
  }
  const key = { name: 'userProjectEnvironment', value: `${userId}#${projectId}#${environmentId}` };
  return { ...partition, index: 'byEnvironment', key };
};

// Selects by the values of an attribute; `~` stands for entries without one.
const addFilter = (partition, attribute, values, negation) => {
  const placeholders = values.filter((value) => value !== '~').map((value) => {
    const placeholder = `:v${Object.keys(partition.values).length}`;
    partition.values[placeholder] = value;
    return placeholder;
  });
  const alternatives = [];
  if (values.includes('~')) {
    alternatives.push(`attribute_not_exists(#${attribute})`);
  }
  if (placeholders.length > 0) {
    alternatives.push(`#${attribute} IN (${placeholders.join(', ')})`);
  }
  if (alternatives.length > 0) {
    partition.filter.push(`${negation}(${alternatives.join(' OR ')})`);
    partition.names[`#${attribute}`] = attribute;
  }
};

const idOfSlug = async (key) => {
  const { Item: item } = await client.send(new GetCommand({ TableName: DIRECTORY_TABLE, Key: { key } }));
  return item?.id;
};

const queryList = async (list, partition) => {
  if (list.cursor === undefined) {
    return { ...(await queryPage(list, partition)), offset: list.offset };
  }
  const cursor = Buffer.from(list.cursor, 'base64url').toString();
  const id = Number(cursor.split('#')[1]);
  if (!Number.isSafeInteger(id)) {
    throw invalid('cursor', 'must be the nextCursor of a page');
  }
  const start = { id, [partition.key.name]: partition.key.value, createdAtId: cursor };
  const earlier = list.ascending ? { ...partition, to: cursor } : { ...partition, from: cursor };
  const [before, page] = await Promise.all([
    queryPage({ ...list, limit: 0, offset: 0 }, earlier),
    queryPage({ ...list, offset: 0 }, partition, start),
  ]);
  return { items: page.items, total: before.total + page.total, offset: before.total };
};

// The conditions on the sort key, and the values in them.
const rangeOf = (from, to) => {
  if (from !== FIRST && to !== LAST) {
    return {
      conditions: ['createdAtId BETWEEN :from AND :to'],
      values: { ':from': from, ':to': to },
    };
  }
  if (from !== FIRST) {
    return { conditions: ['createdAtId >= :from'], values: { ':from': from } };
  }
  if (to !== LAST) {
    return { conditions: ['createdAtId <= :to'], values: { ':to': to } };
  }
  return { conditions: [], values: {} };
};

// A page, with the total from `start` on. No entry is read twice: what is skipped is only counted, and
// what comes after the page, too. Without a filter, no more is read for the page than it has.
const queryPage = async ({ limit, offset, ascending }, partition, start) => {
  const { index, key, from, to, filter, names, values } = partition;
  const items = [];
  let total = 0;
  // DynamoDB refuses a range that ends before it begins.
  if (from > to) {
    return { items, total };
  }
  const range = rangeOf(from, to);
  do {
    const missing = limit - items.length;
    const skipped = Math.max(offset - total, 0);
    const isUnfiltered = filter.length === 0;
    const isCounted = missing === 0 || (isUnfiltered && skipped > 0);
    const { Items: found = [], Count: count, LastEvaluatedKey: last } = await client.send(
      new QueryCommand({
        TableName: TABLE,
        IndexName: index,
        KeyConditionExpression: ['#partition = :partition', ...range.conditions].join(' AND '),
        FilterExpression: isUnfiltered ? undefined : filter.join(' AND '),
        ExpressionAttributeNames: {
          ...names,
          '#partition': key.name,
          ...(isCounted ? {} : { '#action': 'action' }),
        },
        ExpressionAttributeValues: { ...values, ...range.values, ':partition': key.value },
        ...(isCounted ? { Select: 'COUNT' } : { ProjectionExpression: SHOWN }),
        // Without a filter, the database counts no more than it is told to.
        Limit: Math.min(isUnfiltered && missing > 0 ? skipped || missing : EXAMINED, EXAMINED),
        ScanIndexForward: ascending,
        ExclusiveStartKey: start,
      }),
    );
    total += count;
    items.push(...found.slice(skipped, skipped + missing));
    start = last;
  } while (start);
  return { items, total };
};

// The entries as they are shown, with the names of their users, projects and environments.
const withNames = async (items) => {
  const kinds = { user: 'userId', project: 'projectId', environment: 'environmentId' };
  const keys = new Set();
  for (const item of items) {
    for (const [kind, attribute] of Object.entries(kinds)) {
      if (item[attribute] !== undefined) {
        keys.add(`${kind}#${item[attribute]}`);
      }
    }
  }
  const names = await readNames([...keys]);
  return items.map((item) => {
    const user = names.get(`user#${item.userId}`);
    const slugAndName = (found) => (found ? { slug: found.slug, name: found.name } : null);
    return {
      id: item.id,
      userId: item.userId,
      projectId: item.projectId ?? null,
      environmentId: item.environmentId ?? null,
      user: user ? { id: user.id, name: user.name, profileImage: user.profileImage ?? null } : null,
      project: slugAndName(names.get(`project#${item.projectId}`)),
      environment: slugAndName(names.get(`environment#${item.environmentId}`)),
      resourceType: item.resourceType ?? null,
      resourceId: item.resourceId ?? null,
      action: item.action,
      description: item.description ?? null,
      metadata: item.metadata === undefined ? null : JSON.parse(item.metadata),
      createdAt: item.createdAtId.split('#')[0],
    };
  });
};

const readNames = async (keys) => {
  const names = new Map();
  for (let first = 0; first < keys.length; first += 100) {
    let unread = { [DIRECTORY_TABLE]: { Keys: keys.slice(first, first + 100).map((key) => ({ key })) } };
    while (Object.keys(unread).length > 0) {
      const { Responses: found, UnprocessedKeys: rest = {} } = await client.send(
        new BatchGetCommand({ RequestItems: unread }),
      );
      for (const item of found[DIRECTORY_TABLE] ?? []) {
        names.set(item.key, item);
      }
      unread = rest;
    }
  }
  return names;
};

// The item of a message. Its id is a part of the hash of the message's, and its time is that at which the
// message was sent: a message that comes twice is the same entry.
const toItem = ({ messageId, body, attributes }) => {
  const activity = JSON.parse(body);
  const hash = createHash('sha256').update(messageId).digest().readBigUInt64BE();
  const id = Math.max(Number(hash >> 11n), 1);
  const createdAt = new Date(Number(attributes.SentTimestamp)).toISOString();
  const { userId, projectId, environmentId, metadata } = activity;
  const isInEnvironment = projectId != null && environmentId != null;
  return {
    id,
    userId,
    projectId: projectId ?? undefined,
    environmentId: environmentId ?? undefined,
    userProjectEnvironment: isInEnvironment ? `${userId}#${projectId}#${environmentId}` : undefined,
    resourceType: activity.resourceType ?? undefined,
    resourceId: activity.resourceId ?? undefined,
    action: activity.action,
    description: activity.description ?? undefined,
    metadata: metadata == null ? undefined : JSON.stringify(metadata),
    ipAddress: activity.ipAddress ?? undefined,
    userAgent: activity.userAgent ?? undefined,
    createdAtId: `${createdAt}#${String(id).padStart(16, '0')}`,
  };
};

const write = async (items) => {
  if (items.length === 1) {
    await client.send(new PutCommand({ TableName: TABLE, Item: items[0] }));
    return;
  }
  for (let first = 0; first < items.length; first += 25) {
    const puts = items.slice(first, first + 25).map((Item) => ({ PutRequest: { Item } }));
    let unwritten = { [TABLE]: puts };
    while (Object.keys(unwritten).length > 0) {
      const { UnprocessedItems: rest = {} } = await client.send(
        new BatchWriteCommand({ RequestItems: unwritten }),
      );
      unwritten = rest;
    }
  }
};
