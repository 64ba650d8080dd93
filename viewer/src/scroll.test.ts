import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Scroll, TALLEST } from './scroll.js';

const ROW = 40;
const VIEW = 600;

function scroll(rows: number): Scroll {
  const scroll = new Scroll();
  scroll.resize(rows, ROW, VIEW);
  return scroll;
}

/** As the browser does it: the spacer is scrolled, and cannot be scrolled past its ends. */
function move(scroll: Scroll, by: number): boolean {
  const range = Math.max(scroll.height - VIEW, 0);
  return scroll.scrolled(Math.min(Math.max(scroll.spacer + by, 0), range));
}

test('a short list is scrolled by its own pixels', () => {
  const list = scroll(1_000);
  assert.equal(list.height, 40_000);
  for (const spacer of [0, 1, 17, 5_000, 39_400]) {
    list.scrolled(spacer);
    assert.equal(list.top, spacer);
    list.settle();
    assert.equal(list.spacer, spacer);
  }
  assert.deepEqual([list.first, list.end], [985, 1_000]);
});

test('a list that is lower than the window does not scroll', () => {
  const list = scroll(3);
  list.scrolled(100);
  assert.deepEqual([list.top, list.first, list.end], [0, 0, 3]);
  assert.deepEqual([scroll(0).first, scroll(0).end, scroll(0).page], [0, 0, 15]);
});

test('the spacer is never higher than a browser allows', () => {
  for (const rows of [200_000, 1_000_000, 100_000_000]) assert.equal(scroll(rows).height, TALLEST);
});

test('the ends of the spacer are the ends of the list, whatever its length', () => {
  for (const rows of [200_001, 1_000_000, 100_000_000, 10_000_000_000]) {
    const list = scroll(rows);
    list.scrolled(TALLEST - VIEW);
    assert.equal(list.end, rows);
    assert.equal(list.place(rows - 1) + ROW, VIEW);
    list.scrolled(0);
    assert.deepEqual([list.first, list.top], [0, 0]);
  }
});

test('a large movement goes through the scale, a small one by true pixels', () => {
  const list = scroll(1_000_000);
  assert.equal(list.scrolled((TALLEST - VIEW) / 2), true);
  const middle = list.top;
  assert.equal(middle, (40_000_000 - VIEW) / 2);
  assert.equal(move(list, 100), false);
  assert.equal(list.top, middle + 100);
  assert.equal(move(list, -1_200), false);
  assert.equal(list.top, middle - 1_100);
});

test('a wheel moves rows by true pixels, however far it goes at once', () => {
  const list = scroll(1_000_000);
  list.goTo(500_000);
  const { top } = list;
  assert.equal(list.scrolled(list.spacer + 5 * VIEW, true), false);
  assert.equal(list.top, top + 5 * VIEW);
});

test('rows stay where they are when the spacer settles', () => {
  const list = scroll(100_000_000);
  list.scrolled(3_000_000);
  for (let step = 0; step < 50; step += 1) move(list, 100);
  const { top } = list;
  list.settle();
  assert.equal(list.top, top);
  // The next movement begins where the spacer is now.
  move(list, 100);
  assert.equal(list.top, top + 100);
});

test('wheeling near an end moves by true pixels in both directions', () => {
  for (const rows of [1_000_000, 100_000_000]) {
    const list = scroll(rows);
    for (const [index, by] of [[0, 100], [rows, -100]] as const) {
      list.goTo(index);
      const { top } = list;
      for (const step of [by, 3 * by, -2 * by, -by]) move(list, step);
      assert.equal(list.top, top + by);
      list.settle();
      move(list, -by);
      assert.equal(list.top, top);
    }
  }
});

test('wheeling reaches the first and the last row of a scaled list, one small step after another', () => {
  for (const [from, by, reached] of [
    [2, -100, (list: Scroll) => list.top === 0],
    [TALLEST - VIEW - 2, 100, (list: Scroll) => list.end === 1_000_000 && list.place(999_999) === VIEW - ROW],
  ] as const) {
    const list = scroll(1_000_000);
    list.scrolled(from < 100 ? 3_000 : TALLEST - VIEW - 3_000);
    for (let step = 0; step < 400 && !reached(list); step += 1) move(list, by);
    assert.ok(reached(list));
  }
});

test('a row is shown with as little movement as it takes', () => {
  const list = scroll(100_000_000);
  list.goTo(50_000_000);
  assert.equal(list.place(50_000_000), 0);
  list.show(50_000_003);
  assert.equal(list.place(50_000_000), 0);
  list.show(50_000_020);
  assert.equal(list.place(50_000_020), VIEW - ROW);
  list.show(49_999_999);
  assert.equal(list.place(49_999_999), 0);
  list.goTo(99_999_999);
  assert.equal(list.end, 100_000_000);
});

test('another height of rows keeps the first row in the window', () => {
  const list = scroll(1_000_000);
  list.goTo(700_000);
  assert.equal(list.resize(1_000_000, 60, 500), true);
  assert.equal(list.place(700_000), 0);
  assert.equal(list.resize(1_000_000, 60, 500), false);
});
