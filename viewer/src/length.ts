// What is said of the length of a list.

import type { List } from './list.js';
import { parameters, type Query } from './query.js';
import type { Texts } from './texts.js';

/** The total, or that it is being counted; nothing if that failed. */
export function total(texts: Texts, list: List | null): string {
  if (list?.isCounted) return texts('total', { count: list.ranks.total });
  return list?.failure ? '' : texts('counting');
}

/** What stands where a list has no entries. */
export function emptiness(texts: Texts, query: Query): string {
  return texts(String(parameters(query)) ? 'nothing' : 'empty');
}

/** What a screen reader is told when the length changes. */
export function announcement(texts: Texts, list: List | null): string {
  if (!list?.isCounted) return '';
  const { news, total } = list.ranks;
  if (news > 0) return texts('news', { count: news });
  return total > 0 ? texts('total', { count: total }) : emptiness(texts, list.query);
}
