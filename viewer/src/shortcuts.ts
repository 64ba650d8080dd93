// Keys that work anywhere in the component.

import type { Filters } from './filters.js';

/** Goes to the filters for `/`, and opens the menu that goes to a number or a date for `g`. */
export function onShortcut(event: KeyboardEvent, root: ParentNode): void {
  const target = event.composedPath()[0] as HTMLElement;
  if (target.matches('input, select, textarea')) return;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.key === '/') {
    root.querySelector<Filters>('activity-log-filters')?.focus();
  } else if (event.key === 'g') {
    root.querySelector<HTMLElement>('[popovertarget=go-to]')?.click();
  } else {
    return;
  }
  event.preventDefault();
}
