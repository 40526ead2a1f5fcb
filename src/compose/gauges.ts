import type { AckWindow } from '../domain/notifications/ack-window.ts';
import type { Basics } from './basics.ts';
import type { Core } from './core.ts';
import type { Stores } from './stores.ts';

/** What is read when somebody asks for the metrics. */
export function registerGauges(basics: Basics, stores: Stores, core: Core, acks: AckWindow): void {
  const { clock, metrics } = basics;
  const { inbox, deliveries } = stores;
  metrics.gauge('graph_ack_slow_ratio', () => acks.ratios(clock.now()).slow);
  metrics.gauge('graph_ack_drop_ratio', () => acks.ratios(clock.now()).drop);
  metrics.gauge('inbox_backlog_receipts', () => inbox.backlog().receipts);
  metrics.gauge('inbox_backlog_age_seconds', () => {
    const { oldestAt } = inbox.backlog();
    return oldestAt === null ? 0 : Math.max(0, clock.now() - oldestAt) / 1000;
  });
  metrics.gauge('dead_letters', () => deliveries.countDead());
  metrics.gauge('held_items', () => core.held.items);
  metrics.gauge('free_disk_bytes', () => {
    const bytes = core.gate.freeDiskBytes();
    return Number.isFinite(bytes) ? bytes : undefined;
  });
  const { connections } = stores;
  if (connections !== undefined) {
    metrics.gauge('db_connections_active', () => connections().active);
    metrics.gauge('db_connections_idle', () => connections().idle);
  }
  metrics.gauge('heartbeat_timestamp_seconds', () => core.service.lastBeatAt() / 1000);
  metrics.gauge('subscription_expires_in_seconds', async () => {
    const [next] = await stores.subscriptions.ending(
      { from: clock.now(), before: Number.MAX_SAFE_INTEGER },
      1,
    );
    return next && (next.expirationAt - clock.now()) / 1000;
  });
  metrics.gauge('rate_store_degraded', () => (stores.isRateStoreDegraded() ? 1 : 0));
}
