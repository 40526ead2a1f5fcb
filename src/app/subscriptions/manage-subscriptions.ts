import { ConflictError, NotFoundError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/identity/principal.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { Subscription, SubscriptionChange } from '../../domain/subscriptions/subscription.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { SubscriptionRepository } from '../../ports/subscription-repository.ts';
import { recordAct, type Act } from '../audit/record-act.ts';
import { given, type Optional } from '../given.ts';

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
  | 'notes'
> {
  /** In clear, as Graph repeats it; only its digest is kept. */
  readonly clientState: string;
}

/** What is to be changed; a field that is missing keeps its value. */
export type SubscriptionSettings = Optional<
  Omit<SubscriptionChange, 'clientStateDigest'> & Pick<WantedSubscription, 'clientState'>
>;

export type ManageSubscriptions = ReturnType<typeof createManageSubscriptions>;

/** What is known of Graph's subscriptions. Every change is audited, without client states. */
export function createManageSubscriptions(deps: {
  subscriptions: SubscriptionRepository;
  digest: Digest;
  clock: Clock;
  audit: AuditTrail;
  /** Told after each change: what was held for this id can be judged, or judged otherwise. */
  changed: (subscriptionId: string) => Promise<void>;
}) {
  const { clock, digest, subscriptions } = deps;

  function build(principal: Principal, wanted: WantedSubscription): Subscription {
    const { clientState, ...fields } = wanted;
    const now = clock.now();
    return {
      ...fields,
      id: wanted.id.toLowerCase(),
      tenantId: wanted.tenantId.toLowerCase(),
      applicationId: wanted.applicationId.toLowerCase(),
      organizationId: principal.organizationId,
      clientStateDigest: digest.sha256(clientState),
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    };
  }

  async function get({ organizationId }: Principal, id: string): Promise<Subscription> {
    const found = await subscriptions.find(organizationId, id.toLowerCase());
    if (found === undefined) throw noSuchSubscription();
    return found;
  }

  async function hasChanged(principal: Principal, id: string, act: Act): Promise<void> {
    await recordAct(deps.audit, principal, { ...act, resource: `subscription/${id}` });
    await deps.changed(id);
  }

  return {
    get,

    /** Takes over a subscription; rejects with `ConflictError` when its id is known, whosever it is. */
    async import(principal: Principal, wanted: WantedSubscription): Promise<Subscription> {
      const subscription = build(principal, wanted);
      if (!(await subscriptions.insert(subscription))) {
        throw new ConflictError('A subscription of this id is known already, or was deleted');
      }
      const { id, tenantId, applicationId } = subscription;
      await hasChanged(principal, id, {
        eventType: 'DATA_SUBSCRIPTION_IMPORTED',
        severity: 'LOW',
        action: 'import',
        details: { tenantId, applicationId },
      });
      return subscription;
    },

    list(
      { organizationId }: Principal,
      page: PageRequest & { deleted?: boolean | undefined },
    ): Promise<Page<Subscription>> {
      return subscriptions.list(organizationId, page);
    },

    async change(
      principal: Principal,
      wantedId: string,
      settings: SubscriptionSettings,
    ): Promise<Subscription> {
      const { organizationId } = principal;
      const id = wantedId.toLowerCase();
      const change = toChange(settings, digest);
      const changed = await subscriptions.update(organizationId, id, change, clock.now());
      if (changed === undefined) throw noSuchSubscription();
      await hasChanged(principal, id, {
        eventType: 'DATA_SUBSCRIPTION_CHANGED',
        action: 'change',
        details: { fields: Object.keys(given(settings)).join(',') },
      });
      return changed;
    },

    /** Soft: what comes for it from now on is refused, and it can be restored. */
    async remove(principal: Principal, wantedId: string): Promise<void> {
      const id = wantedId.toLowerCase();
      const removed = await subscriptions.softDelete(principal.organizationId, id, clock.now());
      if (!removed) throw noSuchSubscription();
      await hasChanged(principal, id, {
        eventType: 'DATA_SUBSCRIPTION_REMOVED',
        action: 'remove',
      });
    },

    /** Takes a removal back; one that is not removed is given as it is. */
    async restore(principal: Principal, wantedId: string): Promise<Subscription> {
      const id = wantedId.toLowerCase();
      const restored = await subscriptions.restore(principal.organizationId, id, clock.now());
      if (restored === undefined) return get(principal, id);
      await hasChanged(principal, id, {
        eventType: 'DATA_SUBSCRIPTION_RESTORED',
        action: 'restore',
      });
      return restored;
    },

    /** Removes for good what was removed before. What was received for it stays. */
    async removeForGood(principal: Principal, wantedId: string): Promise<void> {
      const id = wantedId.toLowerCase();
      if (!(await subscriptions.permanentlyDelete(principal.organizationId, id))) {
        await get(principal, id);
        throw new ConflictError('Only what was deleted before can be deleted for good');
      }
      await hasChanged(principal, id, {
        eventType: 'DATA_SUBSCRIPTION_REMOVED_FOR_GOOD',
        severity: 'HIGH',
        action: 'remove-for-good',
      });
    },
  };
}

function toChange(settings: SubscriptionSettings, digest: Digest): SubscriptionChange {
  const { clientState, ...plain } = given(settings);
  return {
    ...plain,
    ...(clientState === undefined ? {} : { clientStateDigest: digest.sha256(clientState) }),
  };
}

function noSuchSubscription(): NotFoundError {
  return new NotFoundError('There is no such subscription');
}
