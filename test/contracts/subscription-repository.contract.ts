import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { PageRequest } from '../../src/domain/page.ts';
import type {
  KnownSubscription,
  Subscription,
  SubscriptionChange,
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

const LATER = BUILT_AT + 1000;

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
    const listDeleted = (page: PageRequest) =>
      harness.subscriptions.list('default', { ...page, deleted: true });
    const find = (id: string) => harness.subscriptions.find('default', id);
    const update = (id: string, change: SubscriptionChange) =>
      harness.subscriptions.update('default', id, change, LATER);
    const softDelete = (id: string, at = LATER) =>
      harness.subscriptions.softDelete('default', id, at);
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
        notes: '<b>nobody</b> asked',
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

    it('changes the given fields and no others', async () => {
      const { id } = await insert();
      for (const change of [
        { clientStateDigest: 'd'.repeat(64), expirationAt: LATER },
        { changeType: 'deleted', resource: "me/'; --" },
        { includeResourceData: true, encryptionCertificateId: 'cert-a' },
        { includeResourceData: false, encryptionCertificateId: null },
        { description: 'für „alle“ ✓', notes: 'n' },
        { description: null, notes: null },
      ] satisfies SubscriptionChange[]) {
        const before = await find(id);
        const after = await update(id, change);
        expect(after).toEqual({ ...before, ...change, updatedAt: LATER });
        expect(await find(id)).toEqual(after);
      }
    });

    it('keeps every one of concurrent changes to different fields', async () => {
      const { id } = await insert();
      const changes: SubscriptionChange[] = [
        { expirationAt: LATER },
        { changeType: 'deleted' },
        { notes: 'n' },
        { includeResourceData: true },
      ];
      await Promise.all(changes.map((change) => update(id, change)));
      const after = await find(id);
      for (const change of changes) expect(after).toMatchObject(change);
    });

    it('shows what it changed to the next look-up', async () => {
      const { id } = await insert();
      await update(id, { clientStateDigest: 'e'.repeat(64) });
      expect(await harness.subscriptions.lookUp([id])).toMatchObject([
        { clientStateDigest: 'e'.repeat(64) },
      ]);
    });

    it('leaves a soft-deleted one out of reads and changes, but not of look-ups', async () => {
      const [subscription, kept] = [await insert(), await insert()];
      expect(await softDelete(subscription.id)).toBe(true);
      harness = await harness.reopen();
      expect(await find(subscription.id)).toBeUndefined();
      expect((await list({ limit: 10 })).data).toEqual([kept]);
      expect(await update(subscription.id, { notes: 'x' })).toBeUndefined();
      expect(await softDelete(subscription.id)).toBe(false);
      expect(await harness.subscriptions.lookUp([subscription.id])).toMatchObject([
        { deletedAt: LATER },
      ]);
    });

    it('lists the soft-deleted ones of an organisation by themselves, the latest first', async () => {
      const subscriptions = [await insert(), await insert(), await insert()];
      await insert();
      await insert({ organizationId: 'other', deletedAt: LATER });
      for (const { id } of subscriptions) await softDelete(id);
      const deleted = subscriptions
        .toReversed()
        .map((each) => ({ ...each, updatedAt: LATER, deletedAt: LATER }));
      expect(await pagesOf(listDeleted, 2)).toEqual([deleted.slice(0, 2), deleted.slice(2)]);
    });

    it('restores a soft-deleted one as it was', async () => {
      const subscription = await insert({ notes: 'kept' });
      await softDelete(subscription.id);
      const restored = { ...subscription, updatedAt: LATER + 1 };
      const restore = () => harness.subscriptions.restore('default', subscription.id, LATER + 1);
      expect(await restore()).toEqual(restored);
      harness = await harness.reopen();
      expect(await find(subscription.id)).toEqual(restored);
      expect((await listDeleted({ limit: 10 })).data).toEqual([]);
      expect(await restore()).toBeUndefined();
    });

    it('removes for good only what is soft-deleted, and its id is free then', async () => {
      const subscription = await insert();
      const { id } = subscription;
      const remove = () => harness.subscriptions.permanentlyDelete('default', id);
      expect(await remove()).toBe(false);
      expect(await find(id)).toEqual(subscription);
      await softDelete(id);
      expect(await remove()).toBe(true);
      expect(await remove()).toBe(false);
      harness = await harness.reopen();
      expect((await listDeleted({ limit: 10 })).data).toEqual([]);
      expect(await harness.subscriptions.lookUp([id])).toEqual([]);
      expect(await harness.subscriptions.insert(subscription)).toBe(true);
    });

    it('changes, deletes and restores nothing of another organisation, and no stranger', async () => {
      const [living, deleted] = [await insert(), await insert({ deletedAt: BUILT_AT })];
      const { subscriptions } = harness;
      for (const [organization, id] of [
        ['other', living.id],
        ['other', deleted.id],
        ['default', randomUUID()],
      ] as const) {
        const change = { notes: 'x' };
        expect(await subscriptions.update(organization, id, change, LATER)).toBeUndefined();
        expect(await subscriptions.softDelete(organization, id, LATER)).toBe(false);
        expect(await subscriptions.restore(organization, id, LATER)).toBeUndefined();
        expect(await subscriptions.permanentlyDelete(organization, id)).toBe(false);
      }
      expect(await find(living.id)).toEqual(living);
      expect((await listDeleted({ limit: 10 })).data).toEqual([deleted]);
    });

    it('lets one of concurrent deletions, restorations and removals succeed', async () => {
      const { id } = await insert();
      const { subscriptions } = harness;
      expect(await winnersOf(() => softDelete(id))).toBe(1);
      expect(await winnersOf(() => subscriptions.restore('default', id, LATER))).toBe(1);
      await softDelete(id);
      expect(await winnersOf(() => subscriptions.permanentlyDelete('default', id))).toBe(1);
    });

    it('gives those of all organisations that end soon, the next to end first', async () => {
      const third = await insert({ expirationAt: LATER + 3 });
      const first = await insert({ expirationAt: LATER + 1 });
      const second = await insert({ expirationAt: LATER + 2, organizationId: 'other' });
      await insert({ expirationAt: LATER + 2, deletedAt: BUILT_AT });
      await insert({ expirationAt: LATER + 4 });
      await insert({ expirationAt: LATER });
      const range = { from: LATER + 1, before: LATER + 4 };
      const ending = (limit: number) => harness.subscriptions.ending(range, limit);
      expect(await ending(10)).toEqual([first, second, third]);
      expect(await ending(2)).toEqual([first, second]);
      const none = { from: LATER + 1, before: LATER + 1 };
      expect(await harness.subscriptions.ending(none, 10)).toEqual([]);
      await update(first.id, { expirationAt: LATER + 100 });
      expect(await ending(1)).toEqual([second]);
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
    }, 60_000);
  });
}

/** How many of ten who do the same at the same time succeed. */
async function winnersOf(act: () => Promise<unknown>): Promise<number> {
  const results = await Promise.all(Array.from({ length: 10 }, () => act()));
  return results.filter(Boolean).length;
}

function toKnown(subscription: Subscription): KnownSubscription {
  const { id, organizationId, tenantId, applicationId, clientStateDigest, deletedAt } =
    subscription;
  return { id, organizationId, tenantId, applicationId, clientStateDigest, deletedAt };
}

function sorted(known: readonly KnownSubscription[]): KnownSubscription[] {
  return known.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
