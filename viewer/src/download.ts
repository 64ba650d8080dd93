// What is filtered, as a file.

import { LitElement, html, unsafeCSS, type PropertyValues, type TemplateResult } from 'lit';
import { Failure, type Client } from './client.js';
import { UTF8_MARK } from './csv.js';
import type { Dates } from './dates.js';
import { controls } from './controls.js';
import styles from './download.css';
import { placeMenu } from './menu.js';
import { parameters, type Query } from './query.js';
import type { Texts } from './texts.js';
import { TYPES, walk, type Format, type Part } from './walk.js';

/** Where the pages of a download go. */
interface Sink {
  write(part: Uint8Array<ArrayBuffer> | string): Promise<void>;
  /** Makes the file what was written. */
  close(): Promise<void>;
  /** Leaves no file. */
  abort(): Promise<void>;
}

/** How a download stands, or how it ended. */
type Status =
  | { kind: 'running'; done: number; total: number }
  | { kind: 'downloaded'; done: number }
  | { kind: 'incomplete'; done: number; total: number }
  | { kind: 'cancelled' | 'rewritten' }
  | { kind: 'failed'; message: string };

/** How often the progress is read out, in milliseconds. */
const ANNOUNCED_EVERY = 5_000;

export class ActivityLogDownload extends LitElement {
  static override properties = {
    client: { attribute: false },
    query: { attribute: false },
    texts: { attribute: false },
    dates: { attribute: false },
    status: { state: true },
  };
  static override styles = [controls, unsafeCSS(styles)];

  declare client: Client | undefined;
  /** What is downloaded, as it is when the download starts. */
  declare query: Query;
  declare texts: Texts;
  declare dates: Dates;
  declare private status: Status | null;
  #stop: AbortController | null = null;
  #announced = { text: '', at: 0 };

  constructor() {
    super();
    this.status = null;
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stop?.abort();
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    // The end of a download of another list is of no interest any more.
    if (changed.has('query') && this.status?.kind !== 'running') this.status = null;
  }

  protected override render(): TemplateResult {
    const { texts, status } = this;
    const isRunning = status?.kind === 'running';
    const text = status ? this.#say(status) : '';
    return html`
      ${isRunning
        ? html`<progress aria-label=${texts('download')} max=${status.total || 1} .value=${status.done}></progress>
            <span class="text" aria-hidden="true">${text}</span>
            <button id="cancel" part="button" @click=${() => this.#stop?.abort()}>${texts('cancel')}</button>`
        : html`<button id="open" part="button download" popovertarget="menu" ?disabled=${!this.client}>
              <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 2v8M4.5 7 8 10.5 11.5 7m-9 6.5h11" /></svg>
              ${texts('download')}
            </button>
            <div id="menu" popover @beforetoggle=${(event: ToggleEvent) => placeMenu(event, 'end')}>
              ${this.#choice('csv', 'CSV')} ${this.#choice('ndjson', 'NDJSON')}
            </div>`}
      <span aria-live="polite" class=${isRunning ? 'unseen' : `text ${status?.kind ?? ''}`}>
        ${isRunning ? this.#announce(text) : text}
      </span>
    `;
  }

  #choice(format: Format, name: string): TemplateResult {
    return html`<button ?autofocus=${format === 'csv'} @click=${() => this.#start(format)}>
      <b>${name}</b> <small>${this.texts(format)}</small>
    </button>`;
  }

  #say(status: Status): string {
    const { texts, dates } = this;
    switch (status.kind) {
      case 'running':
      case 'incomplete': {
        const values = { done: dates.number(status.done), total: dates.number(status.total) };
        if (status.kind === 'incomplete') return texts('incomplete', values);
        return status.total ? texts('progress', values) : texts('loading');
      }
      case 'downloaded':
        return texts('downloaded', { count: status.done });
      case 'cancelled':
        return texts('cancelled');
      case 'rewritten':
        return texts('downloadRewritten');
      case 'failed':
        return texts('downloadFailed', { message: status.message });
    }
  }

  /** The progress for a screen reader, which would otherwise read one page after the other. */
  #announce(text: string): string {
    if (Date.now() - this.#announced.at > ANNOUNCED_EVERY) this.#announced = { text, at: Date.now() };
    return this.#announced.text;
  }

  async #start(format: Format): Promise<void> {
    this.renderRoot.querySelector<HTMLElement>('#menu')?.hidePopover();
    const { client } = this;
    if (!client) return;
    const query = parameters(this.query);
    const time = new Date().toISOString().slice(0, 19).replaceAll(':', '');
    const sink = await openSink(`activities-${time}Z.${format}`, format);
    if (!sink) return;
    const stop = new AbortController();
    if (!this.isConnected) stop.abort();
    this.#stop = stop;
    const pages = walk(client, query, format, stop.signal);
    const status = await this.#write(sink, pages, format, stop.signal).catch((error: unknown) => {
      return ending(error, stop.signal);
    });
    if (status.kind !== 'downloaded') await sink.abort().catch(() => {});
    await this.#show(status);
  }

  /** Writes all pages, and closes the file if they are all there. */
  async #write(sink: Sink, pages: AsyncIterable<Part>, format: Format, signal: AbortSignal): Promise<Status> {
    let done = 0;
    let total = 0;
    this.#announced = { text: '', at: 0 };
    await this.#show({ kind: 'running', done, total });
    if (format === 'csv') await sink.write(UTF8_MARK);
    for await (const part of pages) {
      await sink.write(part.bytes);
      done += part.count;
      total = part.total;
      this.status = { kind: 'running', done, total };
    }
    if (done !== total) return { kind: 'incomplete', done, total: total || 0 };
    signal.throwIfAborted();
    await sink.close();
    return { kind: 'downloaded', done };
  }

  /** Shows a status; the focus goes from the button that leaves to the one that comes. */
  async #show(status: Status): Promise<void> {
    const root = this.renderRoot as ShadowRoot;
    const hasFocus = root.activeElement !== null;
    this.status = status;
    await this.updateComplete;
    if (hasFocus) root.querySelector<HTMLElement>('#cancel, #open')?.focus();
  }
}

/** How a download ended that failed. */
function ending(error: unknown, signal: AbortSignal): Status {
  if (signal.aborted) return { kind: 'cancelled' };
  if (error instanceof Failure && error.status === 409) return { kind: 'rewritten' };
  return { kind: 'failed', message: error instanceof Error ? error.message : String(error) };
}

/** A file that someone chooses, or else one in memory; `null` if they choose none. */
async function openSink(name: string, format: Format): Promise<Sink | null> {
  const { showSaveFilePicker } = window as Window & {
    showSaveFilePicker?: (options: object) => Promise<FileSystemFileHandle & { remove?(): Promise<void> }>;
  };
  if (!showSaveFilePicker) return memory(name, format);
  try {
    const file = await showSaveFilePicker({
      suggestedName: name,
      types: [{ accept: { [TYPES[format]]: [`.${format}`] } }],
    });
    const stream = await file.createWritable();
    return {
      write: (part) => stream.write(part),
      close: () => stream.close(),
      async abort() {
        await stream.abort();
        // The browser has made an empty file. One that had something in it stays as it was.
        if ((await file.getFile()).size === 0) await file.remove?.();
      },
    };
  } catch (error) {
    // A frame of another origin may not ask, and some policies forbid it.
    return error instanceof Error && error.name === 'AbortError' ? null : memory(name, format);
  }
}

/** Collects a file as blobs, which the browser may keep on disk, and saves it when it is whole. */
function memory(name: string, format: Format): Sink {
  const parts: Blob[] = [];
  return {
    async write(part) {
      parts.push(new Blob([part]));
    },
    async close() {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob(parts, { type: TYPES[format] }));
      link.download = name;
      link.click();
      // The browser reads it after the click.
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    },
    async abort() {
      parts.length = 0;
    },
  };
}

customElements.define('activity-log-download', ActivityLogDownload);
