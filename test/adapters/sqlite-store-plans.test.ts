import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DatabaseSync } from 'node:sqlite';
import { writeOutcome } from '../../src/adapters/sqlite/delivery-rows.ts';
import { writeNotification } from '../../src/adapters/sqlite/notification-rows.ts';
import { storeProcedures as store } from '../../src/adapters/sqlite/store-procedures.ts';
import { STORE_MIGRATIONS } from '../../src/adapters/sqlite/store-schema.ts';
import { aDelivery, aNotification, anOutcome, BUILT_AT } from '../support/builders.ts';

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

describe('plans of store.db', () => {
  const db = new DatabaseSync(':memory:');
  const texts = new Set<string>();
  const recording = {
    prepare(sql: string) {
      texts.add(sql);
      return db.prepare(sql);
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
    const { sinkId, ...delivery } = aDelivery(notification);
    const { id } = delivery;
    const page = { organizationId: 'default', after: [BUILT_AT, 1] as const, limit: 10 };
    const plans = plansOf(() => {
      store.insertNotifications(recording, [writeNotification(notification)]);
      store.insertNotifications(recording, [writeNotification(notification)]);
      store.insertDeliveries(recording, [{ ...delivery, sinkId }]);
      store.markExpanded(recording, [notification.id]);
      store.due(recording, { sinkId, now: BUILT_AT, limit: 10 });
      store.claim(recording, { id, generation: 0, leaseUntil: BUILT_AT });
      store.renew(recording, { id, generation: 1, leaseUntil: BUILT_AT });
      store.release(recording, { id, generation: 1, now: BUILT_AT });
      store.claim(recording, { id, generation: 2, leaseUntil: BUILT_AT });
      store.releaseClaims(recording, BUILT_AT);
      store.claim(recording, { id, generation: 4, leaseUntil: BUILT_AT });
      store.finish(recording, writeOutcome(id, 5, anOutcome('dead', BUILT_AT)));
      store.findNotification(recording, { organizationId: 'default', id: notification.id });
      store.countDead(recording);
      store.deadLetters(recording, page);
      store.redrive(recording, { organizationId: 'default', ids: [id], now: BUILT_AT });
    });
    expectIndexed(plans, 17);
  });

  it.each([
    ['nothing', {}, {}],
    ['a state and a tenant', { state: 'pending', tenantId: 't' }, {}],
    ['a subscription', { subscriptionId: 's', state: 'accepted' }, {}],
    ['a sink and a delivery', {}, { sinkId: 's', deliveryState: 'dead' }],
  ])('searches in the order of an index, by %s', (_by, match, delivery) => {
    const after = [BUILT_AT, 0] as const;
    const walk = { receivedFrom: 0, after, limit: 10, lookAt: 100 };
    const search = { organizationId: 'nobody', match, delivery, ...walk };
    expectIndexed(
      plansOf(() => store.searchNotifications(recording, search)),
      1,
    );
  });

  it('purges by age, in the order of an index', () => {
    const notification = aNotification({ receivedAt: 1 });
    const delivery = aDelivery(notification);
    store.insertNotifications(recording, [writeNotification(notification)]);
    store.insertDeliveries(recording, [delivery]);
    store.claim(recording, { id: delivery.id, generation: 0, leaseUntil: BUILT_AT });
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
