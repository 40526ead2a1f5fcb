import { z } from 'zod';
import type { Replays } from '../../../app/delivery/replays.ts';
import type { Replay } from '../../../domain/delivery/replay.ts';
import { parse } from '../parse.ts';
import { presentPage, presentTime } from '../present-page.ts';
import { idOf, principalOf } from '../request-state.ts';
import { guid, PageQuery, time } from '../schemas.ts';
import { createRouter, type Routes } from '../router.ts';

const WantedReplay = z.strictObject({
  filter: z
    .strictObject({
      subscriptionId: guid.optional(),
      tenantId: guid.optional(),
      sinkId: guid.optional(),
      from: time.optional(),
      before: time.optional(),
    })
    .default({}),
  sinkId: guid.optional(),
});

/**
 * Delivering again what was received before. To be mounted before the notifications, where
 * `replays` would be taken for an id.
 */
export function replayRoutes(deps: { replays: Replays }): Routes {
  const router = createRouter('/api/notifications');

  router.post('/replay', async function startReplay(ctx) {
    const { filter, sinkId } = parse(WantedReplay, ctx.request.body ?? {});
    const { from: receivedFrom, before: receivedBefore, ...rest } = filter;
    const wanted = { filter: { ...rest, receivedFrom, receivedBefore }, sinkId };
    ctx.status = 202;
    ctx.body = presentReplay(await deps.replays.start(principalOf(ctx), wanted));
  });

  router.get('/replays', async function listReplays(ctx) {
    const found = await deps.replays.list(principalOf(ctx), parse(PageQuery, ctx.query));
    ctx.body = presentPage(found, presentReplay);
  });

  router.get('/replays/:id', async function showReplay(ctx) {
    ctx.body = presentReplay(await deps.replays.get(principalOf(ctx), idOf(ctx)));
  });

  return router;
}

function presentReplay(replay: Replay): object {
  const { receivedFrom = null, receivedBefore, ...filter } = replay.filter;
  return {
    id: replay.id,
    state: replay.state,
    filter: {
      ...filter,
      from: presentTime(receivedFrom),
      before: presentTime(receivedBefore),
    },
    sinkId: replay.sinkId,
    notifications: replay.notifications,
    deliveries: replay.deliveries,
    createdAt: presentTime(replay.createdAt),
    finishedAt: presentTime(replay.finishedAt),
  };
}
