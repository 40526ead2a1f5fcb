/** How much of something one client may have in a window that its first hit opens. */
export interface Policy {
  /** Part of the API (clients see it in `RateLimit-Policy`), of metrics and of store keys; no `:`. */
  readonly name: string;
  readonly max: number;
  readonly windowMs: number;
}

export type PolicyName = 'general' | 'api' | 'credential';

export type Policies = Readonly<Record<PolicyName, Policy>>;

const MINUTE_MS = 60_000;

/** What holds where nothing else was configured. */
export const POLICIES: Policies = {
  /** Requests without a valid credential, by the network they come from. */
  general: { name: 'general', max: 100, windowMs: 15 * MINUTE_MS },
  /** Requests with a valid credential, by principal. */
  api: { name: 'api', max: 100, windowMs: MINUTE_MS },
  /** Wrong credentials, by the network they come from: beyond it none is looked up. */
  credential: { name: 'credential', max: 20, windowMs: 15 * MINUTE_MS },
};
