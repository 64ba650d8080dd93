// The panel beside the list: the entry that is open, and what a list does not have of it.

import { html, type TemplateResult } from 'lit';
import type { Activity } from './activity.js';
import type { Client } from './client.js';
import type { Wanted } from './details.js';
import { parseExactly } from './json.js';
import type { Language } from './language.js';
import { PARTS } from './parts.js';
import type { Query } from './query.js';

/** What someone asks for in a panel. */
export interface PanelActions {
  close(): void;
  filter(change: Partial<Query>): void;
  /** Shows the entry among all others. */
  showInContext(entry: Activity): void;
}

/** Loads and shows one entry. */
export class Panel {
  #id: number | null = null;
  /** The entry as the list has it, or as it was loaded. */
  #entry: Activity | null = null;
  /** The entry with `include=client`, or how far that is. */
  #more: Activity | 'loading' | 'failed' = 'loading';
  #loading = new AbortController();

  constructor(private readonly actions: PanelActions) {}

  /** Takes the entry with an id, which a list may have already. */
  open(id: number, known: Activity | null): void {
    this.stop();
    this.#loading = new AbortController();
    this.#id = id;
    if (known || this.#entry?.id !== id) this.#entry = known;
    this.#more = 'loading';
  }

  close(): void {
    this.stop();
    this.#id = null;
    this.#entry = null;
  }

  /** Ends the request for the entry. */
  stop(): void {
    this.#loading.abort();
  }

  /** Loads what is missing of the entry, unless it is closed or opened again meanwhile. */
  async load(client: Client | null): Promise<void> {
    const id = this.#id;
    const { signal } = this.#loading;
    if (id === null || !client) return;
    try {
      const response = await client.request(new URLSearchParams({ include: 'client' }), { id, signal });
      const { data } = parseExactly(await response.text()) as { data: Activity };
      if (signal.aborted) return;
      this.#entry ??= data;
      this.#more = data;
    } catch {
      if (!signal.aborted) this.#more = 'failed';
    }
  }

  /** `href` is the address of the entry; without it there is no link. */
  render({ texts, dates }: Language, href: string): TemplateResult {
    const entry = this.#entry;
    if (!entry) {
      const key = this.#more === 'failed' ? 'entryFailed' : 'loading';
      return html`
        <div class="panel" part="panel" @keydown=${this.#onKey}>
          <p>${texts(key, { id: String(this.#id) })}</p>
          <button part="button" @click=${this.actions.close}>${texts('close')}</button>
        </div>
      `;
    }
    return html`
      <activity-log-details part="panel" exportparts=${PARTS} .entry=${entry} .more=${this.#more}
        .href=${href} .texts=${texts} .dates=${dates} @close=${this.actions.close}
        @filter=${(event: CustomEvent<Wanted>) => this.actions.filter(changeOf(event.detail))}
        @context=${() => this.actions.showInContext(entry)}>
      </activity-log-details>
    `;
  }

  /** Closes the panel as the one of an entry that is there closes itself. */
  readonly #onKey = (event: KeyboardEvent) => {
    if (event.key !== 'Escape') return;
    event.preventDefault();
    this.actions.close();
  };
}

/** What a click on a value changes of the filters. */
export function changeOf({ projectSlug, environmentSlug = '', resourceType, action }: Wanted): Partial<Query> {
  return {
    ...(projectSlug === undefined ? {} : { projectSlug, environmentSlug }),
    ...(resourceType === undefined ? {} : { resourceType: [resourceType] }),
    ...(action === undefined ? {} : { action: [action] }),
  };
}
