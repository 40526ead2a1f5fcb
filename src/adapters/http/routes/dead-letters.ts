import { Router } from '@koa/router';
import { z } from 'zod';
import type { DeadLetters } from '../../../app/delivery/dead-letters.ts';
import type { DeadLetter } from '../../../ports/delivery-store.ts';
import { parse } from '../parse.ts';
import { presentPage, presentTime } from '../present-page.ts';
import { principalOf, type RequestState } from '../request-state.ts';
import { PageQuery } from '../schemas.ts';
import { presentNotification } from './notifications.ts';

const Redrive = z.strictObject({
  ids: z.array(z.string().min(1).max(200)).min(1).max(1000),
  comment: z.string().trim().max(2000).optional(),
});

/** Deliveries that are out of tries: list them, and have them tried anew. */
export function deadLetterRoutes(deps: { deadLetters: DeadLetters }): Router<RequestState> {
  const router = new Router<RequestState>({ prefix: '/api/dead-letters' });

  router.get('/', async function listDeadLetters(ctx) {
    const found = await deps.deadLetters.list(principalOf(ctx), parse(PageQuery, ctx.query));
    ctx.body = presentPage(found, presentDeadLetter);
  });

  router.post('/redrive', async function redriveDeadLetters(ctx) {
    const wanted = parse(Redrive, ctx.request.body);
    ctx.body = { count: await deps.deadLetters.redrive(principalOf(ctx), wanted) };
  });

  return router;
}

function presentDeadLetter({ delivery, notification }: DeadLetter): object {
  return {
    id: delivery.id,
    sinkId: delivery.sinkId,
    attempt: delivery.attempt,
    reason: delivery.reason,
    createdAt: presentTime(delivery.createdAt),
    finishedAt: presentTime(delivery.finishedAt),
    notification: presentNotification(notification),
  };
}
