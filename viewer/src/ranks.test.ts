import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Activity, Page } from './activity.js';
import { Ranks } from './ranks.js';

/** What the API says of a log of `total` entries, in which the entry of rank r has the id r. */
function page(total: number, offset: number, limit: number, id = (rank: number) => rank): Page {
  const length = Math.max(Math.min(limit, total - offset), 0);
  const data = Array.from({ length }, (_, index) => ({ id: id(total - offset - index) }) as Activity);
  return { data, pagination: { total, limit, offset, hasMore: offset + length < total } };
}

function ranks(total: number): Ranks {
  const ranks = new Ranks();
  ranks.count(total);
  ranks.show();
  return ranks;
}

test('a page is placed by the total of its own response', () => {
  const list = ranks(1_000);
  assert.ok(list.place(page(1_000, 100, 10)));
  assert.equal(list.entry(900)?.id, 900);
  assert.equal(list.entry(891)?.id, 891);
  assert.equal(list.entry(890), undefined);
  // Five entries were recorded between the request and its response.
  assert.ok(list.place(page(1_005, 200, 10)));
  assert.equal(list.entry(805)?.id, 805);
  assert.equal(list.rank(195), 805);
  assert.deepEqual([list.news, list.shown, list.total], [5, 1_000, 1_005]);
});

test('news move no row until they are shown', () => {
  const list = ranks(10);
  list.place(page(10, 0, 10));
  assert.equal(list.entry(list.rank(0))?.id, 10);
  assert.ok(list.count(12));
  assert.equal(list.entry(list.rank(0))?.id, 10);
  assert.deepEqual(list.missing(0, 10, 100, 'around'), null);
  assert.equal(list.show(), 2);
  assert.equal(list.index(10), 2);
  // The third is known, and would be another if the log was rewritten.
  assert.deepEqual(list.missing(0, 10, 100, 'older'), { offset: 0, limit: 3 });
});

test('a response that is older than another is placed too, and does not make the list shorter', () => {
  const list = ranks(100);
  assert.equal(list.count(98), false);
  assert.equal(list.total, 100);
  assert.ok(list.place(page(98, 0, 3)));
  assert.equal(list.entry(98)?.id, 98);
});

test('another entry at a known rank is another log', () => {
  const list = ranks(50);
  assert.ok(list.place(page(50, 0, 10)));
  assert.ok(list.place(page(50, 5, 10)));
  assert.equal(list.place(page(50, 9, 10, (rank) => rank + 1_000)), false);
});

test('of what is asked for next one entry at most is loaded, at an end, and it has at most a page besides', () => {
  const directions = ['older', 'newer', 'around'] as const;
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed % below;
  };
  for (let round = 0; round < 200; round += 1) {
    const total = random(500);
    const list = ranks(total);
    for (let step = 0; step < 20; step += 1) {
      if (random(5) === 0) list.count(list.total + random(4));
      const first = random(520) - 10;
      const end = first + random(60);
      const limit = 1 + random(100);
      const wanted = list.missing(first, end, limit, directions[random(3)]!);
      const lacks = (from: number, to: number) => {
        for (let index = Math.max(from, 0); index < Math.min(to, list.shown); index += 1) {
          if (!list.entry(list.rank(index))) return true;
        }
        return false;
      };
      if (!wanted) {
        assert.equal(lacks(first, end), false);
        continue;
      }
      assert.ok(wanted.limit >= 1 && wanted.limit <= limit + 1);
      const newest = list.total - wanted.offset;
      assert.ok(newest <= list.shown && newest - wanted.limit >= 0);
      const oldest = newest - wanted.limit + 1;
      const known = [];
      for (let rank = newest; rank >= oldest; rank -= 1) if (list.entry(rank)) known.push(rank);
      assert.ok(known.length <= 1 && wanted.limit - known.length <= limit);
      assert.ok(known.every((rank) => rank === newest || rank === oldest));
      list.place(page(list.total, wanted.offset, wanted.limit));
    }
  }
});

test('a window is loaded after as many pages as it has gaps', () => {
  const list = ranks(1_000);
  list.place(page(1_000, 510, 5));
  const asked = [];
  for (let wanted; (wanted = list.missing(500, 530, 100, 'older')); ) {
    asked.push(wanted);
    list.place(page(1_000, wanted.offset, wanted.limit));
  }
  assert.deepEqual(asked, [{ offset: 500, limit: 11 }, { offset: 514, limit: 101 }]);
});

test('more rows are asked for in the direction the reader goes', () => {
  const list = ranks(1_000);
  assert.deepEqual(list.missing(500, 520, 100, 'older'), { offset: 500, limit: 100 });
  assert.deepEqual(list.missing(500, 520, 100, 'newer'), { offset: 420, limit: 100 });
  assert.deepEqual(list.missing(500, 520, 100, 'around'), { offset: 460, limit: 100 });
  assert.deepEqual(list.missing(0, 20, 100, 'newer'), { offset: 0, limit: 100 });
  assert.deepEqual(list.missing(990, 1_010, 100, 'older'), { offset: 990, limit: 10 });
});
