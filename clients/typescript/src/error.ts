// Errors that a caller may want to tell apart.

/** A message that was not accepted. What is known of it is sent again under the same deduplication id. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';

  constructor(
    /** The message: its group, its deduplication id and its JSON text. */
    readonly sent: { readonly user: string; readonly id: string; readonly body: string },
    cause: unknown,
  ) {
    super(`the activity was not accepted by the queue: ${describe(cause)}`, { cause });
  }
}

/** A line about an error; never more of it than its name and its message. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
