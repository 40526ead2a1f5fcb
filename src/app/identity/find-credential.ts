import type { Credential } from '../../domain/identity/credential.ts';
import { quotaOf } from '../../domain/limits/quota.ts';
import type { Metrics } from '../../ports/metrics.ts';
import type { Limits } from '../limits.ts';

/** A key that somebody shows, and from where. */
export interface ShownKey {
  /** Empty: none is shown. */
  readonly key: string;
  readonly address: string;
  /** What wrong keys are counted by: the address, or the /64 of an IPv6 client. */
  readonly network: string;
}

/** Rejects with `StoreUnavailableError` where wrong keys cannot be counted. */
export type FindCredential = (shown: ShownKey) => Promise<Credential>;

const OPERATOR: Credential = { kind: 'valid', principalId: 'operator' };

/**
 * Finds out whom a key stands for. From where no administrator is taken none is looked at, so that a
 * stolen key cannot even be tried there. Wrong ones count against the network they come from; beyond
 * the quota a good one is not looked at either, or guessing would go on all the same. Where so many
 * networks guess that they are counted together, that does not keep out one that never did.
 */
export function createFindCredential(deps: {
  isOperatorKey: (key: string) => boolean;
  /** Whether an administrator may act from there. */
  isAdminAddress: (address: string) => boolean;
  limits: Limits | undefined;
  metrics: Pick<Metrics, 'count'>;
}): FindCredential {
  const { isOperatorKey, limits } = deps;
  /** Wrong keys that are being counted, by the network that they came from. */
  const guesses = new Map<string, Promise<unknown>>();

  function note(network: string, counted: Promise<unknown>): void {
    const all = Promise.allSettled([guesses.get(network), counted]).then(() => {
      if (guesses.get(network) === all) guesses.delete(network);
    });
    guesses.set(network, all);
  }

  return async function findCredential(shown) {
    if (shown.key === '') return { kind: 'none' };
    const found = await judge(shown);
    deps.metrics.count('auth_attempts_total', { method: 'operator-key', status: found.kind });
    return found;
  };

  async function judge(shown: ShownKey): Promise<Credential> {
    const { key, address, network } = shown;
    if (!deps.isAdminAddress(address)) return { kind: 'outside' };
    if (limits === undefined) return isOperatorKey(key) ? OPERATOR : { kind: 'wrong' };
    const policy = limits.policies.credential;
    const count = `${policy.name}:${network}`;
    const before = await limits.store.read(count);
    const had = before && quotaOf(policy, before, limits.instances);
    // The next one would be one too many.
    if (had?.remaining === 0) return { kind: 'refused', quota: had };
    if (isOperatorKey(key)) {
      const beside = guesses.get(network);
      if (beside === undefined) return OPERATOR;
      await beside; // one of many that were sent at once is a guess like them
      return judge(shown);
    }
    const counted = limits.store.hit(count, policy.windowMs);
    note(network, counted);
    // Others may have been found wrong since the look above: what counts is this count.
    const after = await counted;
    const quota = quotaOf(policy, after, limits.instances);
    return quota.isExceeded ? { kind: 'refused', quota } : { kind: 'wrong' };
  }
}
