// <activity-log src="…/api/activities">: a log with exact totals and a true scrollbar over all of it.

import { html, LitElement, nothing, unsafeCSS, type PropertyValues, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { Activity, Facets } from './activity.js';
import { controls } from './controls.js';
import styles from './activity-log.css';
import { Client, Failure, type TokenSource, type Trouble } from './client.js';
import { Dates } from './dates.js';
import type { Filters, Project } from './filters.js';
import './filters.js';
import { parseExactly } from './json.js';
import { List, type Reader } from './list.js';
import { keepFocus } from './menu.js';
import { EVERYTHING, format, parameters, parse, type Query, type View } from './query.js';
import { Scroll } from './scroll.js';
import { texts, type Key, type Messages, type Texts } from './texts.js';

/** How many rows are drawn above and below the window. */
const MARGIN = 8;

/** For how long scrolling must rest until a page is asked for, in milliseconds. */
const REST = 150;

/** For how long after a turn of the wheel, or a move of a finger, scrolling is theirs, in milliseconds. */
const BY_HAND = 200;

/** For how long the date stays beside the thumb after it has moved, in milliseconds. */
const BUBBLE = 1_000;

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

/**
 * Shows a log. Properties: `src`, `token`, `state`, `projects`, `messages` and `link`. Events: `statechange`,
 * when `state` is another, and `unauthorized`, when there is no good token.
 */
export class ActivityLog extends LitElement implements Reader {
  static override styles = [controls, unsafeCSS(styles)];
  static override properties = {
    src: {},
    token: { attribute: false },
    state: { attribute: false, noAccessor: true },
    projects: { attribute: false },
    messages: { attribute: false },
    link: { attribute: false },
  };

  /** The address of the list, relative to the document. */
  declare src: string;
  /** Gives the token that requests carry; asked again when one was refused. */
  declare token: TokenSource | undefined;
  /** The projects to choose from, with their environments. */
  declare projects: readonly Project[];
  /** Messages in the language of the element, instead of its own. */
  declare messages: Messages;
  /** The address of a page that shows a state, for links to one entry; without it, there are none. */
  declare link: ((state: string) => string) | undefined;

  #view: View = parse('');
  #client: Client | null = null;
  #list: List | null = null;
  /** Those of the list, or of the one before until they are counted. */
  #facets: Facets | null = null;
  #texts: Texts = texts('en', {});
  #dates = new Dates('en', 'local');
  /** The messages of the language that come with the component. */
  #builtIn: Messages = {};
  readonly #scroll = new Scroll();
  #scroller: HTMLElement | null = null;
  readonly #sizes = new ResizeObserver(() => this.requestUpdate());
  /** Whether the thumb is on its way. */
  #isMoving = false;
  /** When the wheel was turned last, or a finger moved. */
  #movedAt = -Infinity;
  #hasBubble = false;
  #bubbleTimer: ReturnType<typeof setTimeout> | undefined;
  #direction: 'older' | 'newer' | 'around' = 'around';
  #restTimer: ReturnType<typeof setTimeout> | undefined;
  /** The rank of the row that has the focus, or had it last. */
  #focused: number | null = null;
  #takesFocus = false;
  /** The rank to go to once the list is there. */
  #pending: number | null = null;
  #trouble: Trouble | null = null;
  #isRewritten = false;
  #open: Activity | null = null;
  #more: Activity | 'loading' | 'failed' = 'loading';
  #announced = '';
  #goToError = '';
  #told = '';
  readonly #keys = (event: KeyboardEvent) => this.#onShortcut(event);
  readonly #input = () => this.#list?.touch();
  readonly #moved = () => (this.#movedAt = performance.now());

  constructor() {
    super();
    this.src = '';
    this.projects = [];
    this.messages = {};
  }

  /** What is looked at, as a query string: the filters, and `at`, `entry` and `zone`. */
  get state(): string {
    return format(this.#view);
  }

  set state(text: string) {
    const view = parse(text);
    if (format(view) === this.state) return;
    const before = this.#view;
    this.#view = view;
    this.#told = this.state;
    const isSameList = String(parameters(view.query)) === String(parameters(before.query));
    if (!isSameList) this.#restart();
    else if (view.at !== before.at) this.#goToRank(view.at);
    if (view.entry !== before.entry) void this.#openId(view.entry);
    this.requestUpdate();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    for (const kind of ['pointerdown', 'keydown', 'wheel']) {
      this.addEventListener(kind, this.#input, { passive: true });
    }
    this.addEventListener('keydown', this.#keys);
    for (const kind of ['wheel', 'touchmove']) {
      this.addEventListener(kind, this.#moved, { passive: true });
    }
    if (this.hasUpdated) this.#restart();
    // The panel, the strip and the download are not needed for the first rows.
    void import('./more.js').then(() => this.requestUpdate());
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#list?.stop();
    this.#list = null;
    this.#sizes.disconnect();
    this.#scroller = null;
    clearTimeout(this.#restTimer);
  }

  changed(): void {
    const list = this.#list;
    if (list?.isCounted && this.#pending !== null) {
      const rank = this.#pending;
      this.#pending = null;
      this.#goToRank(rank);
    }
    this.#facets = list?.facets ?? this.#facets;
    // At the top, what is new goes in by itself.
    if (list && list.ranks.news > 0 && this.#scroll.top === 0) list.ranks.show();
    this.requestUpdate();
  }

  rewritten(): void {
    this.#isRewritten = true;
    this.#close();
    this.#view = { ...this.#view, at: null };
    this.#restart();
    this.#tell();
  }

  protected override willUpdate(changes: PropertyValues): void {
    this.#speak(changes.has('messages'));
    this.#measure();
    const address = this.src && new URL(this.src, this.baseURI).href.replace(/\/$/, '');
    if (address && address !== this.#client?.address) {
      this.#client = new Client(address, (trouble) => this.#troubled(trouble));
      this.#client.authorize(this.token);
      this.#restart();
      if (this.#view.entry !== null) void this.#openId(this.#view.entry);
    } else if (changes.has('token')) {
      this.#client?.authorize(this.token);
    }
  }

  protected override render(): TemplateResult {
    const list = this.#list;
    const texts = this.#texts;
    const dates = this.#dates;
    return html`
      <activity-log-filters exportparts=${PARTS} .query=${this.#view.query}
        .facets=${this.#facets} .projects=${this.projects} .texts=${texts} .dates=${dates}
        @query=${(event: CustomEvent<Query>) => this.#filter(event.detail)}>
      </activity-log-filters>
      <div class="bar">
        <span part="total">${this.#total()}</span>
        ${list && list.ranks.news > 0
          ? html`<button part="button news" class="news" @click=${this.#showNews}>
              ${texts('news', { count: list.ranks.news })}
            </button>`
          : nothing}
        <span class="gap"></span>
        ${this.#goToForm()}
        <button part="button zone" @click=${this.#changeZone}
          title=${texts('zone', { zone: texts(this.#view.zone === 'utc' ? 'local' : 'utc') })}>
          ${dates.zoneName}
        </button>
        <activity-log-download exportparts=${PARTS} .client=${this.#client} .query=${this.#view.query}
          .texts=${texts} .dates=${dates}></activity-log-download>
      </div>
      ${this.#troubles()}
      <div class="body">
        <activity-log-strip exportparts=${PARTS} .histogram=${list?.histogram ?? null}
          .since=${this.#view.query.since} .until=${this.#view.query.until} .at=${this.#time()}
          .texts=${texts} .dates=${dates}
          @range=${(event: CustomEvent<{ since: string; until: string }>) =>
            this.#filter({ ...this.#view.query, ...event.detail })}>
        </activity-log-strip>
        ${this.#grid()} ${this.#panel()}
      </div>
      <div role="status" class="unseen">${this.#announced}</div>
    `;
  }

  protected override updated(): void {
    const scroller = this.renderRoot.querySelector<HTMLElement>('.scroller');
    if (scroller && scroller !== this.#scroller) {
      this.#scroller = scroller;
      this.#sizes.disconnect();
      this.#sizes.observe(scroller);
      this.#sizes.observe(this.renderRoot.querySelector('.probe')!);
    }
    if (!scroller) return;
    if (this.#measure()) this.requestUpdate();
    // The columns of the head are those of the rows, beside the scrollbar.
    const head = this.renderRoot.querySelector<HTMLElement>('.head')!;
    head.style.marginInlineEnd = `${scroller.offsetWidth - scroller.clientWidth}px`;
    if (Math.abs(scroller.scrollTop - this.#scroll.spacer) >= 1) {
      scroller.scrollTop = this.#scroll.spacer;
    }
    if (this.#takesFocus) {
      this.#takesFocus = false;
      this.#row(this.#focused)?.focus({ preventScroll: true });
    }
    this.#want();
  }

  // The list.

  #restart(): void {
    this.#list?.stop();
    this.#list = null;
    this.#focused = null;
    this.#isMoving = false;
    this.#scroll.goTo(0);
    if (!this.#client || !this.isConnected) return;
    this.#list = new List(this.#client, this.#view.query, this);
    this.#pending = this.#view.at;
    void this.#list.start(this.#pending === null);
    this.requestUpdate();
  }

  #filter(query: Query): void {
    if (String(parameters(query)) === String(parameters(this.#view.query))) return;
    this.#view = { ...this.#view, query, at: null };
    this.#isRewritten = false;
    this.#restart();
    this.#tell();
  }

  /** Loads what the window lacks, unless the thumb is on its way. */
  #want(): void {
    if (!this.#list || this.#isMoving) return;
    this.#list.want(this.#scroll.first - MARGIN, this.#scroll.end + MARGIN, this.#direction);
  }

  readonly #showNews = () => {
    this.#list?.ranks.show();
    this.#focused = null;
    this.#scroll.goTo(0);
    this.#rested();
  };

  #total(): string {
    const list = this.#list;
    if (!list?.isCounted) return list?.failure ? '' : this.#texts('counting');
    return this.#texts('total', { count: list.ranks.total });
  }

  // Scrolling.

  /** Takes the sizes of a row and of the window. Returns whether they are others than before. */
  #measure(): boolean {
    const probe = this.renderRoot.querySelector('.probe');
    const row = probe?.getBoundingClientRect().height ?? 0;
    const view = this.#scroller?.clientHeight ?? 0;
    return row > 0 && this.#scroll.resize(this.#list?.ranks.shown ?? 0, row, view);
  }

  readonly #scrolled = () => {
    const spacer = this.#scroller?.scrollTop ?? 0;
    // What this component has set.
    if (Math.abs(spacer - this.#scroll.spacer) < 1) return;
    const before = this.#scroll.top;
    const isByHand = performance.now() - this.#movedAt < BY_HAND;
    if (this.#scroll.scrolled(spacer, isByHand)) {
      this.#isMoving = true;
      this.#list?.rest();
      this.#showBubble();
    }
    this.#direction = this.#isMoving ? 'around' : this.#scroll.top < before ? 'newer' : 'older';
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => this.#rested(), REST);
    this.requestUpdate();
  };

  /** Scrolling has come to an end. */
  #rested(): void {
    clearTimeout(this.#restTimer);
    this.#isMoving = false;
    this.#scroll.settle();
    const at = this.#scroll.top === 0 ? null : (this.#list?.ranks.rank(this.#scroll.first) ?? null);
    this.#view = { ...this.#view, at };
    this.#tell();
    this.changed();
  }

  /** Puts the row of a rank at the top of the window; the newest if it is `null`. */
  #goToRank(rank: number | null): void {
    const ranks = this.#list?.ranks;
    if (!ranks || !this.#list?.isCounted) {
      this.#pending = rank;
      return;
    }
    this.#measure();
    const index = rank === null ? 0 : Math.min(Math.max(ranks.index(rank), 0), ranks.shown - 1);
    this.#direction = 'around';
    this.#scroll.goTo(index);
    this.#rested();
  }

  /** The time of the row at the top of the window, in milliseconds: of its entry, or as the histogram has it. */
  #time(): number | null {
    const list = this.#list;
    if (!list?.isCounted || list.ranks.shown === 0) return null;
    const rank = list.ranks.rank(this.#scroll.first);
    const entry = list.ranks.entry(rank);
    return entry ? Date.parse(entry.createdAt) : list.timeOf(rank);
  }

  #showBubble(): void {
    this.#hasBubble = true;
    clearTimeout(this.#bubbleTimer);
    this.#bubbleTimer = setTimeout(() => {
      this.#hasBubble = false;
      this.requestUpdate();
    }, BUBBLE);
  }

  #bubble(): TemplateResult | typeof nothing {
    if (!this.#hasBubble || !this.#list) return nothing;
    const time = this.#time();
    const rank = this.#list.ranks.rank(this.#scroll.first);
    const text = time === null ? this.#dates.number(rank) : this.#dates.short(time);
    return html`<div part="bubble" class="bubble" aria-hidden="true">${text}</div>`;
  }

  // Rows.

  #grid(): TemplateResult {
    const list = this.#list;
    const texts = this.#texts;
    const rows = list?.ranks.shown ?? 0;
    return html`
      <div class="grid" role="grid" aria-label=${texts('list')} aria-rowcount=${rows + 1}
        aria-colcount=${COLUMNS.length} aria-busy=${!list?.isCounted} @keydown=${this.#onKey}>
        <div role="rowgroup">
          <div role="row" class="row head" part="head" aria-rowindex="1">
            ${COLUMNS.map(
              (key, index) => html`
                <div role="columnheader" class=${key} aria-colindex=${index + 1}>
                  ${texts(key, { zone: this.#dates.zoneName })}
                </div>
              `,
            )}
          </div>
        </div>
        <div role="rowgroup" class="scroller" part="scroller" tabindex="-1" @scroll=${this.#scrolled}>
          <div class="spacer" role="presentation" .style=${`block-size:${this.#scroll.height}px`}>
            <div class="window" role="presentation">
              ${list ? repeat(this.#drawn(), (rank) => rank, (rank) => this.#renderRow(rank)) : nothing}
            </div>
          </div>
          <div class="row probe" aria-hidden="true"></div>
        </div>
        ${this.#bubble()}
        ${list?.isCounted && rows === 0 ? html`<p class="empty">${this.#emptiness()}</p>` : nothing}
      </div>
    `;
  }

  /** The ranks of the rows to draw: those in the window, some more, and the one that has the focus. */
  #drawn(): number[] {
    const ranks = this.#list!.ranks;
    const first = Math.max(this.#scroll.first - MARGIN, 0);
    const end = Math.min(this.#scroll.end + MARGIN, ranks.shown);
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

  #renderRow(rank: number): TemplateResult {
    const list = this.#list!;
    const index = list.ranks.index(rank);
    const entry = list.ranks.entry(rank);
    const isStop = rank === (this.#focused ?? list.ranks.rank(this.#scroll.first));
    return html`
      <div role="row" class="row" part="row" aria-rowindex=${index + 2} data-rank=${rank}
        data-id=${entry?.id ?? nothing} ?data-skeleton=${!entry} tabindex=${isStop ? 0 : -1}
        aria-selected=${entry !== undefined && entry.id === this.#view.entry}
        .style=${`transform:translateY(${this.#scroll.place(index)}px)`}
        @focus=${() => this.#onFocus(rank)} @click=${() => this.#onClick(rank)}>
        ${this.#cell(0, this.#dates.number(rank))} ${entry ? this.#cells(entry) : this.#skeleton(rank)}
      </div>
    `;
  }

  #cell(column: number, content: unknown): TemplateResult {
    return html`<div role="gridcell" class=${COLUMNS[column]!} aria-colindex=${column + 1}>${content}</div>`;
  }

  #cells(entry: Activity): TemplateResult[] {
    const type = entry.resourceType;
    const id = entry.resourceId === null ? '' : ` ${entry.resourceId}`;
    const place = (slug: string, name: string, filter: Partial<Query>) => html`
      <button class="link" tabindex="-1" title=${slug} @click=${(event: Event) => {
        event.stopPropagation();
        this.#filter({ ...this.#view.query, ...filter });
      }}><bdi>${name}</bdi></button>
    `;
    const { project, environment } = entry;
    const inProject = { projectSlug: project?.slug ?? '', environmentSlug: '' };
    const contents = [
      html`<time datetime=${entry.createdAt}>${this.#dates.short(entry.createdAt)}</time>`,
      html`<span class="action-name" data-action=${entry.action}>${entry.action}</span>`,
      `${type ?? ''}${id}`,
      html`<bdi>${entry.description ?? ''}</bdi>`,
      project ? place(project.slug, project.name, inProject) : (entry.projectId ?? ''),
      environment && project
        ? place(environment.slug, environment.name, {
            ...inProject,
            environmentSlug: environment.slug,
          })
        : (environment?.name ?? entry.environmentId ?? ''),
    ];
    return contents.map((content, index) => this.#cell(index + 1, content));
  }

  #skeleton(rank: number): TemplateResult[] {
    return COLUMNS.slice(1).map((_, index) =>
      this.#cell(
        index + 1,
        index === 0
          ? html`<span class="unseen">${this.#texts('loadingRow', { number: rank })}</span>
              <span class="bone"></span>`
          : html`<span class="bone"></span>`,
      ),
    );
  }

  #emptiness(): string {
    return this.#texts(String(parameters(this.#view.query)) ? 'nothing' : 'empty');
  }

  #row(rank: number | null): HTMLElement | null {
    return rank === null ? null : this.renderRoot.querySelector(`[data-rank="${rank}"]`);
  }

  // Keys.

  #onFocus(rank: number): void {
    if (this.#focused === rank) return;
    this.#focused = rank;
    this.requestUpdate();
  }

  #onClick(rank: number): void {
    this.#focused = rank;
    void this.#openEntry(this.#list?.ranks.entry(rank) ?? null);
  }

  readonly #onKey = (event: KeyboardEvent) => {
    const ranks = this.#list?.ranks;
    if (!ranks?.shown || event.altKey || event.ctrlKey || event.metaKey) return;
    const target = event.target as HTMLElement;
    if (target.closest('[role=columnheader]')) return;
    const index = this.#focused === null ? this.#scroll.first : ranks.index(this.#focused);
    const moves: Record<string, number> = {
      ArrowDown: index + 1,
      ArrowUp: index - 1,
      PageDown: index + this.#scroll.page,
      PageUp: index - this.#scroll.page,
      Home: 0,
      End: ranks.shown - 1,
    };
    const to = moves[event.key];
    if (to !== undefined) {
      this.#focusRow(Math.min(Math.max(to, 0), ranks.shown - 1));
    } else if (event.key === 'Enter' && !target.closest('button')) {
      void this.#openEntry(ranks.entry(ranks.rank(index)) ?? null, true);
    } else if (event.key === 'Escape' && this.#view.entry !== null) {
      this.#close();
    } else {
      return;
    }
    event.preventDefault();
  };

  #focusRow(index: number): void {
    const before = this.#scroll.top;
    this.#focused = this.#list!.ranks.rank(index);
    this.#takesFocus = true;
    this.#scroll.show(index);
    this.#direction = this.#scroll.top < before ? 'newer' : 'older';
    this.#rested();
  }

  #onShortcut(event: KeyboardEvent): void {
    const target = event.composedPath()[0] as HTMLElement;
    if (target.matches('input, select, textarea') || event.ctrlKey || event.metaKey) return;
    if (event.altKey) return;
    if (event.key === '/') {
      this.renderRoot.querySelector<Filters>('activity-log-filters')?.focus();
    } else if (event.key === 'g') {
      this.renderRoot.querySelector<HTMLElement>('[popovertarget=go-to]')?.click();
    } else {
      return;
    }
    event.preventDefault();
  }

  // Going to a number or a date.

  #goToForm(): TemplateResult {
    const texts = this.#texts;
    return html`
      <button part="button go-to-button" popovertarget="go-to" aria-haspopup="dialog">
        ${texts('goTo')}
      </button>
      <form popover id="go-to" class="menu" @beforetoggle=${keepFocus} @toggle=${this.#onGoToToggle} @submit=${this.#onGoTo}>
        <label>
          ${texts('goToHint')}
          <input part="go-to" name="to" autocomplete="off" aria-describedby="go-to-error"
            aria-invalid=${this.#goToError !== ''} />
        </label>
        <button part="button">${texts('go')}</button>
        <p id="go-to-error" class="error" role="alert">${this.#goToError}</p>
      </form>
    `;
  }

  readonly #onGoToToggle = (event: ToggleEvent) => {
    const form = event.target as HTMLFormElement;
    if (event.newState === 'open') form.querySelector('input')?.select();
    else this.#goToError = '';
    this.requestUpdate();
  };

  readonly #onGoTo = async (event: SubmitEvent) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const text = String(new FormData(form).get('to') ?? '').trim();
    const number = /^[0-9][0-9.,\s]*$/.test(text) ? Number(text.replace(/\D/g, '')) : null;
    const time = this.#dates.endOfInput(text);
    if (number === null && time === null) {
      this.#goToError = this.#texts('goToWrong');
      this.requestUpdate();
      return;
    }
    form.hidePopover();
    await this.#attempt(async (list) => {
      this.#goToAndFocus(number ?? (await list.countBefore(time!)));
    });
  };

  #goToAndFocus(rank: number): void {
    const ranks = this.#list?.ranks;
    if (!ranks?.shown) return;
    this.#focused = Math.min(Math.max(rank, 1), ranks.shown);
    this.#takesFocus = true;
    this.#goToRank(this.#focused);
  }

  /** Shows an entry among all others. */
  async #showInContext(entry: Activity): Promise<void> {
    this.#filter(EVERYTHING);
    await this.#attempt(async (list) => {
      const rank = await list.rankOf(entry);
      if (rank === null) return;
      this.#pending = rank;
      this.#focused = rank;
      this.changed();
    });
  }

  /** Runs a part of the work on the present list; a failure is shown as one of the list. */
  async #attempt(work: (list: List) => Promise<void>): Promise<void> {
    const list = this.#list;
    try {
      if (list) await work(list);
    } catch (error) {
      // A list that is left ends its requests.
      if (list !== this.#list) return;
      if (!(error instanceof Failure)) throw error;
      list!.failure = error;
    }
    this.requestUpdate();
  }

  // One entry.

  #panel(): TemplateResult | typeof nothing {
    const { entry: id } = this.#view;
    if (id === null) return nothing;
    const entry = this.#open;
    if (!entry) {
      const text = this.#more === 'failed' ? 'entryFailed' : 'loading';
      return html`
        <div class="panel" part="panel">
          <p>${this.#texts(text, { id: String(id) })}</p>
          <button part="button" @click=${() => this.#close()}>${this.#texts('close')}</button>
        </div>
      `;
    }
    return html`
      <activity-log-details part="panel" exportparts=${PARTS} .entry=${entry} .more=${this.#more}
        .href=${this.link?.(format({ ...this.#view, at: null })) ?? ''} .texts=${this.#texts}
        .dates=${this.#dates} @close=${() => this.#close()}
        @filter=${(event: CustomEvent<PanelFilter>) => this.#filterFromPanel(event.detail)}
        @context=${() => void this.#showInContext(entry)}>
      </activity-log-details>
    `;
  }

  #filterFromPanel({ resourceType, action, ...places }: PanelFilter): void {
    const query = { ...this.#view.query };
    if (places.projectSlug !== undefined) Object.assign(query, { environmentSlug: '' }, places);
    if (resourceType !== undefined) query.resourceType = [resourceType];
    if (action !== undefined) query.action = [action];
    this.#filter(query);
  }

  async #openEntry(entry: Activity | null, takesFocus = false): Promise<void> {
    if (!entry) return;
    this.#open = entry;
    await this.#openId(entry.id);
    if (takesFocus) this.renderRoot.querySelector<HTMLElement>('activity-log-details')?.focus();
  }

  /** Opens an entry, and loads what a list does not have of it. */
  async #openId(id: number | null): Promise<void> {
    if (id === null) return this.#close();
    if (this.#open?.id !== id) this.#open = null;
    this.#more = 'loading';
    this.#view = { ...this.#view, entry: id };
    this.#tell();
    this.requestUpdate();
    await this.updateComplete;
    try {
      const include = new URLSearchParams({ include: 'client' });
      const response = await this.#client?.request(include, { id });
      if (this.#view.entry !== id || !response) return;
      const { data } = parseExactly(await response.text()) as { data: Activity };
      this.#open ??= data;
      this.#more = data;
    } catch {
      if (this.#view.entry === id) this.#more = 'failed';
    }
    this.requestUpdate();
  }

  #close(): void {
    if (this.#view.entry === null) return;
    const hadFocus = this.shadowRoot?.activeElement?.localName === 'activity-log-details';
    this.#view = { ...this.#view, entry: null };
    this.#open = null;
    this.#takesFocus = hadFocus && this.#focused !== null;
    this.#tell();
    this.requestUpdate();
  }

  // What is wrong.

  #troubled(trouble: Trouble | null): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    if (trouble?.kind === 'unauthorized') {
      this.dispatchEvent(new CustomEvent('unauthorized', { bubbles: true, composed: true }));
    }
    this.requestUpdate();
  }

  #troubles(): TemplateResult | typeof nothing {
    const texts = this.#texts;
    const trouble = this.#trouble;
    const failure = this.#list?.failure;
    const bar = (kind: string, text: string, act?: [Key, () => void]) => html`
      <div part="trouble" class="trouble" data-kind=${kind} role="alert">
        <span>${text}</span>
        ${act ? html`<button part="button" @click=${act[1]}>${texts(act[0])}</button>` : nothing}
      </div>
    `;
    if (trouble) {
      const seconds =
        trouble.kind === 'busy' ? Math.max(Math.ceil((trouble.until - Date.now()) / 1_000), 1) : 0;
      return bar(trouble.kind, texts(trouble.kind, { seconds }));
    }
    if (failure) {
      const retry = () => this.#list?.retry();
      return bar('failed', texts('failed', { message: failure.message }), ['retry', retry]);
    }
    if (!this.#isRewritten) return nothing;
    const dismiss = () => {
      this.#isRewritten = false;
      this.requestUpdate();
    };
    return bar('rewritten', texts('rewritten'), ['dismiss', dismiss]);
  }

  // Words, times and the state.

  /** Takes the language and the zone of this moment. */
  #speak(hasMessages: boolean): void {
    const near = this.closest<HTMLElement>('[lang]') ?? document.documentElement;
    const language = near.lang || navigator.language;
    const isOther = language !== this.#dates.locale;
    if (isOther) {
      this.#builtIn = {};
      if (/^de\b/.test(language)) void this.#loadGerman();
    }
    if (isOther || hasMessages) {
      this.#texts = texts(language, { ...this.#builtIn, ...this.messages });
    }
    this.#dates = this.#dates.in(language, this.#view.zone);
    this.#announced = this.#list?.isCounted ? this.#announcement(this.#list) : '';
  }

  async #loadGerman(): Promise<void> {
    const { default: german } = await import('./texts.de.json');
    const { locale } = this.#dates;
    if (!/^de\b/.test(locale)) return;
    this.#builtIn = german;
    this.#texts = texts(locale, { ...german, ...this.messages });
    this.requestUpdate();
  }

  #announcement(list: List): string {
    const { news, total } = list.ranks;
    if (news > 0) return this.#texts('news', { count: news });
    return total > 0 ? this.#texts('total', { count: total }) : this.#emptiness();
  }

  readonly #changeZone = () => {
    this.#view = { ...this.#view, zone: this.#view.zone === 'utc' ? 'local' : 'utc' };
    this.#tell();
    this.requestUpdate();
  };

  /** Tells the host of another state. */
  #tell(): void {
    const { state } = this;
    if (state === this.#told) return;
    this.#told = state;
    this.dispatchEvent(new CustomEvent('statechange', { detail: state }));
  }
}

/** What a click in the panel filters by. */
type PanelFilter = Partial<Pick<Query, 'projectSlug' | 'environmentSlug'>> & {
  resourceType?: string;
  action?: string;
};

/** The parts of inner elements that a host can style. */
const PARTS = [
  'filter-bar',
  'project',
  'environment',
  'facet-resourceType',
  'facet-action',
  'range',
  'since',
  'until',
  'chip',
  'clear',
  'button',
  'download',
  'strip',
].join();

customElements.define('activity-log', ActivityLog);
