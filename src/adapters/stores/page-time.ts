import { isWithin } from '../../domain/elapsed.ts';
import type { Clock } from '../../ports/clock.ts';

// Far below what a request and a breaker wait for. When the store is slow each page has less in it,
// but there is one, and whoever asks gets on.
const PAGE_MS = 2000;

/** Begins the time of a page; the function says whether it is up, so that the page has to end. */
export function startPageTime(clock: Clock): () => boolean {
  const startedAt = clock.now();
  return () => !isWithin(startedAt, clock.now(), PAGE_MS);
}
