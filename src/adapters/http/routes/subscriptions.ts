import { z } from 'zod';
import type { ManageSubscriptions } from '../../../app/subscriptions/manage-subscriptions.ts';
import type { Subscription } from '../../../domain/subscriptions/subscription.ts';
import { parse } from '../parse.ts';
import { presentPage, presentTime } from '../present-page.ts';
import { idOf, principalOf } from '../request-state.ts';
import {
  DeletablePageQuery,
  freeText,
  guid,
  line,
  NoBody,
  RemovalQuery,
  time,
} from '../schemas.ts';
import { createRouter, type Routes } from '../router.ts';

/** What can be changed later, each of the form that it has at the import. */
const Changeable = z.strictObject({
  clientState: z.string().min(1).max(255),
  changeType: z.string().regex(/^(created|updated|deleted)(,(created|updated|deleted)){0,2}$/, {
    error: 'must be of created, updated and deleted, comma-separated',
  }),
  resource: line(2048),
  expirationDateTime: time,
  includeResourceData: z.boolean(),
  encryptionCertificateId: line(128).nullable(),
  description: freeText,
  notes: freeText,
});

const ImportedSubscription = Changeable.extend({
  id: guid,
  tenantId: guid,
  applicationId: guid,
  // Graph answers with null where it was not chosen.
  includeResourceData: z
    .boolean()
    .nullish()
    .transform((given) => given ?? false),
  encryptionCertificateId: line(128).nullable().default(null),
  description: freeText.default(null),
  notes: freeText.default(null),
});

const ChangedSubscription = Changeable.partial();

/** Graph's promises to notify us. */
export function subscriptionRoutes(deps: { subscriptions: ManageSubscriptions }): Routes {
  const { subscriptions } = deps;
  const router = createRouter('/api/subscriptions');

  router.post('/import', async function importSubscription(ctx) {
    const { expirationDateTime: expirationAt, ...rest } = parse(
      ImportedSubscription,
      ctx.request.body,
    );
    const imported = await subscriptions.import(principalOf(ctx), { ...rest, expirationAt });
    ctx.status = 201;
    ctx.body = presentSubscription(imported);
  });

  router.get('/', async function listSubscriptions(ctx) {
    const page = parse(DeletablePageQuery, ctx.query);
    ctx.body = presentPage(await subscriptions.list(principalOf(ctx), page), presentSubscription);
  });

  router.get('/:id', async function showSubscription(ctx) {
    ctx.body = presentSubscription(await subscriptions.get(principalOf(ctx), idOf(ctx)));
  });

  router.patch('/:id', async function changeSubscription(ctx) {
    const { expirationDateTime: expirationAt, ...rest } = parse(
      ChangedSubscription,
      ctx.request.body,
    );
    const settings = { ...rest, expirationAt };
    ctx.body = presentSubscription(
      await subscriptions.change(principalOf(ctx), idOf(ctx), settings),
    );
  });

  router.delete('/:id', async function removeSubscription(ctx) {
    const { permanent } = parse(RemovalQuery, ctx.query);
    const remove = permanent ? subscriptions.removeForGood : subscriptions.remove;
    await remove(principalOf(ctx), idOf(ctx));
    ctx.status = 204;
  });

  router.post('/:id/restore', async function restoreSubscription(ctx) {
    parse(NoBody, ctx.request.body ?? {});
    ctx.body = presentSubscription(await subscriptions.restore(principalOf(ctx), idOf(ctx)));
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
    expirationDateTime: presentTime(subscription.expirationAt),
    includeResourceData: subscription.includeResourceData,
    encryptionCertificateId: subscription.encryptionCertificateId,
    description: subscription.description,
    notes: subscription.notes,
    createdAt: presentTime(subscription.createdAt),
    updatedAt: presentTime(subscription.updatedAt),
    deletedAt: presentTime(subscription.deletedAt),
  };
}
