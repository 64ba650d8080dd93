// The language of the component: its texts, and how it writes times and numbers.

import { Dates } from './dates.js';
import type { Zone } from './query.js';
import { texts, type Messages, type Texts } from './texts.js';

const isGerman = (locale: string) => /^de\b/.test(locale);

/** Texts and dates in the language of an element. */
export class Language {
  texts: Texts = texts('en', {});
  dates = new Dates('en', 'local');
  /** The messages of this language that come with the component. */
  #builtIn: Messages = {};
  /** The messages of the host. */
  #own: Messages = {};

  /** Calls `changed` when the messages of a language have been loaded. */
  constructor(private readonly changed: () => void) {}

  /** Takes the language that an element has now, the time zone, and the messages of the host. */
  update(element: Element, zone: Zone, own: Messages): void {
    const near = element.closest<HTMLElement>('[lang]') ?? document.documentElement;
    const locale = near.lang || navigator.language;
    const isOther = locale !== this.dates.locale;
    if (isOther) {
      this.#builtIn = {};
      if (isGerman(locale)) void this.#loadGerman();
    }
    if (isOther || own !== this.#own) this.texts = texts(locale, { ...this.#builtIn, ...own });
    this.#own = own;
    this.dates = this.dates.in(locale, zone);
  }

  async #loadGerman(): Promise<void> {
    const { default: german } = await import('./texts.de.json');
    const { locale } = this.dates;
    // Meanwhile the element may have another language.
    if (!isGerman(locale)) return;
    this.#builtIn = german;
    this.texts = texts(locale, { ...german, ...this.#own });
    this.changed();
  }
}
