// <activity-log src="…/api/activities">: a log with exact totals and a true scrollbar over all of it.
//
// This file joins the parts: the list, the window over it, its rows, the panel and the bars. It holds the
// state that the host sees, and tells the host of another.

import { html, LitElement, nothing, unsafeCSS, type PropertyValues, type TemplateResult } from 'lit';
import type { Activity, Facets } from './activity.js';
import { controls } from './controls.js';
import styles from './activity-log.css';
import { Client, Failure, type TokenSource } from './client.js';
import type { Project } from './filters.js';
import './filters.js';
import { GoTo, type Target } from './go-to.js';
import { Grid, MARGIN } from './grid.js';
import { Language } from './language.js';
import { announcement, total } from './length.js';
import { List, type Reader } from './list.js';
import { Panel } from './panel.js';
import { PARTS } from './parts.js';
import { EVERYTHING, format, parameters, parse, type Query, type View } from './query.js';
import { onShortcut } from './shortcuts.js';
import type { Messages } from './texts.js';
import { Troubles } from './troubles.js';
import { Viewport } from './viewport.js';

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
  /** Gives the token that requests carry. The component asks again when a token was refused. */
  declare token: TokenSource | undefined;
  /** The projects to choose from, with their environments. */
  declare projects: readonly Project[];
  /** Messages in the language of the element, instead of its own. */
  declare messages: Messages;
  /** The address of a page that shows a state, for links to one entry; without it, there are none. */
  declare link: ((state: string) => string) | undefined;

  #view: View = parse('');
  /** The state that the host was told last. */
  #told = '';
  #client: Client | null = null;
  #list: List | null = null;
  /** The facets of the list; those of the list before, until they are counted. */
  #facets: Facets | null = null;
  /** The rank to go to once the list is there. */
  #pending: number | null = null;
  readonly #changed = () => this.requestUpdate();
  readonly #language = new Language(this.#changed);
  readonly #troubles = new Troubles({
    changed: this.#changed,
    unauthorized: () =>
      this.dispatchEvent(new CustomEvent('unauthorized', { bubbles: true, composed: true })),
  });
  readonly #goTo = new GoTo(this.#changed, (target) => void this.#goToTarget(target));
  readonly #viewport = new Viewport({
    changed: this.#changed,
    passed: () => this.#list?.rest(),
    rested: () => this.#rested(),
  });
  readonly #grid = new Grid(this.#viewport, {
    changed: this.#changed,
    filter: (change) => this.#filter(change),
    open: (entry, takesFocus) => void this.#open(entry.id, entry, takesFocus),
    close: () => this.#close(),
  });
  readonly #panel = new Panel({
    close: () => this.#close(),
    filter: (change) => this.#filter(change),
    showInContext: (entry) => void this.#showInContext(entry),
  });
  readonly #touch = () => this.#list?.touch();
  readonly #shortcut = (event: KeyboardEvent) => onShortcut(event, this.renderRoot);

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
    if (view.entry === null) this.#panel.close();
    else if (view.entry !== before.entry) void this.#open(view.entry);
    this.requestUpdate();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    for (const kind of ['pointerdown', 'keydown', 'wheel']) {
      this.addEventListener(kind, this.#touch, { passive: true });
    }
    this.addEventListener('keydown', this.#shortcut);
    for (const kind of ['wheel', 'touchmove']) {
      this.addEventListener(kind, this.#viewport.moved, { passive: true });
    }
    if (this.hasUpdated) {
      this.#restart();
      if (this.#view.entry !== null) void this.#open(this.#view.entry);
    }
    // The panel, the strip and the download are not needed for the first rows.
    void import('./more.js').then(this.#changed);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#list?.stop();
    this.#list = null;
    this.#panel.stop();
    this.#viewport.disconnect();
  }

  protected override willUpdate(changes: PropertyValues): void {
    this.#language.update(this, this.#view.zone, this.messages);
    this.#viewport.measure(this.#rows);
    const address = this.src && new URL(this.src, this.baseURI).href.replace(/\/$/, '');
    if (address && address !== this.#client?.address) {
      this.#client = new Client(address, (trouble) => this.#troubles.report(trouble));
      this.#client.authorize(this.token);
      this.#restart();
      // The entry of this id in another log is another one.
      this.#panel.close();
      if (this.#view.entry !== null) void this.#open(this.#view.entry);
    } else if (changes.has('token')) {
      this.#client?.authorize(this.token);
    }
  }

  protected override render(): TemplateResult {
    const list = this.#list;
    const { query, entry, zone } = this.#view;
    const { texts, dates } = this.#language;
    return html`
      <activity-log-filters exportparts=${PARTS} .query=${query}
        .facets=${this.#facets} .projects=${this.projects} .texts=${texts} .dates=${dates}
        @query=${(event: CustomEvent<Query>) => this.#filter(event.detail)}>
      </activity-log-filters>
      <div class="bar">
        <span part="total">${total(texts, list)}</span>
        ${list && list.ranks.news > 0
          ? html`<button part="button news" class="news" @click=${this.#showNews}>
              ${texts('news', { count: list.ranks.news })}
            </button>`
          : nothing}
        <span class="gap"></span>
        ${this.#goTo.render(this.#language)}
        <button part="button zone" @click=${this.#changeZone}
          title=${texts('zone', { zone: texts(zone === 'utc' ? 'local' : 'utc') })}>
          ${dates.zoneName}
        </button>
        <activity-log-download exportparts=${PARTS} .client=${this.#client} .query=${query}
          .texts=${texts} .dates=${dates}></activity-log-download>
      </div>
      ${this.#troubles.render(texts, list)}
      <div class="body">
        <activity-log-strip exportparts=${PARTS} .histogram=${list?.histogram ?? null}
          .since=${query.since} .until=${query.until} .at=${this.#topTime()}
          .texts=${texts} .dates=${dates}
          @range=${(event: CustomEvent<Partial<Query>>) => this.#filter(event.detail)}>
        </activity-log-strip>
        ${this.#grid.render({ list, language: this.#language, open: entry })}
        ${entry === null
          ? nothing
          : this.#panel.render(this.#language, this.link?.(format({ ...this.#view, at: null })) ?? '')}
      </div>
      <div role="status" class="unseen">${announcement(texts, list)}</div>
    `;
  }

  protected override updated(): void {
    this.#viewport.updated(this.renderRoot, this.#rows);
    this.#grid.updated(this.renderRoot);
    // What the window lacks, unless the thumb is on its way.
    if (this.#viewport.isMoving) return;
    const { scroll, direction } = this.#viewport;
    this.#list?.want(scroll.first - MARGIN, scroll.end + MARGIN, direction);
  }

  // The list.

  /** A list tells that something is there that was not. */
  changed(): void {
    const list = this.#list;
    if (list?.isCounted && this.#pending !== null) {
      const rank = this.#pending;
      this.#pending = null;
      this.#goToRank(rank);
    }
    this.#facets = list?.facets ?? this.#facets;
    // At the top, what is new goes in by itself.
    if (list && list.ranks.news > 0 && this.#viewport.scroll.top === 0) list.ranks.show();
    this.requestUpdate();
  }

  /** A list tells that the log is another. */
  rewritten(): void {
    this.#troubles.isRewritten = true;
    this.#close();
    this.#view = { ...this.#view, at: null };
    this.#restart();
    this.#tell();
  }

  #restart(): void {
    this.#list?.stop();
    this.#list = null;
    this.#grid.forget();
    this.#viewport.reset();
    if (!this.#client || !this.isConnected) return;
    this.#list = new List(this.#client, this.#view.query, this);
    this.#pending = this.#view.at;
    void this.#list.start(this.#pending === null);
    this.requestUpdate();
  }

  #filter(change: Partial<Query>): void {
    const query = { ...this.#view.query, ...change };
    if (String(parameters(query)) === String(parameters(this.#view.query))) return;
    this.#view = { ...this.#view, query, at: null };
    this.#troubles.isRewritten = false;
    this.#restart();
    this.#tell();
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

  /** How many rows there are. */
  get #rows(): number {
    return this.#list?.ranks.shown ?? 0;
  }

  // Where the window is.

  #rested(): void {
    const { scroll } = this.#viewport;
    const at = scroll.top === 0 ? null : (this.#list?.ranks.rank(scroll.first) ?? null);
    this.#look({ at });
    this.changed();
  }

  /** The time of the row at the top of the window, in milliseconds. */
  #topTime(): number | null {
    const list = this.#list;
    if (!list?.isCounted || this.#rows === 0) return null;
    return list.timeOf(list.ranks.rank(this.#viewport.scroll.first));
  }

  readonly #showNews = () => {
    const ranks = this.#list?.ranks;
    if (!ranks) return;
    ranks.show();
    // The button that was used is gone.
    this.#grid.focus(ranks.shown);
    this.#viewport.goTo(0);
  };

  /** Puts the row of a rank at the top of the window; the newest if it is `null`. */
  #goToRank(rank: number | null): void {
    const ranks = this.#list?.ranks;
    if (!ranks || !this.#list?.isCounted) {
      this.#pending = rank;
      return;
    }
    this.#viewport.measure(ranks.shown);
    this.#viewport.goTo(rank === null ? 0 : Math.min(Math.max(ranks.index(rank), 0), ranks.shown - 1));
  }

  #goToTarget(target: Target): Promise<void> {
    return this.#attempt(async (list) => {
      const to = 'number' in target ? target.number : await list.countBefore(target.before);
      if (this.#rows === 0) return;
      const rank = Math.min(Math.max(to, 1), this.#rows);
      this.#grid.focus(rank);
      this.#goToRank(rank);
    });
  }

  /** Shows an entry among all others. */
  #showInContext(entry: Activity): Promise<void> {
    this.#filter(EVERYTHING);
    return this.#attempt(async (list) => {
      const rank = await list.rankOf(entry);
      if (rank === null) return;
      this.#pending = rank;
      this.#grid.mark(rank);
      this.changed();
    });
  }

  // The entry that is open.

  /** Opens an entry, of which a list may have a part. */
  async #open(id: number, known: Activity | null = null, takesFocus = false): Promise<void> {
    this.#panel.open(id, known);
    this.#look({ entry: id });
    // The panel stands before the rest of the entry is there.
    await this.updateComplete;
    // Once it is in the document again, the entry is opened again.
    if (!this.isConnected) return;
    await this.#panel.load(this.#client);
    // What has the focus in a panel without its entry is gone with it.
    const hadFocus = this.#focusedIn('.panel');
    this.requestUpdate();
    await this.updateComplete;
    if (!takesFocus && !hadFocus) return;
    // An entry may come before the second chunk, which has the element that shows it.
    await customElements.whenDefined('activity-log-details');
    this.renderRoot.querySelector<HTMLElement>('activity-log-details')?.focus();
  }

  #close(): void {
    if (this.#view.entry === null) return;
    const hadFocus = this.#focusedIn('[part~=panel]');
    this.#panel.close();
    if (hadFocus) this.#grid.refocus();
    this.#look({ entry: null });
  }

  /** Whether the focus is in an element that a selector finds. */
  #focusedIn(selector: string): boolean {
    return !!this.shadowRoot?.activeElement?.closest(selector);
  }

  // The state.

  readonly #changeZone = () => {
    this.#look({ zone: this.#view.zone === 'utc' ? 'local' : 'utc' });
  };

  /** Looks at something else in the same list. */
  #look(change: Partial<View>): void {
    this.#view = { ...this.#view, ...change };
    this.#tell();
    this.requestUpdate();
  }

  /** Tells the host of another state. */
  #tell(): void {
    const { state } = this;
    if (state === this.#told) return;
    this.#told = state;
    this.dispatchEvent(new CustomEvent('statechange', { detail: state }));
  }
}

customElements.define('activity-log', ActivityLog);
