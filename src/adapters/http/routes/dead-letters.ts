import { z } from 'zod';
import type { ChosenLetters, DeadLetters } from '../../../app/delivery/dead-letters.ts';
import type { DeadLetter, DeadLetterQuery } from '../../../ports/delivery-store.ts';
import { parse } from '../parse.ts';
import { presentPage, presentTime } from '../present-page.ts';
import { principalOf } from '../request-state.ts';
import { freeText, guid, line, page, time } from '../schemas.ts';
import { presentNotification } from './notifications.ts';
import { createRouter, type Routes } from '../router.ts';

const filter = {
  sinkId: guid.optional(),
  subscriptionId: guid.optional(),
  tenantId: guid.optional(),
  reason: line(100).optional(),
  from: time.optional(),
  before: time.optional(),
};

const Query = z.strictObject({ ...filter, ...page });

const Choice = z
  .strictObject({
    ids: z.array(z.string().min(1).max(200)).min(1).max(1000).optional(),
    filter: z.strictObject(filter).optional(),
    comment: freeText.optional(),
  })
  .transform(({ ids, filter: wanted, comment }, { issues }): Chosen => {
    if (ids !== undefined && wanted === undefined) return { ids, comment };
    if (ids === undefined && wanted !== undefined) return { filter: toQuery(wanted), comment };
    const [path, message] =
      ids === undefined ? ['ids', 'This or a filter is needed'] : ['filter', 'Not with ids'];
    issues.push({ code: 'custom', path: [path], message, input: wanted });
    return z.NEVER;
  });

type Chosen = ChosenLetters & { readonly comment: string | null | undefined };

/** Deliveries that are out of tries: list them, have them tried anew, or give them up. */
export function deadLetterRoutes(deps: { deadLetters: DeadLetters }): Routes {
  const { deadLetters } = deps;
  const router = createRouter('/api/dead-letters');

  router.get('/', async function listDeadLetters(ctx) {
    const { limit, cursor, ...query } = parse(Query, ctx.query);
    const asked = [principalOf(ctx), toQuery(query), { limit, cursor }] as const;
    ctx.body = presentPage(await deadLetters.list(...asked), presentDeadLetter);
  });

  router.post('/redrive', async function redriveDeadLetters(ctx) {
    const chosen = parse(Choice, ctx.request.body);
    ctx.body = { count: await deadLetters.redrive(principalOf(ctx), chosen, ctx.state.signal) };
  });

  router.post('/discard', async function discardDeadLetters(ctx) {
    const chosen = parse(Choice, ctx.request.body);
    ctx.body = { count: await deadLetters.discard(principalOf(ctx), chosen, ctx.state.signal) };
  });

  return router;
}

function toQuery({
  from: diedFrom,
  before: diedBefore,
  ...rest
}: z.output<z.ZodObject<typeof filter>>): DeadLetterQuery {
  return { ...rest, diedFrom, diedBefore };
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
