import { Router } from '@koa/router';
import { z } from 'zod';
import type { ManageSubscriptions } from '../../../app/subscriptions/manage-subscriptions.ts';
import type { Subscription } from '../../../domain/subscriptions/subscription.ts';
import { parse } from '../parse.ts';
import { presentPage } from '../present-page.ts';
import { idOf, principalOf, type RequestState } from '../request-state.ts';
import { description, guid, line, PageQuery, time } from '../schemas.ts';

const ImportedSubscription = z.strictObject({
  id: guid,
  tenantId: guid,
  applicationId: guid,
  clientState: z.string().min(1).max(255),
  changeType: z.string().regex(/^(created|updated|deleted)(,(created|updated|deleted)){0,2}$/, {
    error: 'must be of created, updated and deleted, comma-separated',
  }),
  resource: line(2048),
  expirationDateTime: time,
  includeResourceData: z.boolean().default(false),
  encryptionCertificateId: line(128).nullable().default(null),
  description: description.default(null),
});

/** Graph's promises to notify us. */
export function subscriptionRoutes(deps: {
  subscriptions: ManageSubscriptions;
}): Router<RequestState> {
  const router = new Router<RequestState>({ prefix: '/api/subscriptions' });

  router.post('/import', async function importSubscription(ctx) {
    const { expirationDateTime: expirationAt, ...rest } = parse(
      ImportedSubscription,
      ctx.request.body,
    );
    const imported = await deps.subscriptions.import(principalOf(ctx), { ...rest, expirationAt });
    ctx.status = 201;
    ctx.body = presentSubscription(imported);
  });

  router.get('/', async function listSubscriptions(ctx) {
    const found = await deps.subscriptions.list(principalOf(ctx), parse(PageQuery, ctx.query));
    ctx.body = presentPage(found, presentSubscription);
  });

  router.get('/:id', async function showSubscription(ctx) {
    ctx.body = presentSubscription(await deps.subscriptions.get(principalOf(ctx), idOf(ctx)));
  });

  return router;
}

function presentSubscription(subscription: Subscription): object {
  return {
    id: subscription.id,
    tenantId: subscription.tenantId,
    applicationId: subscription.applicationId,
    changeType: subscription.changeType,
    resource: subscription.resource,
    expirationDateTime: new Date(subscription.expirationAt).toISOString(),
    includeResourceData: subscription.includeResourceData,
    encryptionCertificateId: subscription.encryptionCertificateId,
    description: subscription.description,
    createdAt: new Date(subscription.createdAt).toISOString(),
    updatedAt: new Date(subscription.updatedAt).toISOString(),
  };
}
