// The menu that goes to the entry of a number, or of a date.

import { html, type TemplateResult } from 'lit';
import type { Dates } from './dates.js';
import type { Language } from './language.js';
import { keepFocus } from './menu.js';

/** Where to go: to the entry of a number, or to the last entry before a time. */
export type Target = { number: number } | { before: string };

/** What someone typed, as a target; `null` if it is neither a number nor a date. */
export function readTarget(text: string, dates: Dates): Target | null {
  if (/^[0-9][0-9.,\s]*$/.test(text)) return { number: Number(text.replace(/\D/g, '')) };
  const before = dates.endOfInput(text);
  return before === null ? null : { before };
}

/** A button and the menu that it opens. */
export class GoTo {
  /** Whether what was typed is no target. */
  #isWrong = false;

  /** Calls `changed` when there is something else to render, and `go` with a target. */
  constructor(
    private readonly changed: () => void,
    private readonly go: (target: Target) => void,
  ) {}

  render({ texts, dates }: Language): TemplateResult {
    return html`
      <button part="button go-to-button" popovertarget="go-to" aria-haspopup="dialog">
        ${texts('goTo')}
      </button>
      <form popover id="go-to" class="menu" @beforetoggle=${this.#beforeToggle} @toggle=${this.#toggle}
        @submit=${(event: SubmitEvent) => this.#submit(event, dates)}>
        <label>
          ${texts('goToHint')}
          <input part="go-to" name="to" autocomplete="off" aria-describedby="go-to-error"
            aria-invalid=${this.#isWrong} />
        </label>
        <button part="button">${texts('go')}</button>
        <p id="go-to-error" class="error" role="alert">${this.#isWrong ? texts('goToWrong') : ''}</p>
      </form>
    `;
  }

  readonly #beforeToggle = (event: ToggleEvent) => {
    keepFocus(event);
    // Not at `toggle`: if a menu closes and opens at once, that says nothing of the closing.
    if (event.newState !== 'open') return;
    this.#isWrong = false;
    this.changed();
  };

  readonly #toggle = ({ newState, target }: ToggleEvent) => {
    if (newState === 'open') (target as HTMLFormElement).querySelector('input')?.select();
  };

  #submit(event: SubmitEvent, dates: Dates): void {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const target = readTarget(String(new FormData(form).get('to') ?? '').trim(), dates);
    if (target) {
      form.hidePopover();
      this.go(target);
    } else {
      this.#isWrong = true;
      this.changed();
    }
  }
}
