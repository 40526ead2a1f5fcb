/** How much of something one client may have in a window that its first hit opens. */
export interface Policy {
  /** Part of the API (clients see it in `RateLimit-Policy`), of metrics and of store keys; no `:`. */
  readonly name: string;
  readonly max: number;
  readonly windowMs: number;
}

export type PolicyName =
  'general' | 'api' | 'auth' | 'strict' | 'api-key-creation' | 'password-reset' | 'credential';

export type Policies = Readonly<Record<PolicyName, Policy>>;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** What holds where nothing else was configured. */
export const POLICIES: Policies = {
  /** Requests without a valid credential, by the network they come from. */
  general: { name: 'general', max: 100, windowMs: 15 * MINUTE_MS },
  /** Requests with a valid credential, by principal. */
  api: { name: 'api', max: 100, windowMs: MINUTE_MS },
  /** Logins that failed, registrations and failed refreshes, by the network they come from. */
  auth: { name: 'auth', max: 5, windowMs: 15 * MINUTE_MS },
  /** Changes of passwords, e-mail addresses, settings and secrets, by principal. */
  strict: { name: 'strict', max: 5, windowMs: MINUTE_MS },
  /** New API keys, by user. */
  'api-key-creation': { name: 'api-key-creation', max: 10, windowMs: HOUR_MS },
  /** Mails that reset a password, by network and by account. */
  'password-reset': { name: 'password-reset', max: 3, windowMs: HOUR_MS },
  /** Wrong credentials, by the network they come from: beyond it none is looked up. */
  credential: { name: 'credential', max: 20, windowMs: 15 * MINUTE_MS },
};
