// What a menu does when it opens and closes.

/** The distance from its button, and from the edges of the window, in pixels. */
const GAP = 4;

/** What had the focus when a menu opened. */
const before = new WeakMap<HTMLElement, HTMLElement>();

/**
 * Gives the focus back to what had it, when a menu is closed that has it; browsers do not in a shadow root. A
 * listener of `beforetoggle`.
 */
export function keepFocus({ newState, currentTarget }: ToggleEvent): void {
  const menu = currentTarget as HTMLElement;
  const root = menu.getRootNode() as ShadowRoot;
  if (newState === 'open') {
    const focused = root.activeElement ?? menu.previousElementSibling;
    if (focused instanceof HTMLElement) before.set(menu, focused);
  } else if (menu.matches(':focus-within')) {
    before.get(menu)?.focus();
  }
}

/**
 * Puts a menu below the button before it when it opens, at the button's start or end, and within the window. A
 * listener of `beforetoggle`, which also keeps the focus.
 */
export function placeMenu(event: ToggleEvent, side: 'start' | 'end'): void {
  keepFocus(event);
  const menu = event.currentTarget as HTMLElement;
  const button = menu.previousElementSibling;
  if (event.newState !== 'open' || !button) return;
  // It has no size before it is open; the next frame is the first that shows it.
  requestAnimationFrame(() => {
    const { left, right, top, bottom } = button.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height } = menu;
    const isAtLeft = menu.matches(':dir(rtl)') === (side === 'end');
    const below = bottom + GAP;
    const fits = below + height <= innerHeight - GAP;
    const within = (at: number, size: number, all: number) =>
      Math.max(Math.min(at, all - size - GAP), GAP);
    menu.style.left = `${within(isAtLeft ? left : right - width, width, innerWidth)}px`;
    menu.style.top = `${within(fits ? below : top - height - GAP, height, innerHeight)}px`;
  });
}
