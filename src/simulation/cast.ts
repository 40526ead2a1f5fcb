import { randomBytes, randomUUID } from 'node:crypto';
import { Secret } from '../domain/secret.ts';

/** A subscription as Graph and its owner know it. */
export interface SimulatedSubscription {
  readonly id: string;
  readonly tenantId: string;
  readonly applicationId: string;
  readonly clientState: Secret;
  readonly resource: string;
  readonly expirationDateTime: string;
}

/** Who takes part in a simulation. Nothing of it comes from the seed: ids are used only once. */
export interface Cast {
  readonly subscriptions: readonly [SimulatedSubscription, ...SimulatedSubscription[]];
  /** A subscription that nobody has imported; one, as the service holds some items of each. */
  readonly stranger: SimulatedSubscription;
}

const EXPIRES_AFTER_MS = 3 * 86_400_000;

export function createCast(subscriptions: number): Cast {
  const others = Array.from({ length: subscriptions - 1 }, createSubscription);
  return { subscriptions: [createSubscription(), ...others], stranger: createSubscription() };
}

/** One for each tenant, so that POSTs mix tenants as those of Graph do. */
function createSubscription(): SimulatedSubscription {
  return {
    id: randomUUID(),
    tenantId: randomUUID(),
    applicationId: randomUUID(),
    clientState: new Secret(randomBytes(24).toString('base64url')),
    resource: `/users/${randomUUID()}/messages`,
    expirationDateTime: new Date(Date.now() + EXPIRES_AFTER_MS).toISOString(),
  };
}
