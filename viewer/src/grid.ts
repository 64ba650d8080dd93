// The rows: which of them are drawn, how, and how the keyboard moves through them.

import { html, nothing, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Activity } from './activity.js';
import type { Language } from './language.js';
import { emptiness } from './length.js';
import type { List } from './list.js';
import type { Query } from './query.js';
import type { Key, Texts } from './texts.js';
import type { Viewport } from './viewport.js';

/** How many rows are drawn above and below the window. */
export const MARGIN = 8;

/** The columns, each with the key of its name. */
const COLUMNS: Key[] = [
  'number',
  'time',
  'action',
  'resource',
  'description',
  'project',
  'environment',
];

/** What rows show. */
export interface GridContent {
  list: List | null;
  language: Language;
  /** The id of the entry that is open. */
  open: number | null;
}

/** What someone asks for in a row. */
export interface GridActions {
  /** There is something else to render. */
  changed(): void;
  filter(change: Partial<Query>): void;
  open(entry: Activity, takesFocus: boolean): void;
  close(): void;
}

/** Draws the rows in a viewport and moves the focus among them. Rows are known by their ranks. */
export class Grid {
  /** The row that has the focus, or had it last. */
  #focused: number | null = null;
  /** Whether the focus goes to that row when it is drawn. */
  #takesFocus = false;

  constructor(
    private readonly viewport: Viewport,
    private readonly actions: GridActions,
  ) {}

  /** Forgets which row had the focus last. */
  forget(): void {
    this.#focused = null;
  }

  /** Makes a row the one that had the focus last, so that Tab comes to it. */
  mark(rank: number): void {
    this.#focused = rank;
  }

  /** Gives the focus to a row, once it is drawn. */
  focus(rank: number): void {
    this.#focused = rank;
    this.#takesFocus = true;
  }

  /** Gives the focus back to the row that had it last, or else to the first in the window. */
  refocus(): void {
    this.#takesFocus = true;
  }

  /** Gives the focus to the row that waits for it; called when rows were drawn into `root`. */
  updated(root: ParentNode): void {
    if (!this.#takesFocus) return;
    this.#takesFocus = false;
    root.querySelector<HTMLElement>('[data-rank][tabindex="0"]')?.focus({ preventScroll: true });
  }

  render(content: GridContent): TemplateResult {
    const { list } = content;
    const { texts, dates } = content.language;
    const rows = list?.ranks.shown ?? 0;
    return html`
      <div class="grid" role="grid" aria-label=${texts('list')} aria-rowcount=${rows + 1}
        aria-colcount=${COLUMNS.length} aria-busy=${!list?.isCounted}
        @keydown=${(event: KeyboardEvent) => this.#onKey(event, content)}>
        <div role="rowgroup">
          <div role="row" class="row head" part="head" aria-rowindex="1">
            ${COLUMNS.map(
              (key, index) => html`
                <div role="columnheader" class=${key} aria-colindex=${index + 1}>
                  ${texts(key, { zone: dates.zoneName })}
                </div>
              `,
            )}
          </div>
        </div>
        <div role="rowgroup" class="scroller" part="scroller" tabindex="-1" @scroll=${this.viewport.scrolled}>
          <div class="spacer" role="presentation" .style=${`block-size:${this.viewport.scroll.height}px`}>
            <div class="window" role="presentation">
              ${list
                ? repeat(this.#drawn(list), (rank) => rank, (rank) => this.#row(rank, list, content))
                : nothing}
            </div>
          </div>
          <div class="row probe" aria-hidden="true"></div>
        </div>
        ${this.#bubble(content)}
        ${list?.isCounted && rows === 0 ? html`<p class="empty">${emptiness(texts, list.query)}</p>` : nothing}
      </div>
    `;
  }

  /** The ranks of the rows to draw: those in the window, some more, and the one that has the focus. */
  #drawn({ ranks }: List): number[] {
    const { scroll } = this.viewport;
    const first = Math.max(scroll.first - MARGIN, 0);
    const end = Math.min(scroll.end + MARGIN, ranks.shown);
    const drawn: number[] = [];
    for (let index = first; index < end; index += 1) drawn.push(ranks.rank(index));
    const focused = this.#focused;
    if (focused !== null && focused <= ranks.shown) {
      const index = ranks.index(focused);
      if (index < first) drawn.unshift(focused);
      else if (index >= end) drawn.push(focused);
    }
    return drawn;
  }

  #row(rank: number, { ranks }: List, { language, open }: GridContent): TemplateResult {
    const { scroll } = this.viewport;
    const index = ranks.index(rank);
    const entry = ranks.entry(rank);
    const isStop = rank === (this.#focused ?? ranks.rank(scroll.first));
    return html`
      <div role="row" class="row" part="row" aria-rowindex=${index + 2} data-rank=${rank}
        data-id=${entry?.id ?? nothing} ?data-skeleton=${!entry} tabindex=${isStop ? 0 : -1}
        aria-selected=${entry !== undefined && entry.id === open}
        .style=${`transform:translateY(${scroll.place(index)}px)`}
        @focus=${() => this.#onFocus(rank)} @click=${() => this.#onClick(rank, entry)}>
        ${cell(0, language.dates.number(rank))}
        ${entry ? this.#cells(entry, language) : skeleton(rank, language.texts)}
      </div>
    `;
  }

  #cells(entry: Activity, { dates }: Language): TemplateResult[] {
    const { project, environment } = entry;
    const id = entry.resourceId === null ? '' : ` ${entry.resourceId}`;
    const place = (name: string, change: { projectSlug: string; environmentSlug: string }) => html`
      <button class="link" tabindex="-1" title=${change.environmentSlug || change.projectSlug}
        @click=${(event: Event) => {
          event.stopPropagation();
          this.actions.filter(change);
        }}><bdi>${name}</bdi></button>
    `;
    const inProject = { projectSlug: project?.slug ?? '', environmentSlug: '' };
    const contents = [
      html`<time datetime=${entry.createdAt}>${dates.short(entry.createdAt)}</time>`,
      html`<span class="action-name" data-action=${entry.action}>${entry.action}</span>`,
      `${entry.resourceType ?? ''}${id}`,
      html`<bdi>${entry.description ?? ''}</bdi>`,
      project ? place(project.name, inProject) : (entry.projectId ?? ''),
      environment && project
        ? place(environment.name, { ...inProject, environmentSlug: environment.slug })
        : (environment?.name ?? entry.environmentId ?? ''),
    ];
    return contents.map((content, index) => cell(index + 1, content));
  }

  /** The time, or at least the rank, of the row at the top, beside the thumb while it moves. */
  #bubble({ list, language: { dates } }: GridContent): TemplateResult | typeof nothing {
    if (!this.viewport.hasBubble || !list) return nothing;
    const rank = list.ranks.rank(this.viewport.scroll.first);
    const time = list.timeOf(rank);
    const text = time === null ? dates.number(rank) : dates.short(time);
    return html`<div part="bubble" class="bubble" aria-hidden="true">${text}</div>`;
  }

  #onFocus(rank: number): void {
    if (this.#focused === rank) return;
    this.#focused = rank;
    this.actions.changed();
  }

  #onClick(rank: number, entry: Activity | undefined): void {
    this.#focused = rank;
    if (entry) this.actions.open(entry, false);
  }

  #onKey(event: KeyboardEvent, { list, open }: GridContent): void {
    const ranks = list?.ranks;
    if (!ranks?.shown || event.altKey || event.ctrlKey || event.metaKey) return;
    const target = event.target as HTMLElement;
    const { scroll } = this.viewport;
    const index = this.#focused === null ? scroll.first : ranks.index(this.#focused);
    const moves: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + scroll.page,
      PageUp: index - scroll.page,
      Home: 0,
      End: ranks.shown - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      const within = Math.min(Math.max(to, 0), ranks.shown - 1);
      this.focus(ranks.rank(within));
      this.viewport.show(within);
    } else if (event.key === 'Enter' && !target.closest('button')) {
      const entry = ranks.entry(ranks.rank(index));
      if (entry) this.actions.open(entry, true);
    } else if (event.key === 'Escape' && open !== null) {
      this.actions.close();
    } else {
      return;
    }
    event.preventDefault();
  }
}

function cell(column: number, content: unknown): TemplateResult {
  return html`<div role="gridcell" class=${COLUMNS[column]!} aria-colindex=${column + 1}>${content}</div>`;
}

/** The cells of an entry that is not loaded yet. */
function skeleton(rank: number, texts: Texts): TemplateResult[] {
  const bone = html`<span class="bone"></span>`;
  const first = html`<span class="unseen">${texts('loadingRow', { number: rank })}</span> ${bone}`;
  return COLUMNS.slice(1).map((_, index) => cell(index + 1, index === 0 ? first : bone));
}
