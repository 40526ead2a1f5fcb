import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { PageRequest } from '../../src/domain/page.ts';
import type { Sink, SinkChange } from '../../src/domain/delivery/sink.ts';
import type { SinkRepository } from '../../src/ports/sink-repository.ts';
import { anEnvelope, aSink, BUILT_AT } from '../support/builders.ts';
import { pagesOf } from '../support/pages.ts';

export interface SinkRepositoryHarness {
  readonly sinks: SinkRepository;
  /** Closes it and opens it again on what it kept. */
  reopen(): Promise<SinkRepositoryHarness>;
  close(): Promise<void>;
}

const LATER = BUILT_AT + 1000;

const full = () => ({
  kind: 'webhook' as const,
  url: 'https://sink.example/in?a=1',
  stream: 'orders',
  collection: 'Mails_2',
  purpose: 'operations' as const,
  secrets: anEnvelope(),
  previousSecretsUntil: BUILT_AT + 5,
  headers: anEnvelope(),
  filter: {
    tenantId: ['t-1', 't-2'],
    subscriptionId: ['s-1'],
    resource: ['users/a', "x'; DROP TABLE sinks; --"],
    changeType: ['created'],
    lifecycle: 'also' as const,
  },
  enabled: false,
  disabledReason: 'gone',
  concurrency: 3,
  ratePerSecond: 7,
  description: 'für „alle“ ✓',
  notes: '<i>ours</i>',
  failingSince: BUILT_AT,
});

/** What `SinkRepository` promises. Every adapter runs all of it; none opts out of a case. */
export function describeSinkRepository(
  adapter: string,
  open: () => Promise<SinkRepositoryHarness>,
): void {
  describe(`SinkRepository contract: ${adapter}`, () => {
    let harness: SinkRepositoryHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const list = (page: PageRequest) => harness.sinks.list('default', page);
    const listDeleted = (page: PageRequest) =>
      harness.sinks.list('default', { ...page, deleted: true });
    const softDelete = (id: string) => harness.sinks.softDelete('default', id, LATER);
    async function insert(changes: Partial<Sink> = {}): Promise<Sink> {
      const sink = aSink(changes);
      await harness.sinks.insert(sink);
      return sink;
    }

    it('gives back a sink as it was inserted, over a restart too', async () => {
      const plain = await insert();
      const sink = await insert(full());
      harness = await harness.reopen();
      expect(await harness.sinks.find('default', sink.id)).toEqual(sink);
      expect(await harness.sinks.find('default', plain.id)).toEqual(plain);
    });

    it.each(['webhook', 'log', 'redis-stream', 'mongo-collection', 'listen'] as const)(
      'keeps a sink of the kind %s',
      async (kind) => {
        const sink = await insert({ kind });
        expect(await harness.sinks.all()).toEqual([sink]);
      },
    );

    it('refuses an id that is taken, and keeps what was there', async () => {
      const sink = await insert();
      await expect(harness.sinks.insert({ ...sink, name: 'other' })).rejects.toThrow();
      expect(await harness.sinks.all()).toEqual([sink]);
    });

    it('lists an organisation, the oldest first, page by page', async () => {
      const sinks = [await insert(), await insert(), await insert(), await insert()];
      await insert({ organizationId: 'other' });
      expect(await pagesOf(list, 3)).toEqual([sinks.slice(0, 3), sinks.slice(3)]);
      expect(await pagesOf(list, 4)).toEqual([sinks]);
    });

    it('refuses a cursor that it has not given', async () => {
      const refused = list({ limit: 1, cursor: 'nonsense' });
      await expect(refused).rejects.toMatchObject({ details: [{ path: 'cursor' }] });
    });

    it('gives all of every organisation, disabled ones too', async () => {
      const sinks = [await insert(), await insert({ organizationId: 'other', enabled: false })];
      expect(await harness.sinks.all()).toEqual(sinks);
    });

    it('gives the same object for one that has not changed, and what has changed anew', async () => {
      const [one, other] = [await insert(full()), await insert()];
      const first = await harness.sinks.all();
      expect(first).toEqual([one, other]);
      const again = await harness.sinks.all();
      expect(again.map((sink, at) => sink === first[at])).toEqual([true, true]);

      // The time alone would not tell it.
      await harness.sinks.update('default', one.id, { notes: 'n' }, one.updatedAt);
      const third = await insert();
      const changed = await harness.sinks.all();
      expect(changed).toEqual([{ ...one, notes: 'n' }, other, third]);
      expect(changed[1]).toBe(first[1]);

      await softDelete(other.id);
      expect(await harness.sinks.all()).toEqual([{ ...one, notes: 'n' }, third]);
      await softDelete(one.id);
      await softDelete(third.id);
      expect(await harness.sinks.all()).toEqual([]);
    });

    it('changes the given fields and no others', async () => {
      const sink = await insert(full());
      for (const change of [
        { name: 'new name' },
        { enabled: true, disabledReason: null },
        { filter: { lifecycle: 'only' }, failingSince: null },
        { secrets: anEnvelope(), previousSecretsUntil: null, headers: null, url: null },
        { concurrency: 200, ratePerSecond: null, description: null, notes: null },
        { previousSecretsUntil: LATER, notes: 'n' },
        { stream: 'others', collection: null },
      ] satisfies SinkChange[]) {
        const before = await harness.sinks.find('default', sink.id);
        const after = await harness.sinks.update('default', sink.id, change, LATER);
        expect(after).toEqual({ ...before, ...change, updatedAt: LATER });
        expect(await harness.sinks.find('default', sink.id)).toEqual(after);
      }
    });

    it('changes no neighbour', async () => {
      const [sink, neighbour] = [await insert(), await insert()];
      await harness.sinks.update('default', sink.id, { name: 'new' }, LATER);
      expect(await harness.sinks.find('default', neighbour.id)).toEqual(neighbour);
    });

    it('keeps every one of concurrent changes to different fields', async () => {
      const { id } = await insert();
      const changes: SinkChange[] = [
        { name: 'new' },
        { enabled: false },
        { concurrency: 5 },
        { failingSince: LATER },
        { filter: { changeType: ['deleted'] } },
      ];
      await Promise.all(changes.map((each) => harness.sinks.update('default', id, each, LATER)));
      const sink = await harness.sinks.find('default', id);
      for (const change of changes) expect(sink).toMatchObject(change);
    });

    it('leaves soft-deleted ones out of every read and change', async () => {
      const sink = await insert();
      const kept = await insert();
      expect(await harness.sinks.softDelete('default', sink.id, LATER)).toBe(true);
      harness = await harness.reopen();
      expect(await harness.sinks.find('default', sink.id)).toBeUndefined();
      expect(await harness.sinks.all()).toEqual([kept]);
      expect((await list({ limit: 10 })).data).toEqual([kept]);
      expect(await harness.sinks.update('default', sink.id, { name: 'x' }, LATER)).toBeUndefined();
      expect(await harness.sinks.softDelete('default', sink.id, LATER)).toBe(false);
    });

    it('lists the soft-deleted ones of an organisation by themselves, the oldest first', async () => {
      const sinks = [await insert(), await insert(), await insert()];
      await insert();
      await insert({ organizationId: 'other', deletedAt: LATER });
      for (const { id } of sinks) await softDelete(id);
      const deleted = sinks.map((sink) => ({ ...sink, updatedAt: LATER, deletedAt: LATER }));
      expect(await pagesOf(listDeleted, 2)).toEqual([deleted.slice(0, 2), deleted.slice(2)]);
    });

    it('finds a deleted one under its id, and only while it is deleted', async () => {
      const sink = await insert(full());
      expect(await harness.sinks.findDeleted('default', sink.id)).toBeUndefined();
      await softDelete(sink.id);
      const deleted = { ...sink, updatedAt: LATER, deletedAt: LATER };
      expect(await harness.sinks.findDeleted('default', sink.id)).toEqual(deleted);
      expect(await harness.sinks.findDeleted('other', sink.id)).toBeUndefined();
    });

    it('restores a soft-deleted one as it was', async () => {
      const sink = await insert(full());
      await softDelete(sink.id);
      const restore = () => harness.sinks.restore('default', sink.id, LATER + 1);
      const restored = { ...sink, updatedAt: LATER + 1 };
      expect(await restore()).toEqual(restored);
      harness = await harness.reopen();
      expect(await harness.sinks.all()).toEqual([restored]);
      expect(await restore()).toBeUndefined();
    });

    it('removes for good only what is soft-deleted', async () => {
      const sink = await insert();
      const remove = () => harness.sinks.permanentlyDelete('default', sink.id);
      expect(await remove()).toBe(false);
      expect(await harness.sinks.all()).toEqual([sink]);
      await softDelete(sink.id);
      expect(await remove()).toBe(true);
      expect(await remove()).toBe(false);
      harness = await harness.reopen();
      expect((await listDeleted({ limit: 10 })).data).toEqual([]);
      expect(await harness.sinks.restore('default', sink.id, LATER)).toBeUndefined();
    });

    it('replaces secrets that are still the given ones', async () => {
      const sink = await insert(full());
      const by = { secrets: anEnvelope(), previousSecretsUntil: LATER + 9 };
      const after = await harness.sinks.replaceSecrets(sink, by, LATER);
      expect(after).toEqual({ ...sink, ...by, updatedAt: LATER });
      harness = await harness.reopen();
      expect(await harness.sinks.find('default', sink.id)).toEqual(after);
      const none = { secrets: null, previousSecretsUntil: null };
      expect(await harness.sinks.replaceSecrets({ ...sink, ...by }, none, LATER)).toMatchObject(
        none,
      );
      const again = { secrets: anEnvelope(), previousSecretsUntil: null };
      expect(await harness.sinks.replaceSecrets({ ...sink, ...none }, again, LATER)).toMatchObject(
        again,
      );
    });

    it('replaces no secrets that are others by now, or of a sink that is not there', async () => {
      const sink = await insert(full());
      const by = { secrets: anEnvelope(), previousSecretsUntil: null };
      const { sinks } = harness;
      for (const stale of [
        { ...sink, secrets: anEnvelope() },
        { ...sink, secrets: null },
        { ...sink, organizationId: 'other' },
        { ...sink, id: randomUUID() },
      ]) {
        expect(await sinks.replaceSecrets(stale, by, LATER)).toBeUndefined();
      }
      expect(await sinks.find('default', sink.id)).toEqual(sink);
      await softDelete(sink.id);
      expect(await sinks.replaceSecrets(sink, by, LATER)).toBeUndefined();
    });

    it('lets one of concurrent replacements of the same secrets succeed', async () => {
      const sink = await insert(full());
      const tries = Array.from({ length: 10 }, () =>
        harness.sinks.replaceSecrets(
          sink,
          { secrets: anEnvelope(), previousSecretsUntil: LATER },
          LATER,
        ),
      );
      const [winner, ...others] = (await Promise.all(tries)).filter((each) => each !== undefined);
      expect(others).toEqual([]);
      expect(await harness.sinks.find('default', sink.id)).toEqual(winner);
    });

    it('lets one of concurrent deletions succeed', async () => {
      const { id } = await insert();
      const tries = Array.from({ length: 10 }, () =>
        harness.sinks.softDelete('default', id, LATER),
      );
      expect((await Promise.all(tries)).filter(Boolean)).toHaveLength(1);
    });

    it('shows, changes and deletes nothing of another organisation', async () => {
      const sink = await insert();
      expect(await harness.sinks.find('other', sink.id)).toBeUndefined();
      expect(await harness.sinks.update('other', sink.id, { name: 'x' }, LATER)).toBeUndefined();
      expect(await harness.sinks.softDelete('other', sink.id, LATER)).toBe(false);
      expect((await harness.sinks.list('other', { limit: 10 })).data).toEqual([]);
      expect(await harness.sinks.all()).toEqual([sink]);
      await softDelete(sink.id);
      expect(await harness.sinks.restore('other', sink.id, LATER)).toBeUndefined();
      expect(await harness.sinks.permanentlyDelete('other', sink.id)).toBe(false);
      expect((await listDeleted({ limit: 10 })).data).toHaveLength(1);
    });

    it('knows nothing under an id that was never there', async () => {
      const id = randomUUID();
      expect(await harness.sinks.find('default', id)).toBeUndefined();
      expect(await harness.sinks.update('default', id, { name: 'x' }, LATER)).toBeUndefined();
      expect(await harness.sinks.softDelete('default', id, LATER)).toBe(false);
      expect(await harness.sinks.restore('default', id, LATER)).toBeUndefined();
      expect(await harness.sinks.permanentlyDelete('default', id)).toBe(false);
    });

    it('inserts a first sink once, whoever asks at the same time', async () => {
      const candidates = Array.from({ length: 10 }, () => aSink());
      const won = await Promise.all(candidates.map((sink) => harness.sinks.insertFirst(sink)));
      const [winner, ...others] = candidates.filter((_, index) => won[index]);
      expect(others).toEqual([]);
      expect(await harness.sinks.all()).toEqual([winner]);
    });

    it('inserts no first sink where there was one that is deleted now', async () => {
      const { id } = await insert({ organizationId: 'other' });
      await harness.sinks.softDelete('other', id, LATER);
      harness = await harness.reopen();
      expect(await harness.sinks.insertFirst(aSink())).toBe(false);
      expect(await harness.sinks.all()).toEqual([]);
    });

    it('inserts no first sink where there was one that is removed for good', async () => {
      const { id } = await insert();
      await softDelete(id);
      await harness.sinks.permanentlyDelete('default', id);
      harness = await harness.reopen();
      expect(await harness.sinks.insertFirst(aSink())).toBe(false);
      expect(await harness.sinks.all()).toEqual([]);
    });
  });
}
