import { describe } from '@jest/globals';
import { describeClaims } from './delivery-store-claims.ts';
import { describeDeadLetters } from './delivery-store-dead-letters.ts';
import type { DeliveryStoreHarness } from './delivery-store-harness.ts';
import { describeDiscards } from './delivery-store-discards.ts';
import { describeInserts } from './delivery-store-inserts.ts';
import { describePurge } from './delivery-store-purge.ts';
import { describeSearch } from './delivery-store-search.ts';
import { describeSetBack } from './delivery-store-set-back.ts';

/** What `DeliveryStore` promises. Every adapter runs all of it; none opts out of a case. */
export function describeDeliveryStore(
  adapter: string,
  open: () => Promise<DeliveryStoreHarness>,
): void {
  describe(`DeliveryStore contract: ${adapter}`, () => {
    describeInserts(open);
    describeClaims(open);
    describeSearch(open);
    describeDeadLetters(open);
    describeDiscards(open);
    describePurge(open);
    describeSetBack(open);
  });
}
