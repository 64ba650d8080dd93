// Errors that a caller may want to tell apart.

/** A message that was not accepted. What is known of it is sent again under the same deduplication id. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';

  constructor(
    /**
     * The message: its group, its deduplication id and its JSON text. If the user was not found in time,
     * there is no group, and the text has no `userId`.
     */
    readonly sent: { readonly user: string | undefined; readonly id: string; readonly body: string },
    cause: unknown,
  ) {
    super(`the activity was not accepted by the queue: ${describe(cause)}`, { cause });
  }
}

/** A line about an error; never more of it than its name and its message. */
export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
