// The limits of the log, as its recorder has them.

/** The largest id: the largest integer that every JSON reader keeps exact. */
export const MAX_ID = Number.MAX_SAFE_INTEGER;
/** The latest time of the log, 9999-12-30T22:00:00.000Z, in milliseconds since 1970. */
export const MAX_TIME = 253_402_207_200_000;

// Bytes of UTF-8.
export const NAME = 64;
export const DESCRIPTION = 1_024;
export const USER_AGENT = 512;
export const METADATA = 4_096;
export const IDEMPOTENCY_KEY = 128;

/** How many objects and arrays of `metadata` may stand in each other, the whole counted. */
export const METADATA_DEPTH = 32;
