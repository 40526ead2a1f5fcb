import type { Page } from '../../domain/page.ts';

/** One part of a list, each of its things shown by `present`. */
export function presentPage<T>(page: Page<T>, present: (thing: T) => object): object {
  return { data: page.data.map(present), nextCursor: page.nextCursor };
}

/** A time that may not have come; the API's times are RFC 3339. */
export function presentTime(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
