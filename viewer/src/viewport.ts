// The window over the list: where it is scrolled to, by what, and whether it rests.

import type { Direction } from './ranks.js';
import { Scroll } from './scroll.js';

/** For how long scrolling must rest until a page is asked for, in milliseconds. */
const REST = 150;

/** For how long after a turn of the wheel, or a move of a finger, scrolling is theirs, in milliseconds. */
const BY_HAND = 200;

/** For how long the date stays beside the thumb after it has moved, in milliseconds. */
const BUBBLE = 1_000;

/** What a viewport tells of itself. */
export interface ViewportActions {
  /** There is something else to render. */
  changed(): void;
  /** The thumb is on its way: what it has passed is not wanted any more. */
  passed(): void;
  /** Scrolling has come to an end. */
  rested(): void;
}

/** Joins the element that scrolls to the `Scroll` that says where its rows are. */
export class Viewport {
  readonly scroll = new Scroll();
  /** Where scrolling goes, and so which rows are wanted next. */
  direction: Direction = 'around';
  /** Whether the thumb is on its way. */
  isMoving = false;
  /** Whether the date is shown beside the thumb. */
  hasBubble = false;
  #scroller: HTMLElement | null = null;
  /** A row that is never seen, for the height of all of them. */
  #probe: HTMLElement | null = null;
  /** When the wheel was turned last, or a finger moved. */
  #byHandAt = -Infinity;
  #restTimer: ReturnType<typeof setTimeout> | undefined;
  #bubbleTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #sizes = new ResizeObserver(() => this.actions.changed());

  constructor(private readonly actions: ViewportActions) {}

  /** Lets go of the elements, which leave the document. */
  disconnect(): void {
    this.#sizes.disconnect();
    this.#scroller = null;
    this.#probe = null;
    clearTimeout(this.#restTimer);
  }

  /** Takes the number of rows, and the sizes of a row and of the window. Returns whether they are others. */
  measure(rows: number): boolean {
    const row = this.#probe?.getBoundingClientRect().height ?? 0;
    return row > 0 && this.scroll.resize(rows, row, this.#scroller?.clientHeight ?? 0);
  }

  /** Takes the elements that were rendered into `root`, and scrolls them to where the window is. */
  updated(root: ParentNode, rows: number): void {
    const scroller = root.querySelector<HTMLElement>('.scroller')!;
    if (scroller !== this.#scroller) {
      this.#scroller = scroller;
      this.#probe = scroller.querySelector<HTMLElement>('.probe')!;
      this.#sizes.disconnect();
      this.#sizes.observe(scroller);
      this.#sizes.observe(this.#probe);
    }
    if (this.measure(rows)) this.actions.changed();
    // The columns of the head are those of the rows, beside the scrollbar.
    const head = root.querySelector<HTMLElement>('.head')!;
    head.style.marginInlineEnd = `${scroller.offsetWidth - scroller.clientWidth}px`;
    if (Math.abs(scroller.scrollTop - this.scroll.spacer) >= 1) scroller.scrollTop = this.scroll.spacer;
  }

  /** A listener of the wheel and of touches. */
  readonly moved = () => (this.#byHandAt = performance.now());

  /** A listener of `scroll`. */
  readonly scrolled = () => {
    const spacer = this.#scroller?.scrollTop ?? 0;
    // What this class has set.
    if (Math.abs(spacer - this.scroll.spacer) < 1) return;
    const before = this.scroll.top;
    const isByHand = performance.now() - this.#byHandAt < BY_HAND;
    if (this.scroll.scrolled(spacer, isByHand)) {
      this.isMoving = true;
      this.actions.passed();
      this.#showBubble();
    }
    this.direction = this.isMoving ? 'around' : this.#directionFrom(before);
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => this.#rest(), REST);
    this.actions.changed();
  };

  /** Begins at the top, as with another list. */
  reset(): void {
    this.isMoving = false;
    this.scroll.goTo(0);
  }

  /** Puts a row at the top of the window, if there are enough below it. */
  goTo(index: number): void {
    this.direction = 'around';
    this.scroll.goTo(index);
    this.#rest();
  }

  /** Scrolls as little as it takes to have all of a row in the window. */
  show(index: number): void {
    const before = this.scroll.top;
    this.scroll.show(index);
    this.direction = this.#directionFrom(before);
    this.#rest();
  }

  #rest(): void {
    clearTimeout(this.#restTimer);
    this.isMoving = false;
    this.scroll.settle();
    this.actions.rested();
  }

  #directionFrom(before: number): Direction {
    return this.scroll.top < before ? 'newer' : 'older';
  }

  #showBubble(): void {
    this.hasBubble = true;
    clearTimeout(this.#bubbleTimer);
    this.#bubbleTimer = setTimeout(() => {
      this.hasBubble = false;
      this.actions.changed();
    }, BUBBLE);
  }
}
