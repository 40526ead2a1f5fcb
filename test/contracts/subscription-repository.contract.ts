import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { PageRequest } from '../../src/domain/page.ts';
import type {
  KnownSubscription,
  Subscription,
} from '../../src/domain/subscriptions/subscription.ts';
import type { SubscriptionRepository } from '../../src/ports/subscription-repository.ts';
import { aSubscription, BUILT_AT } from '../support/builders.ts';
import { pagesOf } from '../support/pages.ts';

export interface SubscriptionRepositoryHarness {
  readonly subscriptions: SubscriptionRepository;
  /** Closes it and opens it again on what it kept. */
  reopen(): Promise<SubscriptionRepositoryHarness>;
  close(): Promise<void>;
}

/** What `SubscriptionRepository` promises. Every adapter runs all of it; none opts out of a case. */
export function describeSubscriptionRepository(
  adapter: string,
  open: () => Promise<SubscriptionRepositoryHarness>,
): void {
  describe(`SubscriptionRepository contract: ${adapter}`, () => {
    let harness: SubscriptionRepositoryHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const list = (page: PageRequest) => harness.subscriptions.list('default', page);
    async function insert(changes: Partial<Subscription> = {}): Promise<Subscription> {
      const subscription = aSubscription(changes);
      expect(await harness.subscriptions.insert(subscription)).toBe(true);
      return subscription;
    }

    it('gives back a subscription as it was inserted, over a restart too', async () => {
      const plain = await insert();
      const full = await insert({
        includeResourceData: true,
        encryptionCertificateId: 'cert-a',
        description: 'für „alle“ ✓',
      });
      harness = await harness.reopen();
      expect(await harness.subscriptions.find('default', plain.id)).toEqual(plain);
      expect(await harness.subscriptions.find('default', full.id)).toEqual(full);
    });

    it('inserts an id once, in whatever organisation, and keeps what was there', async () => {
      const subscription = await insert();
      const again = { ...subscription, organizationId: 'other', resource: 'me/events' };
      expect(await harness.subscriptions.insert(again)).toBe(false);
      expect(await harness.subscriptions.find('default', subscription.id)).toEqual(subscription);
      expect(await harness.subscriptions.find('other', subscription.id)).toBeUndefined();
    });

    it('inserts no id that a deleted one has', async () => {
      const { id } = await insert({ deletedAt: BUILT_AT });
      expect(await harness.subscriptions.insert(aSubscription({ id }))).toBe(false);
    });

    it('lets one of concurrent inserts of an id succeed', async () => {
      const id = randomUUID();
      const rivals = Array.from({ length: 20 }, () => aSubscription({ id }));
      const won = await Promise.all(rivals.map((each) => harness.subscriptions.insert(each)));
      const [winner, ...others] = rivals.filter((_, index) => won[index]);
      expect(others).toEqual([]);
      expect(await harness.subscriptions.find('default', id)).toEqual(winner);
    });

    it('lists an organisation, the latest first, page by page', async () => {
      const subscriptions = [await insert(), await insert(), await insert(), await insert()];
      await insert({ organizationId: 'other' });
      await insert({ deletedAt: BUILT_AT });
      const latest = subscriptions.toReversed();
      expect(await pagesOf(list, 3)).toEqual([latest.slice(0, 3), latest.slice(3)]);
      expect(await pagesOf(list, 4)).toEqual([latest]);
    });

    it('refuses a cursor that it has not given', async () => {
      const refused = list({ limit: 1, cursor: 'nonsense' });
      await expect(refused).rejects.toMatchObject({ details: [{ path: 'cursor' }] });
    });

    it('shows nothing deleted and nothing of another organisation', async () => {
      const deleted = await insert({ deletedAt: BUILT_AT });
      const foreign = await insert({ organizationId: 'other' });
      expect(await harness.subscriptions.find('default', deleted.id)).toBeUndefined();
      expect(await harness.subscriptions.find('default', foreign.id)).toBeUndefined();
    });

    it('looks up over all organisations, deleted ones included, unknown ones left out', async () => {
      const subscriptions = [
        await insert(),
        await insert({ organizationId: 'other' }),
        await insert({ deletedAt: BUILT_AT }),
      ];
      const ids = [randomUUID(), ...subscriptions.map(({ id }) => id), '"]; --'];
      const known = await harness.subscriptions.lookUp(ids);
      expect(sorted(known)).toEqual(sorted(subscriptions.map(toKnown)));
    });

    it('looks up each id once, however often it is asked for', async () => {
      const { id } = await insert();
      expect(await harness.subscriptions.lookUp([id, id, id])).toHaveLength(1);
      expect(await harness.subscriptions.lookUp([])).toEqual([]);
    });

    it('looks up 10,000 ids at once', async () => {
      const known = await Promise.all(Array.from({ length: 500 }, () => insert()));
      const ids = [
        ...known.map(({ id }) => id),
        ...Array.from({ length: 9500 }, () => randomUUID()),
      ];
      const found = await harness.subscriptions.lookUp(ids);
      expect(sorted(found)).toEqual(sorted(known.map(toKnown)));
    });
  });
}

function toKnown(subscription: Subscription): KnownSubscription {
  const { id, organizationId, tenantId, applicationId, clientStateDigest, deletedAt } =
    subscription;
  return { id, organizationId, tenantId, applicationId, clientStateDigest, deletedAt };
}

function sorted(known: readonly KnownSubscription[]): KnownSubscription[] {
  return known.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
