// The bar of filters above the list.

import { html, LitElement, nothing, unsafeCSS, type TemplateResult } from 'lit';
import type { Facets, FacetValue, Place } from './activity.js';
import type { Dates } from './dates.js';
import { controls } from './controls.js';
import styles from './filters.css';
import { placeMenu } from './menu.js';
import { EVERYTHING, NO_TYPE, type Query } from './query.js';
import type { Key, Texts } from './texts.js';

/** A project that the host knows, with its environments. */
export interface Project extends Place {
  environments?: Place[];
}

type Facet = 'resourceType' | 'action';

const EXCLUDED = { resourceType: 'excludeResourceType', action: 'excludeAction' } as const;

/** Ranges that end now, in milliseconds. */
const PRESETS: [Key, number][] = [
  ['lastHour', 3_600_000],
  ['lastDay', 86_400_000],
  ['lastWeek', 7 * 86_400_000],
  ['lastMonth', 30 * 86_400_000],
];

/** Shows a query and changes it: the event `query` has the new one as its detail. */
export class Filters extends LitElement {
  static override styles = [controls, unsafeCSS(styles)];
  static override properties = {
    query: { attribute: false },
    facets: { attribute: false },
    projects: { attribute: false },
    texts: { attribute: false },
    dates: { attribute: false },
    isRangeOpen: { state: true },
  };

  declare query: Query;
  declare facets: Facets | null;
  declare projects: readonly Project[];
  declare texts: Texts;
  declare dates: Dates;
  declare private isRangeOpen: boolean;
  /** The preset that was chosen last, and the time that it began at. */
  #preset: { key: Key; since: string } | null = null;

  constructor() {
    super();
    this.query = EVERYTHING;
    this.facets = null;
    this.projects = [];
    this.isRangeOpen = false;
  }

  /** Focuses the first filter. */
  override focus(): void {
    this.renderRoot.querySelector<HTMLElement>('input')?.focus();
  }

  override render(): TemplateResult {
    const { query, texts } = this;
    const project = this.projects.find(({ slug }) => slug === query.projectSlug);
    return html`
      <div class="bar" part="filter-bar" role="search" aria-label=${texts('filters')}>
        ${this.#place('projectSlug', 'project', this.projects)}
        ${query.projectSlug
          ? this.#place('environmentSlug', 'environment', project?.environments ?? [])
          : nothing}
        ${this.#facet('resourceType', 'resourceType')} ${this.#facet('action', 'action')}
        ${this.#range()}
      </div>
      ${this.#chips()}
    `;
  }

  /** An input for a slug, with those that the host knows. */
  #place(name: 'projectSlug' | 'environmentSlug', key: Key, places: readonly Place[]): TemplateResult {
    const label = this.texts(key);
    const change = (event: Event) => {
      const slug = (event.target as HTMLInputElement).value.trim();
      this.#change({ [name]: slug, ...(name === 'projectSlug' ? { environmentSlug: '' } : {}) });
    };
    return html`
      <input part=${key} type="search" list=${name} placeholder=${label} aria-label=${label}
        autocomplete="off" autocapitalize="off" spellcheck="false"
        .value=${this.query[name]} @change=${change} @search=${change} />
      <datalist id=${name}>
        ${places.map((place) => html`<option value=${place.slug}>${place.name}</option>`)}
      </datalist>
    `;
  }

  /** A button that opens the values of a facet. */
  #facet(facet: Facet, key: Key): TemplateResult {
    const chosen = this.query[facet].length + this.query[EXCLUDED[facet]].length;
    return html`
      <button part="button facet-${facet}" popovertarget=${facet} aria-haspopup="dialog">
        ${this.texts(key)}${chosen ? html` <span class="badge">${this.dates.number(chosen)}</span>` : nothing}
        <span class="arrow" aria-hidden="true"></span>
      </button>
      <div popover id=${facet} class="menu" role="dialog" aria-label=${this.texts(key)}
        @beforetoggle=${(event: ToggleEvent) => placeMenu(event, 'start')}>
        ${this.#values(facet).map((value) => this.#value(facet, value))}
      </div>
    `;
  }

  /** The values of a facet: those that entries have, and those that are chosen and no entry has. */
  #values(facet: Facet): FacetValue[] {
    const counted = this.facets?.[facet] ?? [];
    const known = new Set(counted.map(({ value }) => value ?? NO_TYPE));
    const chosen = [...this.query[facet], ...this.query[EXCLUDED[facet]]];
    const missing = chosen.filter((value) => !known.has(value));
    return [...counted, ...[...new Set(missing)].map((value) => ({ value, count: 0 }))];
  }

  #value(facet: Facet, { value, count }: FacetValue): TemplateResult {
    const name = value ?? NO_TYPE;
    const excluded = EXCLUDED[facet];
    const isExcluded = this.query[excluded].includes(name);
    const label = this.#label(name);
    const toggle = (list: Facet | (typeof EXCLUDED)[Facet]) => () => {
      const other = list === facet ? excluded : facet;
      const values = this.query[list];
      const isOn = values.includes(name);
      this.#change({
        [list]: isOn ? values.filter((one) => one !== name) : [...values, name],
        [other]: this.query[other].filter((one) => one !== name),
      });
    };
    return html`
      <div class="value">
        <label>
          <input type="checkbox" name=${facet} value=${name}
            .checked=${this.query[facet].includes(name)} @change=${toggle(facet)} />
          <bdi class=${isExcluded ? 'excluded' : ''}>${label}</bdi>
          <span class="count">${this.dates.number(count)}</span>
        </label>
        <button class="exclude" data-exclude value=${name} aria-pressed=${isExcluded}
          aria-label=${this.texts('exclude', { value: label })}
          title=${this.texts('exclude', { value: label })} @click=${toggle(excluded)}>
          <span aria-hidden="true">⊘</span>
        </button>
      </div>
    `;
  }

  #range(): TemplateResult {
    const { since, until } = this.query;
    const preset = this.#preset?.since === since && !until ? this.#preset.key : 'chosenTime';
    const isAny = !since && !until && !this.isRangeOpen;
    const selected = isAny ? 'anyTime' : preset;
    const option = (key: Key) =>
      html`<option value=${key} ?selected=${key === selected}>${this.texts(key)}</option>`;
    const input = (name: 'since' | 'until') => {
      const change = (event: Event) => {
        const { value } = event.target as HTMLInputElement;
        this.#change({ [name]: this.dates.fromInput(value) ?? '' });
      };
      return html`
        <label class="time">
          ${this.texts(name)}
          <input part=${name} type="datetime-local" step="1"
            .value=${this.dates.toInput(this.query[name])} @change=${change} />
        </label>
      `;
    };
    return html`
      <select part="range" aria-label=${this.texts('range')} .value=${selected} @change=${this.#choose}>
        ${option('anyTime')} ${PRESETS.map(([key]) => option(key))} ${option('chosenTime')}
      </select>
      ${selected === 'chosenTime' ? html`${input('since')} ${input('until')}` : nothing}
    `;
  }

  #choose(event: Event): void {
    const key = (event.target as HTMLSelectElement).value as Key;
    const length = PRESETS.find(([preset]) => preset === key)?.[1];
    this.isRangeOpen = key === 'chosenTime';
    if (this.isRangeOpen) return;
    const since = length ? new Date(Date.now() - length).toISOString() : '';
    this.#preset = length ? { key, since } : null;
    this.#change({ since, until: '' });
  }

  /** What is filtered; a click takes it away. */
  #chips(): TemplateResult | typeof nothing {
    const { query, texts, dates } = this;
    const chips: [string, Partial<Query>][] = [];
    if (query.projectSlug) chips.push([query.projectSlug, { projectSlug: '', environmentSlug: '' }]);
    if (query.environmentSlug) chips.push([query.environmentSlug, { environmentSlug: '' }]);
    for (const facet of ['resourceType', 'action'] as const) {
      const excluded = EXCLUDED[facet];
      const without = (list: readonly string[], value: string) => list.filter((one) => one !== value);
      for (const value of query[facet]) {
        chips.push([this.#label(value), { [facet]: without(query[facet], value) }]);
      }
      for (const value of query[excluded]) {
        const text = texts('not', { value: this.#label(value) });
        chips.push([text, { [excluded]: without(query[excluded], value) }]);
      }
    }
    if (query.since) chips.push([texts('from', { time: dates.short(query.since) }), { since: '' }]);
    if (query.until) chips.push([texts('before', { time: dates.short(query.until) }), { until: '' }]);
    if (chips.length === 0) return nothing;
    return html`
      <div class="chips">
        ${chips.map(
          ([text, change]) => html`
            <button part="chip" aria-label=${texts('remove', { value: text })}
              @click=${() => this.#change(change)}>
              <bdi>${text}</bdi> <span aria-hidden="true">×</span>
            </button>
          `,
        )}
        <button part="clear" class="link" @click=${() => this.#change(EVERYTHING)}>
          ${texts('clear')}
        </button>
      </div>
    `;
  }

  #label(value: string): string {
    return value === NO_TYPE ? this.texts('noType') : value;
  }

  #change(change: Partial<Query>): void {
    this.isRangeOpen = false;
    const detail: Query = { ...this.query, ...change };
    this.dispatchEvent(new CustomEvent('query', { detail }));
  }
}

customElements.define('activity-log-filters', Filters);
