import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DatabaseSync } from 'node:sqlite';
import { readInteger } from '../../src/adapters/sqlite/row.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';
import { createWalk } from '../../src/adapters/sqlite/walk.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import { describeAuditTrail, type AuditTrailHarness } from '../contracts/audit-trail.contract.ts';
import {
  claimOf,
  LEASE,
  storeDelivery,
  type DeliveryStoreHarness,
} from '../contracts/delivery-store-harness.ts';
import { describeDeliveryStore } from '../contracts/delivery-store.contract.ts';
import {
  describeReplayRepository,
  type ReplayRepositoryHarness,
} from '../contracts/replay-repository.contract.ts';
import {
  describeSinkRepository,
  type SinkRepositoryHarness,
} from '../contracts/sink-repository.contract.ts';
import {
  describeSubscriptionRepository,
  type SubscriptionRepositoryHarness,
} from '../contracts/subscription-repository.contract.ts';
import { aDelivery, anAuditEntry, aNotification, aSink, BUILT_AT } from '../support/builders.ts';
import { TurnedClock } from '../support/clock.ts';
import { temporaryFolder } from '../support/folder.ts';
import { silentLog } from '../support/silent-log.ts';
import { pagesOf } from '../support/pages.ts';
import { openTestStore, STORE_TIMEOUT_MS, type TestStore } from '../support/sqlite-store.ts';
import { until } from '../support/wait.ts';

const asDeliveryStore = (opened: TestStore): DeliveryStoreHarness => ({
  store: opened.deliveries,
  sinks: opened.sinks,
  reopen: async () => asDeliveryStore(await opened.reopen()),
  close: () => opened.close(),
});
const asSubscriptions = (opened: TestStore): SubscriptionRepositoryHarness => ({
  subscriptions: opened.subscriptions,
  reopen: async () => asSubscriptions(await opened.reopen()),
  close: () => opened.close(),
});
const asSinks = (opened: TestStore): SinkRepositoryHarness => ({
  sinks: opened.sinks,
  reopen: async () => asSinks(await opened.reopen()),
  close: () => opened.close(),
});
const asReplays = (opened: TestStore): ReplayRepositoryHarness => ({
  replays: opened.replays,
  reopen: async () => asReplays(await opened.reopen()),
  close: () => opened.close(),
});
const asAuditTrail = (opened: TestStore): AuditTrailHarness => ({
  audit: opened.audit,
  now: () => opened.clock.now(),
  elapse: (ms) => opened.clock.turn(ms),
  reopen: async () => asAuditTrail(await opened.reopen()),
  close: () => opened.close(),
});

describeDeliveryStore('sqlite', async () => asDeliveryStore(await openTestStore()));
describeSubscriptionRepository('sqlite', async () => asSubscriptions(await openTestStore()));
describeSinkRepository('sqlite', async () => asSinks(await openTestStore()));
describeReplayRepository('sqlite', async () => asReplays(await openTestStore()));
describeAuditTrail('sqlite', async () => asAuditTrail(await openTestStore()));

describe('store.db', () => {
  let store: TestStore;
  beforeEach(async () => {
    store = await openTestStore();
  });
  afterEach(() => store.close());

  const recordedActions = async (limit: number) => {
    const { data } = await store.audit.search('default', {}, { limit });
    return data.map(({ action }) => action);
  };

  it('refuses a file of a newer version in words that say what to do', async () => {
    const folder = temporaryFolder();
    const file = `${folder.path}/store.db`;
    const db = new DatabaseSync(file);
    db.exec('CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT');
    db.exec(`INSERT INTO meta VALUES ('schemaVersion', 12), ('readableFrom', 11)`);
    db.close();
    const clock = new TurnedClock();
    const opened = openSqliteStore({
      dataDir: folder.path,
      clock,
      log: silentLog,
      timeoutMs: 1000,
    });
    await expect(opened).rejects.toThrow(
      `${file} was written by a newer Sallyport (schema 12, readable from 11; this one knows 3): ` +
        'start that version, or restore a backup',
    );
    folder.remove();
  });

  it('shows a reader what a writer has been told is written', async () => {
    for (let index = 0; index < 100; index += 1) {
      const notification = aNotification();
      await store.deliveries.insertNotifications([notification]);
      expect(await store.deliveries.find('default', notification.id)).toEqual(notification);
    }
  });

  it('does not let a failing call fail those that went with it', async () => {
    const taken = aSink();
    await store.sinks.insert(taken);
    const sinks = Array.from({ length: 20 }, () => aSink());
    const calls = [...sinks.slice(0, 10), taken, ...sinks.slice(10)];
    const settled = await Promise.allSettled(calls.map((sink) => store.sinks.insert(sink)));
    expect(settled.map(({ status }) => status === 'rejected').indexOf(true)).toBe(10);
    expect(settled.filter(({ status }) => status === 'rejected')).toEqual([
      { status: 'rejected', reason: expect.any(StoreUnavailableError) },
    ]);
    expect(await store.sinks.all()).toEqual([taken, ...sinks]);
  });

  it('writes what was called before it was closed', async () => {
    const sinks = Array.from({ length: 600 }, () => aSink());
    const inserts = Promise.all(sinks.map((sink) => store.sinks.insert(sink)));
    const recorded = Array.from({ length: 1200 }, (_, index) =>
      store.audit.record(anAuditEntry({ action: `act-${index}` })),
    );
    store = await store.reopen();
    await inserts;
    expect(new Set(await Promise.all(recorded))).toEqual(new Set([true]));
    expect(await store.sinks.all()).toEqual(sinks);
    expect(await recordedActions(1)).toEqual(['act-1199']);
  });

  it('gives every claim back at the start, due at once, no try counted', async () => {
    const [claimed, due] = [
      await storeDelivery(store.deliveries),
      await storeDelivery(store.deliveries),
    ];
    const { id, sinkId } = claimed.delivery;
    const generation = await claimOf(store.deliveries, id);
    store = await store.reopen();
    expect(await store.releaseClaims()).toBe(1);
    const now = store.clock.now();
    expect(await store.deliveries.due(sinkId, now, 10)).toEqual([
      { id, generation: generation + 1, dueAt: now, lapsed: false, attempt: 0 },
    ]);
    expect(await store.deliveries.claim(id, generation, LEASE)).toBeUndefined();
    expect(await store.deliveries.due(due.delivery.sinkId, now, 10)).toMatchObject([
      { generation: 0 },
    ]);
    expect(await store.releaseClaims()).toBe(0);
  });

  it('rejects at its time limit while the file is locked, and recovers', async () => {
    const free = store.hang();
    const [stuck, givenUp] = [aSink(), aSink()];
    const first = store.sinks.insert(stuck);
    await new Promise(setImmediate); // lets the first one leave alone
    const second = store.sinks.insert(givenUp);
    const both = Promise.allSettled([first, second]);
    await store.clock.turn(STORE_TIMEOUT_MS);
    expect((await both).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    free();
    await store.sinks.insert(aSink());
    expect(await store.sinks.find('default', givenUp.id)).toBeUndefined();
  });

  it('tells by its probe whether it takes a write now', async () => {
    const { signal } = new AbortController();
    expect(await store.probe.check(signal)).toEqual({ status: 'healthy', latencyMs: 0 });
    const free = store.hang();
    const asked = new AbortController();
    const result = store.probe.check(asked.signal);
    asked.abort();
    expect((await result).status).toBe('unhealthy');
    free();
    await until(
      async () => (await store.probe.check(signal)).status === 'healthy',
      'the store answers again',
    );
    expect(store.probe).toMatchObject({ name: 'store', critical: true });
  });

  it('refuses the newest audit entries when its buffer is full, and keeps the others', async () => {
    const free = store.hang();
    const recorded = Array.from({ length: 10_001 }, (_, index) =>
      store.audit.record(anAuditEntry({ action: `act-${index}` })),
    );
    expect(await recorded.pop()).toBe(false);
    free();
    expect(new Set(await Promise.all(recorded))).toEqual(new Set([true]));
    expect(await recordedActions(1)).toEqual(['act-9999']);
    expect(await store.audit.record(anAuditEntry())).toBe(true);
  });

  it('keeps an audit entry once whose first answer did not come in time', async () => {
    const free = store.hang();
    const recorded = store.audit.record(anAuditEntry({ action: 'first' }));
    await new Promise(setImmediate); // lets it leave
    await store.clock.turn(STORE_TIMEOUT_MS);
    const later = store.audit.record(anAuditEntry({ action: 'later' }));
    free();
    expect([await recorded, await later]).toEqual([true, true]);
    expect(await recordedActions(10)).toEqual(['later', 'first']);
  });

  it('tells that an audit entry waits when its second try fails too, and writes it later', async () => {
    const other = new DatabaseSync(store.file);
    other.exec('ALTER TABLE audit RENAME TO away');
    expect(await store.audit.record(anAuditEntry({ action: 'first' }))).toBe(false);
    other.exec('ALTER TABLE away RENAME TO audit');
    other.close();
    expect(await store.audit.record(anAuditEntry({ action: 'later' }))).toBe(true);
    expect(await recordedActions(10)).toEqual(['later', 'first']);
  });

  it('ends a page of a walk that finds nothing for too long, and goes on from there', async () => {
    const asked: unknown[] = [];
    const clock = new TurnedClock();
    const walk = createWalk('numbers', clock, ([number]) => readInteger(number));
    const page = (cursor?: string) =>
      walk({ limit: 1, cursor }, undefined, (step) => {
        asked.push(step);
        return Promise.resolve({ rows: [], stoppedAt: [1_000_000 - asked.length, 7] });
      });
    const { data, nextCursor } = await page();
    expect(data).toEqual([]);
    expect(nextCursor).not.toBeNull();
    const calls = asked.length;
    await page(nextCursor ?? undefined);
    expect(asked[calls]).toMatchObject({ after: [1_000_000 - calls, 7] });
  });

  it('ends a page of a walk in which calls are slow after 2 s, and goes on from there', async () => {
    const clock = new TurnedClock();
    let last = 10_000;
    const walk = createWalk('numbers', clock, ([number]) => readInteger(number));
    const pages = await pagesOf(
      (page) =>
        walk(page, undefined, async () => {
          await clock.turn(700);
          last -= 1;
          const found = last === 9992;
          return { rows: found ? [[last, 7, [last]]] : [], stoppedAt: found ? null : [last, 7] };
        }),
      1,
    );
    expect(pages).toEqual([[], [], [9992]]);
  });

  it('searches on past thousands of rows that do not match', async () => {
    const oldest = aNotification({ state: 'pending', receivedAt: BUILT_AT });
    const others = Array.from({ length: 4500 }, () => aNotification());
    await store.deliveries.insertNotifications([oldest, ...others]);
    const query = { state: 'pending' } as const;
    const page = await store.deliveries.search('default', query, { limit: 1 });
    expect(page).toEqual({ data: [oldest], nextCursor: null });
  });

  it('purges on past thousands of notifications that have to stay', async () => {
    const staying = Array.from({ length: 2500 }, () => aNotification());
    const last = aNotification();
    await store.deliveries.insertNotifications([...staying, last]);
    await store.deliveries.insertDeliveries(staying.map((notification) => aDelivery(notification)));
    const order = { notificationsBefore: last.receivedAt + 1, deadLettersBefore: 0, limit: 1 };
    expect((await store.deliveries.purge(order)).notifications).toBe(1);
    expect(await store.deliveries.find('default', last.id)).toBeUndefined();
  });
});
