import { describe, expect, it } from '@jest/globals';
import { FreshReceipts } from '../../src/app/notifications/fresh-receipts.ts';

const MB = 1024 * 1024;

function receiptOf(id: string, characters: number, receivedAt = 0) {
  const of = { organizationId: 'default', subscriptionId: 's', applicationId: 'a' };
  const items = [{ ...of, place: 0, text: ' '.repeat(characters) }];
  return { id, organizationId: 'default', receivedAt, tokens: null, items };
}

describe('receipts that are still in memory', () => {
  it('are given once', () => {
    const fresh = new FreshReceipts();
    fresh.put(receiptOf('a', 1));
    expect(fresh.take('a')).toEqual(receiptOf('a', 1));
    expect(fresh.take('a')).toBeUndefined();
  });

  it('are left to the inbox where they do not fit', () => {
    const fresh = new FreshReceipts();
    fresh.put(receiptOf('a', 20 * MB));
    fresh.put(receiptOf('b', 12 * MB + 1));
    fresh.put(receiptOf('c', 12 * MB));
    expect(fresh.take('b')).toBeUndefined();
    expect(fresh.take('c')?.id).toBe('c');
  });

  it('go when they have been there for long, as what another instance has expanded', () => {
    const fresh = new FreshReceipts();
    fresh.put(receiptOf('old', 20 * MB, 0));
    fresh.put(receiptOf('young', 12 * MB, 20_000));
    fresh.put(receiptOf('new', 10 * MB, 30_001));
    expect(fresh.take('old')).toBeUndefined();
    expect(fresh.take('young')?.id).toBe('young');
    expect(fresh.take('new')?.id).toBe('new');
  });

  it('take room once, as held items that were judged twice do not come twice', () => {
    const fresh = new FreshReceipts();
    for (let n = 0; n < 3; n += 1) {
      fresh.put(receiptOf('held', 10 * MB));
      fresh.put(receiptOf('held', 10 * MB));
      fresh.take('held');
    }
    fresh.put(receiptOf('large', 32 * MB));
    expect(fresh.take('large')?.id).toBe('large');
  });
});
