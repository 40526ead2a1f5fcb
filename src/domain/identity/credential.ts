import type { Quota } from '../limits/quota.ts';

/** What a request shows of who it acts for. */
export type Credential =
  /** `outside`: not looked at, since administrators are not taken from there. */
  | { readonly kind: 'none' | 'wrong' | 'outside' }
  | { readonly kind: 'valid'; readonly principalId: string }
  /** Not looked at: too many wrong ones came from there. */
  | { readonly kind: 'refused'; readonly quota: Quota };
