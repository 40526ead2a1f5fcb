import { ConflictError, NotFoundError } from '../../domain/errors.ts';
import { actorOf, type Principal } from '../../domain/identity/principal.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { Subscription } from '../../domain/subscriptions/subscription.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';

/** A subscription that exists at Graph already, as its owner knows it. */
export interface WantedSubscription extends Pick<
  Subscription,
  | 'id'
  | 'tenantId'
  | 'applicationId'
  | 'changeType'
  | 'resource'
  | 'expirationAt'
  | 'includeResourceData'
  | 'encryptionCertificateId'
  | 'description'
> {
  /** In clear, as Graph repeats it; only its digest is kept. */
  readonly clientState: string;
}

export type ManageSubscriptions = ReturnType<typeof createManageSubscriptions>;

export function createManageSubscriptions(deps: {
  subscriptions: SubscriptionRepository;
  digest: Digest;
  clock: Clock;
  audit: AuditTrail;
  /** Told of an id that is known from now on: what was held for it can be judged. */
  changed: (subscriptionId: string) => Promise<void>;
}) {
  function build(principal: Principal, wanted: WantedSubscription): Subscription {
    const { clientState, ...fields } = wanted;
    const now = deps.clock.now();
    return {
      ...fields,
      id: wanted.id.toLowerCase(),
      tenantId: wanted.tenantId.toLowerCase(),
      applicationId: wanted.applicationId.toLowerCase(),
      organizationId: principal.organizationId,
      clientStateDigest: deps.digest.sha256(clientState),
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    };
  }

  return {
    /** Takes over a subscription; rejects with `ConflictError` when its id is known, whosever it is. */
    async import(principal: Principal, wanted: WantedSubscription): Promise<Subscription> {
      const subscription = build(principal, wanted);
      if (!(await deps.subscriptions.insert(subscription))) {
        throw new ConflictError('A subscription of this id is known already');
      }
      await deps.audit.record({
        eventType: 'DATA_SUBSCRIPTION_IMPORTED',
        severity: 'LOW',
        outcome: 'SUCCESS',
        ...actorOf(principal),
        resource: `subscription/${subscription.id}`,
        action: 'import',
        details: { tenantId: subscription.tenantId, applicationId: subscription.applicationId },
      });
      await deps.changed(subscription.id);
      return subscription;
    },

    list(principal: Principal, page: PageRequest): Promise<Page<Subscription>> {
      return deps.subscriptions.list(principal.organizationId, page);
    },

    async get(principal: Principal, id: string): Promise<Subscription> {
      const found = await deps.subscriptions.find(principal.organizationId, id.toLowerCase());
      if (found === undefined) throw new NotFoundError('There is no such subscription');
      return found;
    },
  };
}
