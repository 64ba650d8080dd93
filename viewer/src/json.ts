// Metadata may have integers of 64 bits, which a number of JavaScript rounds from 2^53 on.

type Reviver = (key: string, value: unknown, context?: { source?: string }) => unknown;

/**
 * The value of a JSON text, as JSON.parse gives it, except that an integer which a number would round
 * is a bigint. Browsers that do not show a reviver the source (before Chrome 114, Firefox 135, Safari
 * 18.4) round it still.
 */
export function parseExactly(text: string): unknown {
  const reviver: Reviver = (_, value, context) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context?.source ?? 0)
      : value;
  return JSON.parse(text, reviver);
}
