// How many entries there are over time, beside the list: where something is, and a way to choose a time.

import {
  LitElement,
  html,
  nothing,
  svg,
  unsafeCSS,
  type PropertyValues,
  type SVGTemplateResult,
  type TemplateResult,
} from 'lit';
import type { Histogram } from './activity.js';
import { buckets, chosen, move, partAt, type Buckets, type Choice, type Chosen } from './buckets.js';
import type { Dates } from './dates.js';
import { controls } from './controls.js';
import styles from './strip.css';
import type { Texts } from './texts.js';

/** The time that someone chose; `''` is no bound. */
export interface Range {
  since: string;
  until: string;
}

/** Below this, a day would stand for both ends. */
const FEW_DAYS = 3 * 86_400_000;

/** Fires `range`, whose detail is a `Range`. */
export class ActivityLogStrip extends LitElement {
  static override properties = {
    histogram: { attribute: false },
    since: {},
    until: {},
    at: { attribute: false },
    texts: { attribute: false },
    dates: { attribute: false },
    choice: { state: true },
    hover: { state: true },
  };
  static override styles = [controls, unsafeCSS(styles)];

  /** `null` until it is loaded. */
  declare histogram: Histogram | null;
  /** The range of the list, as its query has it. */
  declare since: string;
  declare until: string;
  /** The time of the first row in the window. */
  declare at: number | null;
  declare texts: Texts;
  declare dates: Dates;
  /** What is being chosen. */
  declare private choice: Choice | null;
  /** The part under the pointer. */
  declare private hover: number | null;
  #all: Buckets | null = null;
  #bars = '';
  #isDragging = false;

  constructor() {
    super();
    this.histogram = null;
    this.since = '';
    this.until = '';
    this.at = null;
    this.choice = null;
    this.hover = null;
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    // While the next histogram is on its way this one stays, and so does the focus on it.
    if (!changed.has('histogram') || !this.histogram) return;
    this.#all = buckets(this.histogram);
    this.#bars = this.#all ? bars(this.#all.counts) : '';
    this.#isDragging = false;
    this.choice = null;
    this.hover = null;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { texts, dates, since, until } = this;
    const all = this.#all;
    if (!all) return nothing;
    const { from, to, counts } = all;
    const edge = (time: number) => (to - from < FEW_DAYS ? dates.short(time) : dates.day(time));
    const current = chosen(all, this.#current(all));
    const start = since ? Date.parse(since) : from;
    const end = until ? Date.parse(until) : to;
    const top = height(all, this.at ?? to);
    return html`
      <span class="edge">${edge(to - 1)}</span>
      <div
        class="chart"
        aria-busy=${!this.histogram}
        part="strip"
        role="slider"
        tabindex="0"
        aria-label=${texts('density')}
        aria-description=${texts('densityHint')}
        aria-orientation="vertical"
        aria-valuemin="0"
        aria-valuemax=${counts.length - 1}
        aria-valuenow=${this.#current(all).head}
        aria-valuetext=${this.#say(current)}
        @keydown=${this.#key}
        @blur=${() => (this.choice = null)}
        @pointerdown=${this.#down}
        @pointermove=${this.#move}
        @pointerup=${this.#up}
        @pointercancel=${this.#cancel}
        @pointerleave=${() => (this.hover = null)}
      >
        <svg viewBox="0 0 1 ${counts.length}" preserveAspectRatio="none" aria-hidden="true">
          <path class="bars" d=${this.#bars} />
          ${start > from || end < to ? area(all, 'band', start, end) : nothing}
          ${this.choice ? area(all, 'choice', current.since, current.until) : nothing}
          ${this.at === null ? nothing : svg`<line class="marker" x2="1" y1=${top} y2=${top} />`}
        </svg>
        <div class="bubble" aria-hidden="true" ?hidden=${!this.choice && this.hover === null}>
          ${this.#say(this.#pointed(all))}
        </div>
      </div>
      <span class="edge">${edge(from)}</span>
      ${since || until
        ? html`<button part="button" @click=${this.#clear}>${texts('anyTime')}</button>`
        : nothing}
    `;
  }

  protected override updated(): void {
    const bubble = this.renderRoot.querySelector<HTMLElement>('.bubble');
    const all = this.#all;
    if (!bubble || !all) return;
    const { first, last } = this.#pointed(all);
    // No style attribute, which the content security policy would refuse.
    bubble.style.insetBlockStart = `${100 - (50 * (first + last + 1)) / all.counts.length}%`;
  }

  /** What keys start from: the choice, or else the part at the top of the window. */
  #current(all: Buckets): Choice {
    const head = partAt(all, this.at ?? all.to);
    return this.choice ?? { anchor: head, head };
  }

  /** What the bubble speaks of. */
  #pointed(all: Buckets): Chosen {
    const { hover } = this;
    return chosen(all, hover === null ? this.#current(all) : { anchor: hover, head: hover });
  }

  #say({ since, until, count }: Chosen): string {
    // The end is not included, so that a day does not seem to reach into the next.
    const range = this.dates.range(since, Math.max(since, until - 1));
    return this.texts('chosen', { range, count });
  }

  #key(event: KeyboardEvent): void {
    const all = this.#all;
    if (!all || event.ctrlKey || event.metaKey || event.altKey) return;
    const next = move(this.#current(all), event.key, event.shiftKey, all.counts.length);
    if (next) {
      this.choice = next;
      this.hover = null;
    } else if (event.key === 'Enter' || event.key === ' ') {
      this.#apply(all, this.#current(all));
    } else if (event.key === 'Escape' && this.choice) {
      this.choice = null;
    } else if (event.key === 'Escape' && (this.since || this.until)) {
      this.#clear();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  #down(event: PointerEvent): void {
    const part = this.#part(event);
    if (event.button !== 0 || !event.isPrimary || part === null) return;
    (event.currentTarget as HTMLElement).setPointerCapture(event.pointerId);
    this.#isDragging = true;
    this.hover = null;
    this.choice = { anchor: part, head: part };
  }

  #move(event: PointerEvent): void {
    const head = this.#part(event);
    if (head === null) return;
    if (this.#isDragging && this.choice) this.choice = { ...this.choice, head };
    else this.hover = head;
  }

  #up(): void {
    if (this.#isDragging && this.#all && this.choice) this.#apply(this.#all, this.choice);
    this.#isDragging = false;
  }

  #cancel(): void {
    this.#isDragging = false;
    this.choice = null;
  }

  /** The part that the pointer is at, or the nearest. */
  #part({ clientY, currentTarget }: PointerEvent): number | null {
    const { top, height } = (currentTarget as HTMLElement).getBoundingClientRect();
    const parts = this.#all?.counts.length ?? 0;
    if (parts === 0 || height === 0) return null;
    return parts - 1 - Math.min(Math.max(Math.floor(((clientY - top) / height) * parts), 0), parts - 1);
  }

  #apply(all: Buckets, choice: Choice): void {
    const { since, until } = chosen(all, choice);
    // A histogram of fewer milliseconds than parts has parts without time.
    if (until <= since) return;
    this.#fire({ since: new Date(since).toISOString(), until: new Date(until).toISOString() });
  }

  #clear(): void {
    // The button that does it leaves.
    this.renderRoot.querySelector<HTMLElement>('.chart')?.focus();
    this.#fire({ since: '', until: '' });
  }

  #fire(detail: Range): void {
    this.dispatchEvent(new CustomEvent('range', { detail, bubbles: true, composed: true }));
  }
}

/** Where a time is in the drawing, which is as high as there are parts. */
function height({ from, to, counts: { length } }: Buckets, time: number): number {
  return (length * (to - Math.min(Math.max(time, from), to))) / (to - from);
}

function area(all: Buckets, kind: 'band' | 'choice', since: number, until: number): SVGTemplateResult {
  const y = height(all, until);
  return svg`<rect class=${kind} width="1" y=${y} height=${Math.max(0, height(all, since) - y)} />`;
}

/**
 * The bars as one path, the newest at the top. Their lengths are the square roots of the counts: beside a
 * burst of thousands the few entries of other days would not be seen, and the strip is there to find them.
 */
function bars(counts: readonly number[]): string {
  const most = Math.sqrt(Math.max(...counts));
  return counts
    .map((count, index) => {
      const width = count ? Math.max(Math.sqrt(count) / most, 0.06) : 0;
      return width ? `M0 ${counts.length - 0.9 - index}h${width.toFixed(3)}v.8H0z` : '';
    })
    .join('');
}

customElements.define('activity-log-strip', ActivityLogStrip);
