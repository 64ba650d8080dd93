// Addresses: found in what proxies, servers and event sources write.

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
const EDGE = /^[\p{White_Space}"]+|[\p{White_Space}"]+$/gu;

/** An IPv4 or IPv6 address. */
interface Address {
  /** As a message has it: an IPv4 address within an IPv6 address is the IPv4 address. */
  text: string;
  /** 4 or 16 of them. */
  bytes: number[];
}

/**
 * The address that `text` has: with or without port, brackets, zone and spaces around it. Of a list,
 * the last public address, since a client may write anything before what its proxies add; or else the last.
 * An address that can be read as it is stays as it is.
 */
export function findAddress(text: string): string | undefined {
  const found = text.split(',').map(oneAddress).filter((address) => address !== undefined);
  return (found.findLast(isPublic) ?? found.at(-1))?.text;
}

/**
 * The address of a client: that of the peer; or, behind trusted proxies, what the outermost of them
 * wrote into `X-Forwarded-For`. Each proxy adds its peer at the end of the header. So this counts from the
 * right, and never reaches what a client wrote.
 *
 * If fewer proxies were passed than are trusted, the first address of the header is the client's.
 */
export function clientAddress(
  peer: string | undefined,
  forwarded: string | undefined,
  trustedHops: number,
): string | undefined {
  const hops = forwarded && trustedHops > 0 ? forwarded.split(',').reverse() : [];
  const client = [peer ?? '', ...hops][Math.min(trustedHops, hops.length)];
  return client === undefined ? undefined : oneAddress(client)?.text;
}

function oneAddress(text: string): Address | undefined {
  const trimmed = text.replace(EDGE, '');
  // One colon is before a port; an IPv6 address has two at least.
  const host = trimmed.startsWith('[')
    ? trimmed.slice(1).split(']', 1)[0]
    : (/^([^:]*):[0-9]*$/.exec(trimmed)?.[1] ?? trimmed.replace(/\]+$/, ''));
  return parse(host?.replace(/^"+|"+$/g, '').split('%', 1)[0] ?? '');
}

function parse(text: string): Address | undefined {
  const v4 = parseV4(text);
  if (v4) return { text, bytes: v4 };
  const v6 = parseV6(text);
  if (!v6) return undefined;
  if (!MAPPED.every((byte, at) => v6[at] === byte)) return { text, bytes: v6 };
  const bytes = v6.slice(MAPPED.length);
  return { text: bytes.join('.'), bytes };
}

function parseV4(text: string): number[] | undefined {
  const parts = text.split('.');
  const isByte = (part: string) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256;
  return parts.length === 4 && parts.every(isByte) ? parts.map(Number) : undefined;
}

/** RFC 4291, section 2.2: eight groups, of which `::` stands for one at least. */
function parseV6(text: string): number[] | undefined {
  const [before = '', after, ...more] = text.split('::');
  if (more.length > 0) return undefined;
  const head = parseGroups(before, after === undefined);
  const tail = after === undefined ? [] : parseGroups(after, true);
  if (!head || !tail) return undefined;
  const gap = 16 - head.length - tail.length;
  if (after === undefined ? gap !== 0 : gap < 2) return undefined;
  return [...head, ...Array<number>(gap).fill(0), ...tail];
}

function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  const bytes: number[] = [];
  const groups = text === '' ? [] : text.split(':');
  for (const [at, group] of groups.entries()) {
    const v4 = isEnd && at === groups.length - 1 ? parseV4(group) : undefined;
    if (!v4 && !/^[0-9a-f]{1,4}$/i.test(group)) return undefined;
    const value = Number.parseInt(group, 16);
    bytes.push(...(v4 ?? [value >> 8, value & 0xff]));
  }
  return bytes;
}

/** Whether an address is not private, loopback, link-local or shared (RFC 6890, RFC 4193). */
function isPublic({ bytes }: Address): boolean {
  const [a = 0, b = 0] = bytes;
  const isUnspecified = bytes.every((byte) => byte === 0);
  if (bytes.length === 4) {
    const isPrivate = a === 10 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168);
    const isShared = a === 100 && b >= 64 && b < 128;
    const isLinkLocal = a === 169 && b === 254;
    return !(isPrivate || isShared || isLinkLocal || a === 127 || isUnspecified);
  }
  const isLoopback = bytes.every((byte, at) => byte === (at === 15 ? 1 : 0));
  const isUniqueLocal = (a & 0xfe) === 0xfc;
  const isLinkLocal = a === 0xfe && (b & 0xc0) === 0x80;
  return !(isUniqueLocal || isLinkLocal || isLoopback || isUnspecified);
}
