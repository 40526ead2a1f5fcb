import { setImmediate as turn } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { createCipher } from '../../src/adapters/crypto/cipher.ts';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { createExpandReceipt } from '../../src/app/notifications/expand-receipt.ts';
import { FreshReceipts } from '../../src/app/notifications/fresh-receipts.ts';
import type { Receipt } from '../../src/domain/notifications/receipt.ts';
import { TurnedClock } from '../support/clock.ts';
import { aSink } from '../support/builders.ts';

const MORE_THAN_GRAPH_SENDS = 1200;

function receiptOf(id: string, count: number): Receipt {
  const of = { organizationId: 'default', subscriptionId: 's', applicationId: 'a' };
  const items = Array.from({ length: count }, (_none, place) => {
    const facts = { changeType: 'created', resource: 'r', tenantId: 't', id: `${id}-${place}` };
    return { ...of, place, text: JSON.stringify(facts) };
  });
  return { id, organizationId: 'default', receivedAt: 0, tokens: null, items };
}

describe('expanding receipts of many items', () => {
  /** In the order of the writes: of which receipt, and how many. */
  let inserts: { of: string | undefined; rows: number }[];
  let deliveries: number;
  let settled: string[];
  let receipts: Map<string, Receipt>;
  let fails: boolean;
  let expand: ReturnType<typeof createExpandReceipt>;
  let fresh: FreshReceipts;

  beforeEach(() => {
    [inserts, deliveries, settled, receipts, fails] = [[], 0, [], new Map(), false];
    fresh = new FreshReceipts();
    expand = createExpandReceipt({
      inbox: {
        read: async (id: string) => receipts.get(id),
        settle: (id: string) => void settled.push(id),
      } as never,
      fresh,
      deliveries: {
        async insertNotifications(rows: { receiptId: string; sinkIds: string[] }[]) {
          inserts.push({ of: rows[0]?.receiptId, rows: rows.length });
          await turn();
          if (fails) throw new Error('away');
          return rows.map(({ sinkIds }) => ({ found: 'new', expanded: false, sinkIds }));
        },
        insertDeliveries: async (rows: unknown[]) => void (deliveries += rows.length),
        markExpanded: async () => undefined,
      } as never,
      readSinks: async () => [aSink({ id: 'k' })],
      queue: { hint: () => undefined } as never,
      cipher: createCipher({ keys: [{ id: 'k', key: '5a'.repeat(32) }] }),
      digest: createDigest(),
      clock: new TurnedClock(),
      metrics: createMetrics(),
    });
  });

  const keep = (id: string, count: number) => receipts.set(id, receiptOf(id, count));

  it('writes so many rows at a time, and settles after the last', async () => {
    keep('large', MORE_THAN_GRAPH_SENDS);
    await expand('large');
    expect(inserts.map(({ rows }) => rows)).toEqual([500, 500, 200]);
    expect(deliveries).toBe(MORE_THAN_GRAPH_SENDS);
    expect(settled).toEqual(['large']);
  });

  it('takes large ones one after the other, fresh or not, and small ones beside them', async () => {
    fresh.put(receiptOf('a', MORE_THAN_GRAPH_SENDS));
    for (const id of ['a', 'b']) keep(id, MORE_THAN_GRAPH_SENDS);
    for (const id of ['x', 'y']) keep(id, 3);
    await Promise.all(['a', 'b', 'x', 'y'].map(expand));
    const large = inserts.filter(({ rows }) => rows > 3).map(({ of }) => of);
    expect(large).toEqual(['a', 'a', 'a', 'b', 'b', 'b']);
    const firstOfB = inserts.findIndex(({ of }) => of === 'b');
    for (const id of ['x', 'y']) {
      expect(inserts.findIndex(({ of }) => of === id)).toBeLessThan(firstOfB);
    }
    expect(settled.toSorted()).toEqual(['a', 'b', 'x', 'y']);
  });

  it('goes on with the next when one fails', async () => {
    for (const id of ['a', 'b']) keep(id, MORE_THAN_GRAPH_SENDS);
    fails = true;
    await expect(expand('a')).rejects.toThrow('away');
    fails = false;
    await expand('b');
    await expand('a');
    expect(settled).toEqual(['b', 'a']);
  });
});
