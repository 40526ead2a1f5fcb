import type { Limiters } from '../adapters/http/middleware/limiters.ts';
import type { Routes } from '../adapters/http/router.ts';
import { auditRoutes } from '../adapters/http/routes/audit.ts';
import { circuitBreakerRoutes } from '../adapters/http/routes/circuit-breakers.ts';
import { deadLetterRoutes } from '../adapters/http/routes/dead-letters.ts';
import { handshakeRoutes } from '../adapters/http/routes/handshakes.ts';
import { listenRoutes } from '../adapters/http/routes/listen.ts';
import { notificationRoutes } from '../adapters/http/routes/notifications.ts';
import { replayRoutes } from '../adapters/http/routes/replays.ts';
import { sinkRoutes } from '../adapters/http/routes/sinks.ts';
import { subscriptionRoutes } from '../adapters/http/routes/subscriptions.ts';
import { createBrowseAudit } from '../app/audit/browse-audit.ts';
import { createDeadLetters } from '../app/delivery/dead-letters.ts';
import { createTestSink } from '../app/delivery/test-sink.ts';
import { createBrowseNotifications } from '../app/notifications/browse-notifications.ts';
import type { RecentHandshakes } from '../app/notifications/recent-handshakes.ts';
import { createManageSubscriptions } from '../app/subscriptions/manage-subscriptions.ts';
import type { Basics } from './basics.ts';
import type { Core } from './core.ts';
import type { Stores } from './stores.ts';

/** Every route that needs a credential. */
export function createApi(
  parts: Basics & Stores,
  core: Core,
  {
    stopping,
    requestTimeoutMs,
    ...around
  }: {
    limiters: Limiters;
    handshakes: RecentHandshakes;
    stopping: AbortSignal;
    requestTimeoutMs: number;
  },
): readonly Routes[] {
  const manageSubscriptions = createManageSubscriptions({
    ...parts,
    async changed(id) {
      core.cache.forget(id);
      // The import stands, whatever becomes of this: the sweep judges again.
      await core
        .judgeHeld([id])
        .catch((err: unknown) => parts.log.warn({ err }, 'held items wait'));
    },
  });
  const { openSink } = core;
  const testSink = createTestSink({ ...parts, openSink, stopping, requestTimeoutMs });
  return [
    subscriptionRoutes({ subscriptions: manageSubscriptions }),
    sinkRoutes({ sinks: core.manageSinks, secrets: core.secrets, testSink, ...around }),
    replayRoutes(core),
    notificationRoutes({ notifications: createBrowseNotifications(parts) }),
    deadLetterRoutes({ deadLetters: createDeadLetters(parts) }),
    listenRoutes({ listen: core.listen, clock: parts.clock, stopping }),
    auditRoutes({ audit: createBrowseAudit(parts) }),
    circuitBreakerRoutes(parts),
    handshakeRoutes(around),
  ];
}
