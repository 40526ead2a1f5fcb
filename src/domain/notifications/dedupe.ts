import type { ItemFacts } from './read-collection.ts';

/**
 * What makes a genuine item the same as another one: Graph's `id` where there is one (it is
 * optional), else the version that a change made, else the POST and the item's own text, which
 * catches repeats inside one POST only. A duplicate that slips through is allowed, a change that
 * is lost is not.
 *
 * Well-formed Unicode even where the item is not, so digesting it as UTF-8 loses nothing.
 */
export function dedupeKey(
  facts: ItemFacts,
  from: { readonly subscriptionId: string; readonly receiptId: string; readonly text: string },
): string {
  return JSON.stringify([from.subscriptionId, ...distinction(facts, from)]);
}

function distinction(
  { id, changeType, resource, etag, lifecycleEvent }: ItemFacts,
  from: { readonly receiptId: string; readonly text: string },
): readonly string[] {
  if (id !== null) return ['id', id];
  // Of a lifecycle notification an etag says nothing: it is about the subscription.
  if (lifecycleEvent === null && changeType !== null && resource !== null && etag !== null) {
    return ['version', changeType, resource, etag];
  }
  return ['text', from.receiptId, from.text];
}
