// Scrolling over more rows than a browser can scroll over.
//
// Browsers cap the height of an element (Firefox at 17.9 million pixels), and a log of a million rows is
// higher. So what scrolls is a spacer of at most `TALLEST` pixels, and rows are drawn where this class says.
// A small movement, as of a wheel, moves rows by as many pixels; a large one, as of the thumb, moves them
// through the scale. Small movements leave the spacer a little off the scale; `settle` puts it back where
// the rows are.

/** The height of the spacer at the most, in pixels. */
export const TALLEST = 8_000_000;

/** A movement of so many windows is small. */
const SMALL = 2;

/** How many windows of room the spacer keeps before each end, if there are as many rows; a flick moves less. */
const ROOM = 4;

/** Which part of a list is in a window of `view` pixels. */
export class Scroll {
  #rows = 0;
  #row = 1;
  #view = 0;
  /** How far down the rows are, in true pixels. */
  #top = 0;
  /** Where the spacer is scrolled to. */
  #spacer = 0;

  /** How high the spacer must be. */
  get height(): number {
    return Math.min(this.#true, TALLEST);
  }

  /** Where the spacer must be scrolled to. */
  get spacer(): number {
    return this.#spacer;
  }

  /** How many pixels of the list are above the window. */
  get top(): number {
    return this.#top;
  }

  /** Where a row is drawn in the window, in pixels from its top. */
  place(index: number): number {
    return index * this.#row - this.#top;
  }

  /** The first row in the window. */
  get first(): number {
    return Math.floor(this.#top / this.#row);
  }

  /** The row after the last in the window. */
  get end(): number {
    return Math.min(Math.ceil((this.#top + this.#view) / this.#row), this.#rows);
  }

  /** How many rows are whole in the window, and at least one. */
  get page(): number {
    return Math.max(Math.floor(this.#view / this.#row), 1);
  }

  /**
   * Takes the number of rows, and the pixels of a row and of the window. The first row in the window stays
   * there. Returns whether anything is other than before.
   */
  resize(rows: number, row: number, view: number): boolean {
    if (rows === this.#rows && row === this.#row && view === this.#view) return false;
    const index = this.#top / this.#row;
    this.#rows = rows;
    this.#row = row;
    this.#view = view;
    this.#go(index * row);
    return true;
  }

  /**
   * The spacer was scrolled to here, perhaps by a wheel or a finger, whose movements are small however far they
   * go. Returns whether that was a large movement.
   */
  scrolled(spacer: number, isByHand = false): boolean {
    const movement = spacer - this.#spacer;
    this.#spacer = spacer;
    const isLarge = !isByHand && Math.abs(movement) > SMALL * this.#view;
    if (this.#range === this.#trueRange) {
      this.#top = this.#clamp(spacer);
    } else if (isLarge) {
      this.#top = this.#clamp((spacer / this.#range) * this.#trueRange);
    } else {
      this.#top = this.#clamp(this.#top + movement);
      // There must be room to go on.
      const isAtEnd = spacer <= 0 ? this.#top > 0 : spacer >= this.#range && this.#top < this.#trueRange;
      if (isAtEnd) this.settle();
    }
    return isLarge;
  }

  /** Puts the spacer where the rows are, with room for small movements before either end. */
  settle(): void {
    const [range, trueRange] = [this.#range, this.#trueRange];
    if (range === trueRange) {
      this.#spacer = this.#top;
      return;
    }
    const scaled = Math.round((this.#top / trueRange) * range);
    const room = ROOM * this.#view;
    const above = Math.min(this.#top, room);
    const below = Math.min(trueRange - this.#top, room);
    this.#spacer = Math.min(Math.max(scaled, above), range - below);
  }

  /** Scrolls so that a row is the first in the window, if there are enough below it. */
  goTo(index: number): void {
    this.#go(index * this.#row);
  }

  /** Scrolls as little as it takes to have all of a row in the window. */
  show(index: number): void {
    const top = index * this.#row;
    this.#go(Math.min(Math.max(this.#top, top + this.#row - this.#view), top));
  }

  #go(top: number): void {
    this.#top = this.#clamp(top);
    this.settle();
  }

  get #true(): number {
    return this.#rows * this.#row;
  }

  get #trueRange(): number {
    return Math.max(this.#true - this.#view, 0);
  }

  get #range(): number {
    return Math.max(this.height - this.#view, 0);
  }

  #clamp(top: number): number {
    return Math.min(Math.max(top, 0), this.#trueRange);
  }
}
