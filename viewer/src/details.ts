// The panel of one entry. Everything in it was written by others, so texts come only as text nodes, with
// hidden characters named, and an address is a link only if it is an https: address.

import { LitElement, html, nothing, unsafeCSS, type PropertyValues, type TemplateResult } from 'lit';
import { keyed } from 'lit/directives/keyed.js';
import type { Activity, Place } from './activity.js';
import { changes, difference, type Change } from './changes.js';
import type { Dates } from './dates.js';
import { controls } from './controls.js';
import styles from './details.css';
import { initial, link, pieces } from './safe.js';
import type { Texts } from './texts.js';
import { node, type Branch, type Leaf, type Member } from './tree.js';

type Content = TemplateResult | string | typeof nothing;

/** A filter that a click on a value asks for. */
export interface Wanted {
  projectSlug?: string;
  environmentSlug?: string;
  resourceType?: string;
  action?: string;
}

/** Fires `close`, `context` and `filter`, whose detail is a `Wanted`. */
export class ActivityLogDetails extends LitElement {
  static override properties = {
    entry: { attribute: false },
    more: { attribute: false },
    href: {},
    texts: { attribute: false },
    dates: { attribute: false },
    copied: { state: true },
    broken: { state: true },
  };
  static override styles = [controls, unsafeCSS(styles)];

  /** The entry as the list has it. */
  declare entry: Activity | null;
  /** The same entry with `include=client`, or how far that is. */
  declare more: Activity | 'loading' | 'failed';
  /** The address of the entry, for others. */
  declare href: string;
  declare texts: Texts;
  declare dates: Dates;
  /** Whether the address was copied; `null` if nobody wanted it. */
  declare private copied: boolean | null;
  /** The picture that could not be loaded. */
  declare private broken: string | null;

  constructor() {
    super();
    this.entry = null;
    this.more = 'loading';
    this.href = '';
    this.copied = null;
    this.broken = null;
    this.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return;
      event.preventDefault();
      event.stopPropagation();
      this.#fire('close');
    });
  }

  /** Moves the focus to the heading, so that a screen reader reads what was opened. */
  override focus(): void {
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('h2')?.focus());
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('entry') && changed.get('entry')?.id !== this.entry?.id) this.copied = null;
  }

  protected override render(): Content {
    const { entry } = this;
    // Another entry begins with its own tree, closed where it was not opened, and at its top.
    return entry ? html`${keyed(entry.id, this.#panel(entry))}` : nothing;
  }

  #panel(entry: Activity): TemplateResult {
    const { texts } = this;
    const more = typeof this.more === 'object' && this.more.id === entry.id ? this.more : null;
    const { metadata } = more ?? entry;
    const { changes: listed, ...others } = metadata ?? {};
    const diff = changes(listed);
    const name = `${texts('entry')} ${entry.id}`;
    const tree = node(diff ? others : metadata);
    return html`
      <section aria-labelledby="title">
        <header>
          ${this.href ? html`<a href=${this.href} title=${texts('entryLink')}>${name}</a>` : muted(name)}
          <button class="close" aria-label=${texts('close')} title=${texts('close')} @click=${() => this.#fire('close')}>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M3.5 3.5l9 9m0-9l-9 9" /></svg>
          </button>
        </header>
        <div class="body">
          <h2 id="title" tabindex="-1">${said(entry.description || headline(entry))}</h2>
          <dl>
            ${row(texts('who'), this.#user(entry))} ${row(texts('what'), this.#action(entry))}
            ${row(texts('when'), this.#time(entry.createdAt))}
            ${more?.occurredAt ? row(texts('occurred'), this.#time(more.occurredAt)) : nothing}
            ${entry.projectId === null ? nothing : row(texts('where'), this.#places(entry))}
            ${row(texts('address'), this.#client(more, 'ipAddress'))}
            ${row(texts('agent'), this.#client(more, 'userAgent'))}
          </dl>
          ${diff ? part(texts('changes'), this.#diff(diff)) : nothing}
          ${'count' in tree ? part(texts('metadata'), this.#members(tree, 0, true)) : nothing}
          ${more?.altered ? part(texts('altered'), this.#altered(more.altered)) : nothing}
        </div>
        <footer>
          <button part="button" @click=${() => this.#fire('context')}>${texts('context')}</button>
          ${this.href
            ? html`<button part="button" @click=${this.#copy}>${texts(this.copied ? 'copied' : 'copyLink')}</button>`
            : nothing}
          <span aria-live="polite" class=${this.copied ? 'unseen' : ''}>
            ${this.copied === null ? nothing : texts(this.copied ? 'copied' : 'notCopied')}
          </span>
        </footer>
      </section>
    `;
  }

  #user({ user, userId }: Activity): TemplateResult {
    if (!user) return this.#deleted(userId);
    const picture = link(user.profileImage);
    const face =
      picture && picture !== this.broken
        ? html`<img src=${picture} alt="" referrerpolicy="no-referrer" @error=${() => (this.broken = picture)} />`
        : html`<span class="initial" aria-hidden="true">${initial(user.name)}</span>`;
    return html`${face} ${said(user.name)} ${this.#id(userId)}`;
  }

  #action({ action, resourceType, resourceId }: Activity): TemplateResult {
    return html`${this.#filter(action, { action })}
    ${resourceType ? this.#filter(resourceType, { resourceType }) : nothing}
    ${resourceId === null ? nothing : this.#id(resourceId)}`;
  }

  #time(time: string): TemplateResult {
    return html`<time datetime=${time}>${this.dates.full(time)}</time> <span class="utc">${time}</span>`;
  }

  #places({ project, projectId, environment, environmentId }: Activity): TemplateResult {
    const wanted = project && { projectSlug: project.slug };
    return html`${this.#place(project, projectId, wanted)}
    ${environmentId === null
      ? nothing
      : html`${muted('/')}
          ${this.#place(
            environment,
            environmentId,
            wanted && environment && { ...wanted, environmentSlug: environment.slug },
          )}`}`;
  }

  #place(place: Place | null, id: number | null, wanted: Wanted | null): TemplateResult {
    if (!place) return this.#deleted(id);
    return wanted ? this.#filter(place.name, wanted) : said(place.name);
  }

  #client(more: Activity | null, field: 'ipAddress' | 'userAgent'): TemplateResult {
    if (!more) return muted(this.texts(this.more === 'failed' ? 'notLoaded' : 'loading'));
    const text = more[field];
    return text ? said(text) : muted(this.texts('notRecorded'));
  }

  #id(id: number | null): TemplateResult {
    return muted(this.texts('id', { id: String(id) }));
  }

  #deleted(id: number | null): TemplateResult {
    return html`${this.#id(id)} ${muted(`(${this.texts('deleted')})`)}`;
  }

  #filter(text: string, wanted: Wanted): TemplateResult {
    return html`<button class="filter" title=${this.texts('filterBy')} @click=${() => this.#fire('filter', wanted)}>
      ${said(text)}
    </button>`;
  }

  #diff(diff: Change[]): TemplateResult {
    const { texts } = this;
    return html`<table>
      <thead>
        <tr><th scope="col">${texts('field')}</th><th scope="col">${texts('value')}</th></tr>
      </thead>
      ${diff.map((change) => {
        const sides = (['from', 'to'] as const).filter((side) => Object.hasOwn(change, side));
        return html`<tbody>
          ${sides.map(
            (side, index) => html`<tr>
              ${index ? nothing : html`<th scope="rowgroup" rowspan=${sides.length}>${said(change.field)}</th>`}
              <td class=${side}>
                <span class="sign" aria-hidden="true">${side === 'from' ? '−' : '+'}</span>
                <span class="unseen">${texts(side === 'from' ? 'old' : 'new')}</span>
                ${this.#side(change, side)}
              </td>
            </tr>`,
          )}
        </tbody>`;
      })}
    </table>`;
  }

  #side(change: Change, side: 'from' | 'to'): Content {
    const { from, to } = change;
    if (typeof from !== 'string' || typeof to !== 'string') return this.#value(change[side]);
    const { start, end, ...middle } = difference(from, to);
    return quoted(html`${letters(start)}<mark>${letters(middle[side])}</mark>${letters(end)}`);
  }

  #altered(altered: Record<string, string | null>): TemplateResult {
    const { texts } = this;
    return html`<table>
      <thead>
        <tr><th scope="col">${texts('field')}</th><th scope="col">${texts('came')}</th></tr>
      </thead>
      <tbody>
        ${Object.entries(altered).map(
          ([field, came]) => html`<tr>
            <th scope="row">${said(field)}</th>
            <td>${came === null ? muted(texts('tooLong')) : said(came)}</td>
          </tr>`,
        )}
      </tbody>
    </table>`;
  }

  /** A value outside of a tree: as it is, or a tree to open. */
  #value(value: unknown): Content {
    const found = node(value, 1);
    return 'text' in found ? this.#leaf(found) : this.#branch(found, 1);
  }

  #branch(branch: Branch, level: number, key?: Content): TemplateResult {
    return html`<details ?open=${branch.isOpen}>
      <summary>
        ${key ?? nothing}${muted(this.texts('members', { count: branch.count }))}
      </summary>
      ${this.#members(branch, level)}
    </details>`;
  }

  #members({ kind, shown, rest }: Branch, level: number, isRoot = false): TemplateResult {
    const items = (members: Member[]) => members.map((member) => this.#member(member, kind, level + 1));
    // Safari takes the role from lists without bullets, so it is given again.
    return html`<ul role="list" class=${isRoot ? 'tree' : level > 8 ? 'deep' : ''}>
      ${items(shown)}
      ${rest.length
        ? html`<li>
            <details>
              <summary class="muted">${this.texts('moreMembers', { count: rest.length })}</summary>
              <ul role="list" class="rest">
                ${items(rest)}
              </ul>
            </details>
          </li>`
        : nothing}
    </ul>`;
  }

  #member([key, value]: Member, kind: Branch['kind'], level: number): TemplateResult {
    const found = node(value, level);
    const name = html`<span class="key ${kind}">${said(key)}</span>: `;
    return html`<li>${'text' in found ? html`${name}${this.#leaf(found)}` : this.#branch(found, level, name)}</li>`;
  }

  #leaf({ kind, text }: Leaf): Content {
    if (kind === 'string') {
      const address = link(text);
      return quoted(
        address
          ? html`<a href=${address} target="_blank" rel="noopener noreferrer">${letters(text)}</a>`
          : letters(text),
      );
    }
    const value = html`<span class=${kind}>${text}</span>`;
    return kind === 'rounded' ? html`≈ ${value} ${muted(this.texts('rounded'))}` : value;
  }

  async #copy(): Promise<void> {
    const address = new URL(this.href, document.baseURI).href;
    this.copied = null;
    try {
      await navigator.clipboard.writeText(address);
      this.copied = true;
    } catch {
      // There is no clipboard without https, and none in some frames. The link is beside the button.
      this.copied = false;
    }
  }

  #fire(type: string, detail?: Wanted): void {
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }));
  }
}

function row(title: string, content: Content): TemplateResult {
  return html`<div><dt>${title}</dt><dd>${content}</dd></div>`;
}

function part(title: string, content: Content): TemplateResult {
  return html`<section class="part"><h3>${title}</h3>${content}</section>`;
}

function muted(text: string): TemplateResult {
  return html`<span class="muted">${text}</span>`;
}

/** What an entry without a description is called. */
function headline({ action, resourceType }: Activity): string {
  return resourceType ? `${action} ${resourceType}` : action;
}

/** A text of others, which changes the order of nothing around it. */
function said(text: string): TemplateResult {
  return html`<bdi>${letters(text)}</bdi>`;
}

function quoted(content: unknown): TemplateResult {
  return html`${muted('"')}<bdi>${content}</bdi>${muted('"')}`;
}

/** The letters of a text, with the names of those that cannot be seen. */
function letters(text: string): unknown {
  return pieces(text).map(({ text, hidden }) => (hidden ? html`<span class="hidden">${text}</span>` : text));
}

customElements.define('activity-log-details', ActivityLogDetails);
