// The bar above the list that says what is wrong.

import { html, nothing, type TemplateResult } from 'lit';
import type { Trouble } from './client.js';
import type { List } from './list.js';
import type { Key, Texts } from './texts.js';

/** What troubles tell of themselves. */
export interface TroubleActions {
  /** There is something else to render. */
  changed(): void;
  /** There is no good token. */
  unauthorized(): void;
}

/** Knows what is wrong, and shows the worst of it. */
export class Troubles {
  /** Whether the log was rewritten, and what is shown was read again. */
  isRewritten = false;
  /** Why requests wait. */
  #trouble: Trouble | null = null;

  constructor(private readonly actions: TroubleActions) {}

  /** Takes a trouble of the client, or its end. */
  report(trouble: Trouble | null): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (trouble?.kind === 'unauthorized') this.actions.unauthorized();
    this.actions.changed();
  }

  render(texts: Texts, list: List | null): TemplateResult | typeof nothing {
    const bar = (kind: string, text: string, key?: Key, act?: () => void) => html`
      <div part="trouble" class="trouble" data-kind=${kind} role="alert">
        <span>${text}</span>
        ${key ? html`<button part="button" @click=${act}>${texts(key)}</button>` : nothing}
      </div>
    `;
    const trouble = this.#trouble;
    if (trouble) {
      const wait = trouble.kind === 'busy' ? trouble.until - Date.now() : 0;
      const seconds = Math.max(Math.ceil(wait / 1_000), 1);
      return bar(trouble.kind, texts(trouble.kind, { seconds }));
    }
    if (list?.failure) {
      const { message } = list.failure;
      return bar('failed', texts('failed', { message }), 'retry', () => list.retry());
    }
    return this.isRewritten ? bar('rewritten', texts('rewritten'), 'dismiss', this.#dismiss) : nothing;
  }

  readonly #dismiss = () => {
    this.isRewritten = false;
    this.actions.changed();
  };
}
