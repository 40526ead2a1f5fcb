import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createCipher } from '../../src/adapters/crypto/cipher.ts';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { openSqliteInbox } from '../../src/adapters/sqlite/inbox.ts';
import { openSqliteStore } from '../../src/adapters/sqlite/store.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { createAcceptPost } from '../../src/app/notifications/accept-post.ts';
import { createJudgeHeld } from '../../src/app/notifications/judge-held.ts';
import { createRejectionAudit } from '../../src/app/notifications/rejection-audit.ts';
import { createSubscriptionCache } from '../../src/app/notifications/subscription-cache.ts';
import { HeldQuota } from '../../src/domain/notifications/held-quota.ts';
import { ReceiptCounter, type Receipt } from '../../src/domain/notifications/receipt.ts';
import type { SubscriptionRepository } from '../../src/ports/subscription-repository.ts';
import { aSubscription } from '../support/builders.ts';
import { TurnedClock } from '../support/clock.ts';
import { temporaryFolder } from '../support/folder.ts';
import { silentLog } from '../support/silent-log.ts';

export const TENANT = '3f1d6a52-8c0b-4e7d-a9f4-2b6c8d0e1f35';

export type Intake = Awaited<ReturnType<typeof openIntake>>;

/** Everything between a body and the inbox, on real files, under a turned clock. */
export async function openIntake(folder = temporaryFolder()) {
  const clock = new TurnedClock();
  const options = { dataDir: folder.path, clock, log: silentLog, timeoutMs: 5000 };
  const [store, inboxFile] = await Promise.all([
    openSqliteStore(options),
    openSqliteInbox(options),
  ]);
  const lookUps = watchLookUps(store.subscriptions);
  const digest = createDigest();
  const metrics = createMetrics();
  const receipts: Receipt[] = [];
  const parts = {
    inbox: inboxFile.inbox,
    held: new HeldQuota(),
    subscriptions: lookUps.subscriptions,
    counter: new ReceiptCounter('test'),
    cipher: createCipher({ keys: [{ id: 'k', key: '5a'.repeat(32) }] }),
    digest,
    clock,
    metrics,
    rejections: createRejectionAudit({ audit: store.audit, clock }),
    received: (receipt: Receipt) => void receipts.push(receipt),
  };
  parts.held.restore(await inboxFile.inbox.heldUsage());
  const cache = createSubscriptionCache(parts);
  const acceptPost = createAcceptPost({ ...parts, subscriptions: cache });

  /** As a restart does: what is on disk stays, and can be opened again. */
  async function stop(): Promise<void> {
    await Promise.all([store.close(), inboxFile.close()]);
  }

  return {
    ...parts,
    audit: store.audit,
    cache,
    judgeHeld: createJudgeHeld({ ...parts, forget: cache.forget }),
    lookUps,
    /** Every receipt that was told to be durable. */
    receipts,

    /** Posts these items, in time. */
    post: (...items: object[]) => acceptPost(JSON.stringify({ value: items }), clock.now() + 2000),
    postText: (text: string) => acceptPost(text, clock.now() + 2000),

    async know(id: string, more: { clientState?: string; tenantId?: string; deleted?: true } = {}) {
      const { clientState = 'right', tenantId = TENANT } = more;
      await store.subscriptions.insert(
        aSubscription({
          id,
          tenantId,
          clientStateDigest: digest.sha256(clientState),
          deletedAt: more.deleted ? clock.now() : null,
        }),
      );
    },

    /** Changes a subscription as another instance would: behind the cache's back. */
    change(id: string, to: { clientState: string } | 'deleted'): void {
      const db = new DatabaseSync(join(folder.path, 'store.db'), { timeout: 5000 });
      if (to === 'deleted') {
        db.prepare('UPDATE subscriptions SET deleted_at = 1 WHERE id = ?').run(id);
      } else {
        const change = db.prepare('UPDATE subscriptions SET client_state_digest = ? WHERE id = ?');
        change.run(digest.sha256(to.clientState), id);
      }
      db.close();
    },

    /** Somebody else holds the write lock: the inbox answers nothing until this is called. */
    hangInbox(): () => void {
      const holder = new DatabaseSync(join(folder.path, 'inbox.db'), { timeout: 5000 });
      holder.exec('BEGIN IMMEDIATE');
      return () => {
        holder.exec('ROLLBACK');
        holder.close();
      };
    },

    async verdicts(): Promise<Record<string, number>> {
      const { text } = await metrics.render();
      const lines = text.matchAll(/^notifications_total\{verdict="([^"]*)"\} (\d+)$/gm);
      return Object.fromEntries([...lines].map(([, verdict, count]) => [verdict, Number(count)]));
    },

    /** What was refused, as the audit tells it, the oldest first. */
    async audited() {
      // Entries are written in their order: when this one is there, all before it are.
      const marker = { eventType: 'SYSTEM_TEST', severity: 'LOW', outcome: 'SUCCESS' } as const;
      await store.audit.record({ ...marker, organizationId: 'default' });
      const query = { eventType: 'SECURITY_NOTIFICATION_REJECTED' };
      const { data } = await store.audit.search('default', query, { limit: 200 });
      return data.toReversed();
    },

    folder,
    stop,

    async close() {
      await stop();
      folder.remove();
    },
  };
}

/** An item as Graph sends it, genuine for a subscription of `know`. */
export function itemOf(subscriptionId: string, more: object = {}) {
  return {
    id: `of-${subscriptionId}`,
    subscriptionId,
    tenantId: TENANT,
    clientState: 'right',
    changeType: 'created',
    resource: 'Users/a/Messages/1',
    ...more,
  };
}

/** Counts look-ups, and can hold them back. */
export function watchLookUps(subscriptions: SubscriptionRepository) {
  const queries: (readonly string[])[] = [];
  let held: PromiseWithResolvers<void> | undefined;
  let heldAnswers: PromiseWithResolvers<void> | undefined;
  let answered = 0;
  let inFlight = 0;
  let mostInFlight = 0;
  return {
    queries,
    get mostInFlight() {
      return mostInFlight;
    },
    /** How many the store has answered. */
    get answered() {
      return answered;
    },
    /** The store is asked at once, and what it says arrives when this is resolved. */
    holdAnswers: () => {
      heldAnswers = Promise.withResolvers<void>();
      return heldAnswers.resolve;
    },
    /** The answers wait until `letGo`, or fail with what is given there. */
    hold: () => {
      held = Promise.withResolvers<void>();
    },
    letGo: (error?: Error) => {
      if (error === undefined) held?.resolve();
      else held?.reject(error);
      held = undefined;
    },
    subscriptions: {
      ...subscriptions,
      async lookUp(ids: readonly string[]) {
        queries.push(ids);
        inFlight += 1;
        mostInFlight = Math.max(mostInFlight, inFlight);
        try {
          await held?.promise;
          const answer = await subscriptions.lookUp(ids);
          answered += 1;
          await heldAnswers?.promise;
          return answer;
        } finally {
          inFlight -= 1;
        }
      },
    },
  };
}
