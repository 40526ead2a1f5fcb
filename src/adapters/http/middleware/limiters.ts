import type { Middleware } from 'koa';
import type { RequestState } from '../request-state.ts';
import {
  byNetwork,
  byPrincipal,
  limitBy,
  type LimitDeps,
  limitFailures,
  type RequestContext,
} from './limit.ts';

type Limiter = Middleware<RequestState>;

/** The limits that single routes have beside the one of all requests. */
export interface Limiters {
  /** Logins and refreshes, by where they come from; successes are given back. */
  readonly logins: Limiter;
  /** Registrations, counted with the logins, successes too. */
  readonly registrations: Limiter;
  /** Changes of passwords, addresses, settings and secrets, by principal. */
  readonly strict: Limiter;
  /** New API keys, by user. */
  readonly apiKeyCreation: Limiter;
  /**
   * Mails that reset a password, by where they are asked for and by account. `account` gives a digest
   * of the address that was asked for, whether somebody has it or not; it runs after validation.
   */
  passwordResets(account: (ctx: RequestContext) => string): Limiter;
}

export function createLimiters(deps: LimitDeps): Limiters {
  const { policies } = deps.limits;
  return {
    logins: limitFailures(deps, policies.auth, byNetwork),
    registrations: limitBy(deps, policies.auth, byNetwork),
    strict: limitBy(deps, policies.strict, byPrincipal),
    apiKeyCreation: limitBy(deps, policies['api-key-creation'], byPrincipal),
    passwordResets(account) {
      const policy = policies['password-reset'];
      // Apart, so that no account can be named like a network.
      const byAddress = limitBy(deps, policy, (ctx) => `network:${byNetwork(ctx)}`);
      const byAccount = limitBy(deps, policy, (ctx) => `account:${account(ctx)}`);
      return (ctx, next) => byAddress(ctx, () => byAccount(ctx, next));
    },
  };
}

const passOn: Limiter = (_ctx, next) => next();

/** Where nothing is limited. */
export const NO_LIMITERS: Limiters = {
  logins: passOn,
  registrations: passOn,
  strict: passOn,
  apiKeyCreation: passOn,
  passwordResets: () => passOn,
};
