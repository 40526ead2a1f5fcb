import type { RecentHandshakes } from '../../../app/notifications/recent-handshakes.ts';
import { presentPage, presentTime } from '../present-page.ts';
import { createRouter, type Routes } from '../router.ts';

/** Who came to validate the endpoint lately. */
export function handshakeRoutes(deps: { handshakes: Pick<RecentHandshakes, 'list'> }): Routes {
  const router = createRouter();

  router.get('/api/handshakes', function listHandshakes(ctx) {
    const page = { data: deps.handshakes.list(), nextCursor: null };
    ctx.body = presentPage(page, ({ at, requestId, ipAddress, viaTrustedProxy }) => ({
      at: presentTime(at),
      requestId,
      ipAddress,
      viaTrustedProxy,
    }));
  });

  return router;
}
