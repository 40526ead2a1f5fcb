import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import {
  ROW_KINDS,
  type RowKind,
  type StoredRow,
  type StoreSource,
} from '../../src/ports/store-copy.ts';
import {
  aDelivery,
  anEnvelope,
  aNotification,
  anOutcome,
  aSink,
  BUILT_AT,
} from '../support/builders.ts';
import { fillStores, type FillableStores, type Filled } from '../support/filled-stores.ts';

export interface StoreSourceHarness {
  readonly stores: FillableStores;
  /** Opens what reads all that was written through `stores`. */
  read(): Promise<StoreSource>;
  /** Puts a text in the place of a sink's filter, which is none then. */
  spoil(sinkId: string, filter: string): Promise<void>;
  close(): Promise<void>;
}

const COUNT = 600; // two pages, and three of deliveries
const FILLING_MS = 60_000;

/** What `StoreSource` promises. Every adapter runs all of it; none opts out of a case. */
export function describeStoreSource(
  adapter: string,
  open: () => Promise<StoreSourceHarness>,
): void {
  describe(`StoreSource contract: ${adapter}`, () => {
    let harness: StoreSourceHarness;
    let source: StoreSource;
    let filled: Filled;
    let expected: Awaited<ReturnType<typeof readByPorts>>;
    let rows: AllRows;

    beforeAll(async () => {
      harness = await open();
      filled = await fillStores(harness.stores, COUNT);
      expected = await readByPorts(harness.stores, filled);
      source = await harness.read();
      rows = await readAll(source);
    }, FILLING_MS);
    afterAll(async () => {
      await source.close();
      await harness.close();
    });

    it('gives every row once, as its own port gives it', () => {
      expect(valuesOf(rows, 'subscriptions')).toEqual(expected.subscriptions);
      expect(valuesOf(rows, 'sinks')).toEqual(expected.sinks);
      expect(valuesOf(rows, 'receipts')).toEqual(byId(filled.receipts));
      expect(valuesOf(rows, 'held')).toEqual(byId(filled.held));
      expect(valuesOf(rows, 'audit')).toEqual(expected.audit);
      const notifications = valuesOf(rows, 'notifications');
      expect(notifications.map(({ expanded: _expanded, ...rest }) => rest)).toEqual(
        byId(filled.notifications),
      );
      expect(notifications.filter(({ expanded }) => !expanded)).toHaveLength(
        Math.ceil(500 / 7) + Math.ceil(100 / 7),
      );
      const deliveries = valuesOf(rows, 'deliveries');
      expect(deliveries).toHaveLength(2 * COUNT);
      expect(new Set(deliveries.map(({ state }) => state)).size).toBe(5);
      const some = new Set(expected.deliveries.map(({ id }) => id));
      expect(deliveries.filter(({ id }) => some.has(id))).toEqual(expected.deliveries);
    });

    it('gives places that rise as rows were made', () => {
      const made = (kind: RowKind) =>
        rows[kind]
          .toSorted((a, b) => (String(a.place) < String(b.place) ? -1 : 1))
          .map(({ value }) => value.id);

      expect(made('notifications')).toEqual(filled.notifications.map(({ id }) => id));
      expect(made('subscriptions')).toEqual(filled.subscriptionIds);
      expect(made('sinks')).toEqual(filled.sinkIds.filter((_, index) => index !== 4));
      const entries = new Map(valuesOf(rows, 'audit').map((entry) => [entry.id, entry]));
      expect(made('audit').map((id) => entries.get(id)?.resource)).toEqual(
        Array.from({ length: filled.auditEntries }, (_, index) => `sink/${index}`),
      );
      for (const kind of ROW_KINDS) {
        const places = rows[kind].map(({ place }) => place);
        const unordered = kind === 'receipts' || kind === 'held';
        if (unordered) expect(new Set(places)).toEqual(new Set([null]));
        else expect(new Set(places).size).toBe(places.length);
        for (const place of places) if (!unordered) expect(place).toMatch(/^[\da-f]{24}$/);
      }
    });

    it('says where a replay stands by the last notification that it is done with', () => {
      const [running, done] = valuesOf(rows, 'replays').toSorted((a) => (a.cursor ? -1 : 1));
      // The search that it stands in had given the latest five.
      const last = filled.notifications.at(-5);
      const row = rows.notifications.find(({ value }) => value.id === last?.id);
      expect(running?.cursor).toEqual({ receivedAt: last?.receivedAt, place: row?.place });
      expect(done).toMatchObject({ state: 'done', cursor: null });
    });

    it('goes on at a page that another one was told of', async () => {
      for (const [kind, second] of [
        ['notifications', COUNT - 500],
        ['deliveries', 500],
      ] as const) {
        const first = await source.page(kind);
        const again = await source.page(kind, first.next ?? '');
        const twice = await source.page(kind, first.next ?? '');
        expect(first.rows).toHaveLength(500);
        expect(twice).toEqual(again);
        const ids = new Set([...first.rows, ...again.rows].map(({ value }) => value.id));
        expect(ids.size).toBe(500 + second);
      }
    });
  });

  describe(`StoreSource contract: ${adapter}, little and large`, () => {
    let harness: StoreSourceHarness;
    let source: StoreSource;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(async () => {
      await source.close();
      await harness.close();
    });

    it('gives short pages of what is large', async () => {
      const { inbox } = harness.stores;
      for (let at = 0; at < 20; at += 1) {
        const id = `000001795305600${at + 100}-00000-a1`;
        const item = { place: 0, organizationId: 'o', subscriptionId: 's', applicationId: 'a' };
        const items = [{ ...item, text: `"${'x'.repeat(1024 * 1024)}"` }];
        const receipt = { id, organizationId: 'o', receivedAt: at, tokens: anEnvelope(), items };
        await inbox.append({ receipt }, Date.now() + 60_000);
      }
      source = await harness.read();
      const first = await source.page('receipts');
      expect(first.rows).toHaveLength(8);
      const second = await source.page('receipts', first.next ?? '');
      const third = await source.page('receipts', second.next ?? '');
      expect(third.next).toBeNull();
      const all = [first, second, third].flatMap(({ rows }) => rows.map(({ value }) => value.id));
      expect(new Set(all).size).toBe(20);
    });

    it('gives short pages of deliveries whose tries are large', async () => {
      const { deliveries } = harness.stores;
      const notification = aNotification();
      await deliveries.insertNotifications([notification]);
      const made = Array.from({ length: 10 }, () => aDelivery(notification));
      await deliveries.insertDeliveries(made);
      const answer = { ...anEnvelope(), encrypted: 'x'.repeat(1024 * 1024) };
      for (const { id } of made) {
        await deliveries.claim(id, 0, BUILT_AT + 15_000);
        await deliveries.finish(id, 1, anOutcome('dead', BUILT_AT, { answer }));
      }
      source = await harness.read();
      const first = await source.page('deliveries');
      expect(first.rows).toHaveLength(8);
      const second = await source.page('deliveries', first.next ?? '');
      expect(second.rows).toHaveLength(2);
      expect(second.next).toBeNull();
    });

    it('names a row that cannot be read, and what of it, but no value', async () => {
      const [first, spoilt] = [aSink(), aSink()];
      for (const sink of [first, spoilt]) await harness.stores.sinks.insert(sink);
      await harness.spoil(spoilt.id, 'pass-7f3a');
      source = await harness.read();
      const failed = source.page('sinks');
      await expect(failed).rejects.toThrow(
        /^sinks \S+ of the source cannot be read \(.+\): mend or /,
      );
      await expect(failed).rejects.toThrow(spoilt.id);
      await expect(failed).rejects.not.toThrow('7f3a');
      // It is no whim of the store, which another try would mend.
      await expect(failed).rejects.not.toBeInstanceOf(StoreUnavailableError);
    });

    it('has no mark that nobody has left', async () => {
      source = await harness.read();
      expect(await source.hasMark(randomUUID())).toBe(false);
    });

    it('gives nothing of a store that has nothing', async () => {
      source = await harness.read();
      for (const kind of ROW_KINDS) {
        expect(await source.page(kind)).toEqual({ rows: [], next: null });
      }
    });
  });
}

type AllRows = { readonly [K in RowKind]: readonly StoredRow<K>[] };

/** Every row of every kind. */
export async function readAll(source: StoreSource): Promise<AllRows> {
  return {
    subscriptions: await readKind(source, 'subscriptions'),
    sinks: await readKind(source, 'sinks'),
    replays: await readKind(source, 'replays'),
    notifications: await readKind(source, 'notifications'),
    deliveries: await readKind(source, 'deliveries'),
    held: await readKind(source, 'held'),
    receipts: await readKind(source, 'receipts'),
    audit: await readKind(source, 'audit'),
  };
}

async function readKind<K extends RowKind>(source: StoreSource, kind: K) {
  const rows: StoredRow<K>[] = [];
  for (let after: string | null | undefined; after !== null;) {
    const page = await source.page(kind, after);
    rows.push(...page.rows);
    after = page.next;
  }
  return rows;
}

function valuesOf<K extends RowKind>(rows: AllRows, kind: K): StoredRow<K>['value'][] {
  return byId(rows[kind].map(({ value }) => value));
}

function byId<T extends { readonly id: string }>(values: readonly T[]): T[] {
  return values.toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

async function readByPorts(stores: FillableStores, { notifications }: Filled) {
  const limit = 200;
  const listed = async <T>(list: (deleted: boolean) => Promise<{ data: readonly T[] }>) => [
    ...(await list(false)).data,
    ...(await list(true)).data,
  ];
  const some = notifications.filter((_, index) => index % 20 === 0);
  const deliveries = await Promise.all(some.map(({ id }) => stores.deliveries.deliveriesOf(id)));
  return {
    subscriptions: byId(
      await listed((deleted) => stores.subscriptions.list('default', { limit, deleted })),
    ),
    sinks: byId(await listed((deleted) => stores.sinks.list('default', { limit, deleted }))),
    audit: byId((await stores.audit.search('default', {}, { limit })).data),
    deliveries: byId(deliveries.flat()),
  };
}
