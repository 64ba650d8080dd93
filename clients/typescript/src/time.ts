// Times of the log: whole milliseconds since 1970, in UTC.

import { MAX_TIME } from './limits.js';

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/**
 * The time that a `Date`, milliseconds since 1970 or a text of RFC 3339 stands for, in milliseconds
 * since 1970; `undefined` if it is none, or is before 1970 or after the year 9999.
 */
export function readTime(value: unknown): number | undefined {
  let time: unknown = value;
  if (value instanceof Date) time = value.getTime();
  if (typeof value === 'string') time = parse(value);
  const isTime = Number.isInteger(time) && Number(time) >= 0 && Number(time) <= MAX_TIME;
  return isTime ? Number(time) : undefined;
}

function parse(text: string): number | undefined {
  const [whole, ...parts] = RFC_3339.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const number = (at: number) => Number(parts[at] ?? 0);
  const [year, month, day, hour, minute] = [0, 1, 2, 3, 4].map(number) as [number, number, number, number, number];
  const [offsetHour, offsetMinute] = [number(8), number(9)];
  const isLeap = number(5) === 60;
  const second = isLeap ? 59 : number(5);
  const isInRange = hour < 24 && minute < 60 && second < 60 && offsetHour < 24 && offsetMinute < 60;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const isDate = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  if (!isInRange || !isDate) return undefined;
  const offset = (offsetHour * 60 + offsetMinute) * 60_000 * (parts[7] === '-' ? -1 : 1);
  // Digits beyond the millisecond are cut off.
  const millis = Number((parts[6] ?? '').slice(0, 3).padEnd(3, '0'));
  const start = date.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000 - offset;
  if (!isLeap) return start + millis;
  // A leap second is the last of a month in UTC (RFC 3339, appendix D), and counts as the first of the next.
  const next = new Date(start + 1_000);
  const isFirst = next.getTime() % 86_400_000 === 0 && next.getUTCDate() === 1;
  return isFirst ? next.getTime() + millis : undefined;
}
