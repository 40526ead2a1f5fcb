import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseSync } from 'node:sqlite';
import { writeDelivery, writeOutcome } from '../../src/adapters/sqlite/delivery-rows.ts';
import { writeNotification } from '../../src/adapters/sqlite/notification-rows.ts';
import { writeSink } from '../../src/adapters/sqlite/sink-rows.ts';
import { storeProcedures as store } from '../../src/adapters/sqlite/store-procedures.ts';
import { STORE_MIGRATIONS } from '../../src/adapters/sqlite/store-schema.ts';
import { writeSubscription } from '../../src/adapters/sqlite/subscription-rows.ts';
import type { Database, RowStatement } from '../../src/adapters/sqlite/thread.ts';
import {
  aDelivery,
  aNotification,
  anOutcome,
  aSink,
  aSubscription,
  BUILT_AT,
} from '../support/builders.ts';

// Partial indexes that hold only what is asked for: reading them whole is the point.
const WHOLE = /^SCAN deliveries USING (COVERING )?INDEX deliveries_(claimed|dead)/;

function expectIndexed(plans: [sql: string, plan: string[]][], statements: number): void {
  expect(plans).toHaveLength(statements);
  for (const [sql, plan] of plans) {
    const scans = plan.filter((step) => step.startsWith('SCAN') && !WHOLE.test(step));
    const sorts = plan.filter((step) => step.includes('TEMP B-TREE'));
    expect({ sql, scans, sorts }).toEqual({ sql, scans: [], sorts: [] });
  }
}

const of = ({ id }: { id: string }) => ({ organizationId: 'default', id });
const at = ({ id }: { id: string }) => ({ ...of({ id }), now: BUILT_AT });

describe('plans of store.db', () => {
  const db = new DatabaseSync(':memory:');
  const texts = new Set<string>();
  const recording: Database = {
    prepare(sql: string) {
      texts.add(sql);
      return db.prepare(sql);
    },
    prepareRows(sql: string) {
      const statement = recording.prepare(sql);
      statement.setReturnArrays(true);
      return statement as unknown as RowStatement;
    },
  };
  beforeAll(() => {
    for (const { sql } of STORE_MIGRATIONS) db.exec(sql);
  });
  afterAll(() => db.close());

  function plansOf(run: () => void): [sql: string, plan: string[]][] {
    texts.clear();
    run();
    return [...texts].map((sql) => [
      sql,
      db
        .prepare(`EXPLAIN QUERY PLAN ${sql}`)
        .all()
        .map(({ detail }) => String(detail)),
    ]);
  }

  it('finds by an index whatever a delivery’s life asks for', () => {
    const notification = aNotification();
    const delivery = aDelivery(notification);
    const { id, sinkId } = delivery;
    const order = { organizationId: 'default', ids: [id], now: BUILT_AT };
    const plans = plansOf(() => {
      store.insertNotifications(recording, [writeNotification(notification)]);
      store.insertNotifications(recording, [writeNotification(notification)]);
      store.insertDeliveries(recording, [writeDelivery(delivery)]);
      store.markExpanded(recording, [notification.id]);
      store.due(recording, [sinkId, BUILT_AT, 10]);
      store.claim(recording, [id, 0, BUILT_AT]);
      store.renew(recording, [id, 1, BUILT_AT]);
      store.release(recording, [id, 1, BUILT_AT]);
      store.claim(recording, [id, 2, BUILT_AT]);
      store.releaseClaims(recording, BUILT_AT);
      store.claim(recording, [id, 4, BUILT_AT]);
      store.finish(recording, writeOutcome(id, 5, anOutcome('dead', BUILT_AT)));
      store.findNotification(recording, { organizationId: 'default', id: notification.id });
      store.countDead(recording);
      store.redrive(recording, order);
      store.discard(recording, order);
      store.discardForSink(recording, { sinkId, now: BUILT_AT, limit: 10 });
    });
    expectIndexed(plans, 19);
  });

  it('finds by an index what a clock that was set back has put off', () => {
    const setBack = { now: BUILT_AT, after: BUILT_AT, latest: BUILT_AT };
    const plans = plansOf(() => {
      store.bringForward(recording, { ...setBack, sinkIds: '["a","b"]', limit: 10 });
    });
    const steps = plans.flatMap(([, plan]) => plan).filter((step) => /deliveries_/.test(step));
    expect(steps).toHaveLength(2);
    for (const step of steps) expect(step).toContain('(sink_id=? AND due_at>?)');
  });

  it('finds sinks that are gone from indexes alone', () => {
    const plans = plansOf(() => store.sinksGone(recording));
    const steps = plans.flatMap(([, plan]) => plan).filter((step) => step.includes('deliveries'));
    expect(steps).toHaveLength(3);
    for (const step of steps) expect(step).toContain('COVERING INDEX');
  });

  it('finds the keys of what waits without reading all of it', () => {
    const plans = plansOf(() => store.neededKeys(recording));
    const steps = plans.flatMap(([, plan]) => plan).filter((step) => /notifications/.test(step));
    const step = 'SEARCH notifications USING INDEX notifications_sealed (<expr>>?)';
    expect(steps).toEqual([step, step]);
  });

  it('counts what waits for a sink from indexes alone', () => {
    const plans = plansOf(() => store.sinkDepth(recording, 'sink'));
    const counts = plans.flatMap(([, plan]) => plan).filter((step) => step.includes('deliveries_'));
    expect(counts).toHaveLength(3);
    for (const step of counts) expect(step).toContain('COVERING INDEX');
  });

  it.each([
    ['nothing', {}, {}],
    ['a state and a tenant', { state: 'pending', tenantId: 't' }, {}],
    ['a subscription', { subscriptionId: 's', state: 'accepted' }, {}],
    ['a sink and a delivery', {}, { sinkId: 's', deliveryState: 'dead' }],
  ])('searches in the order of an index, by %s', (_by, match, delivery) => {
    const after = [BUILT_AT, 0] as const;
    const step = { after, limit: 10, lookAt: 100 };
    const search = { organizationId: 'nobody', match, delivery, receivedFrom: 0, step };
    expectIndexed(
      plansOf(() => store.searchNotifications(recording, search)),
      1,
    );
  });

  it.each([
    ['nothing', {}],
    ['a sink and a reason', { sinkId: 's', reason: 'http-400' }],
    ['a subscription and a tenant', { subscriptionId: 's', tenantId: 't' }],
  ])('lists dead letters in the order of an index, by %s', (_by, match) => {
    const step = { after: [BUILT_AT, 0], limit: 10, lookAt: 100 } as const;
    const asked = { organizationId: 'nobody', match, diedFrom: 0, step };
    expectIndexed(
      plansOf(() => store.deadLetters(recording, asked)),
      1,
    );
  });

  it('searches the audit in the order of an index', () => {
    const step = { after: [BUILT_AT, 0], limit: 10, lookAt: 100 } as const;
    const asked = { organizationId: 'nobody', match: { userId: 'u' }, from: 0, step };
    expectIndexed(
      plansOf(() => store.searchAudit(recording, asked)),
      1,
    );
  });

  it('finds and lists subscriptions, sinks and replays by an index', () => {
    const sink = aSink();
    const subscription = aSubscription();
    const page = { organizationId: 'default', from: 5, limit: 10 };
    store.insertSink(recording, writeSink(sink));
    const plans = plansOf(() => {
      store.insertSubscription(recording, writeSubscription(subscription));
      store.findSubscription(recording, of(subscription));
      store.lookUpSubscriptions(recording, JSON.stringify([subscription.id]));
      store.updateSubscription(recording, {
        where: of(subscription),
        change: { notes: 'n' },
        now: BUILT_AT,
      });
      store.softDeleteSubscription(recording, at(subscription));
      store.restoreSubscription(recording, at(subscription));
      store.removeSubscription(recording, of(subscription));
      store.subscriptionsEnding(recording, { from: 0, before: BUILT_AT, limit: 10 });
      store.findSink(recording, of(sink));
      store.findDeletedSink(recording, of(sink));
      store.updateSink(recording, { where: of(sink), change: { notes: 'n' }, now: BUILT_AT });
      store.softDeleteSink(recording, at(sink));
      store.restoreSink(recording, at(sink));
      store.removeSink(recording, of(sink));
      for (const deleted of [true, false]) {
        store.listSubscriptions(recording, { ...page, deleted });
        store.listSinks(recording, { ...page, deleted });
      }
      store.listReplays(recording, page);
      store.findReplay(recording, of(sink));
    });
    const perRow = plans.filter(([sql]) => !sql.includes('json_each'));
    expectIndexed(perRow, 19);
  });

  it('purges by age, in the order of an index', () => {
    const notification = aNotification({ receivedAt: 1 });
    const delivery = aDelivery(notification);
    store.insertNotifications(recording, [writeNotification(notification)]);
    store.insertDeliveries(recording, [writeDelivery(delivery)]);
    store.claim(recording, [delivery.id, 0, BUILT_AT]);
    store.finish(recording, writeOutcome(delivery.id, 1, anOutcome('delivered', BUILT_AT)));
    const walk = { before: 2, limit: 10, lookAt: 10, after: [0, 0] as const };
    const plans = plansOf(() => {
      expect(store.purgeNotifications(recording, walk).removed).toBe(1);
      store.purgeDeadLetters(recording, { before: 2, limit: 10 });
      store.purgeAudit(recording, { before: 2, limit: 10 });
    });
    expectIndexed(plans, 7);
  });
});
