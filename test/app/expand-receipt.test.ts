import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCipher } from '../../src/adapters/crypto/cipher.ts';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { createMemoryJobQueue } from '../../src/adapters/memory/job-queue.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { createExpandReceipt } from '../../src/app/notifications/expand-receipt.ts';
import { FreshReceipts } from '../../src/app/notifications/fresh-receipts.ts';
import type { Receipt } from '../../src/domain/notifications/receipt.ts';
import { aSink } from '../support/builders.ts';
import { TurnedClock } from '../support/clock.ts';
import { openEmbedded } from '../support/embedded.ts';
import { temporaryFolder } from '../support/folder.ts';
import { silentLog } from '../support/silent-log.ts';

const LARGE = 1200;
const SINK = aSink();

/** Items of two receipts with the same place and no other id are repeats of each other. */
function receiptOf(id: string, count: number, of = id): Receipt {
  const known = { organizationId: 'default', subscriptionId: 's', applicationId: 'a' };
  const items = Array.from({ length: count }, (_none, place) => {
    const facts = { changeType: 'created', resource: 'r', tenantId: 't', id: `${of}-${place}` };
    return { ...known, place, text: JSON.stringify(facts) };
  });
  return { id, organizationId: 'default', receivedAt: Date.now(), tokens: null, items };
}

describe('expanding receipts of many items', () => {
  const folder = temporaryFolder();
  let stores: Awaited<ReturnType<typeof openEmbedded>>;
  let fresh: FreshReceipts;
  let metrics: ReturnType<typeof createMetrics>;
  let stopping: AbortController;
  let expand: ReturnType<typeof createExpandReceipt>;
  /** In the order of the writes: of which receipt, and how many. */
  let inserts: { of: string | undefined; rows: number }[];
  /** Run before a write of rows; may throw. */
  let beforeInsert: (nth: number) => void;

  beforeEach(async () => {
    stores = await openEmbedded(folder.path);
    [fresh, metrics, stopping] = [new FreshReceipts(), createMetrics(), new AbortController()];
    inserts = [];
    beforeInsert = () => undefined;
    expand = createExpandReceipt({
      ...stores,
      deliveries: {
        ...stores.deliveries,
        async insertNotifications(rows) {
          inserts.push({ of: rows[0]?.receiptId, rows: rows.length });
          beforeInsert(inserts.length);
          return stores.deliveries.insertNotifications(rows);
        },
      },
      fresh,
      readSinks: async () => [SINK],
      queue: createMemoryJobQueue({ clock: new TurnedClock(), log: silentLog }),
      cipher: createCipher({ keys: [{ id: 'k', key: '5a'.repeat(32) }] }),
      digest: createDigest(),
      clock: new TurnedClock(),
      metrics,
      stopping: stopping.signal,
    });
  });
  afterEach(async () => {
    await stores.close();
    folder.remove();
  });

  const keep = (receipt: Receipt) =>
    stores.inbox.append({ receipt, held: [] }, Date.now() + 60_000);
  const unsettled = async () => (await stores.inbox.unsettled({ limit: 10 })).map(({ id }) => id);
  const dueCount = async () => (await stores.deliveries.due(SINK.id, Date.now(), 10_000)).length;
  const duplicates = async () => {
    const { text } = await metrics.render();
    return Number(/^notifications_total\{verdict="duplicate"\} (\d+)/m.exec(text)?.[1] ?? 0);
  };

  it('writes so many rows at a time, and settles after the last', async () => {
    await keep(receiptOf('large', LARGE));
    await expand('large');
    expect(inserts.map(({ rows }) => rows)).toEqual([500, 500, 200]);
    expect(await dueCount()).toBe(LARGE);
    expect(stores.inbox.backlog().receipts).toBe(0);
  });

  it('takes large ones one after the other, fresh or not, and small ones beside them', async () => {
    fresh.put(receiptOf('a', LARGE));
    for (const [id, count] of [
      ['a', LARGE],
      ['b', LARGE],
      ['x', 3],
      ['y', 3],
    ] as const) {
      await keep(receiptOf(id, count));
    }
    await Promise.all(['a', 'b', 'x', 'y'].map(expand));
    const large = inserts.filter(({ rows }) => rows > 3).map(({ of }) => of);
    expect(['aaabbb', 'bbbaaa']).toContain(large.join(''));
    const second = inserts.findIndex(({ of }) => of === large.at(-1));
    for (const id of ['x', 'y']) {
      expect(inserts.findIndex(({ of }) => of === id)).toBeLessThan(second);
    }
    expect(await dueCount()).toBe(2 * LARGE + 6);
  });

  it('goes on where it failed, in the middle of one, and lets the next begin', async () => {
    for (const id of ['a', 'b']) await keep(receiptOf(id, LARGE));
    beforeInsert = (nth) => {
      if (nth === 2) throw new Error('away');
    };
    await expect(expand('a')).rejects.toThrow('away');
    expect(await unsettled()).toEqual(['a', 'b']);
    await expand('b');
    await expand('a');
    expect(await dueCount()).toBe(2 * LARGE);
    expect(stores.inbox.backlog().receipts).toBe(0);
    expect(await duplicates()).toBe(0);
  });

  it('counts duplicates once, however often it has to be done again', async () => {
    await keep(receiptOf('first', LARGE));
    await expand('first');
    await keep(receiptOf('repeated', LARGE, 'first'));
    const begun = inserts.length;
    beforeInsert = (nth) => {
      if (nth === begun + 2 || nth === begun + 4) throw new Error('away');
    };
    await expect(expand('repeated')).rejects.toThrow('away');
    await expect(expand('repeated')).rejects.toThrow('away');
    await expand('repeated');
    expect(await duplicates()).toBe(LARGE);
    expect(await dueCount()).toBe(LARGE);
  });

  it('leaves what it has not done to the next start when the service stops', async () => {
    for (const id of ['a', 'b']) await keep(receiptOf(id, LARGE));
    beforeInsert = () => stopping.abort();
    await Promise.all(['a', 'b'].map(expand));
    expect(inserts).toHaveLength(1);
    expect(await unsettled()).toEqual(['a', 'b']);
  });
});
