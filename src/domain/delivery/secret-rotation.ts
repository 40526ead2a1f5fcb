import type { Sink } from './sink.ts';

// Each of them adds a signature to every request.
const MAX_SECRETS = 3;

type Overlap = Pick<Sink, 'previousSecretsUntil'>;

/** The secrets that sign now, of all that a sink has, newest first: there is always the newest. */
export function signingSecrets<S>(
  secrets: readonly S[],
  { previousSecretsUntil }: Overlap,
  now: number,
): readonly S[] {
  const hasOverlap = previousSecretsUntil !== null && now < previousSecretsUntil;
  return secrets.slice(0, hasOverlap ? MAX_SECRETS : 1);
}

/** Whether a sink has secrets that sign no longer, and so are to be dropped. */
export function isOverlapOver({ previousSecretsUntil }: Overlap, now: number): boolean {
  return previousSecretsUntil !== null && now >= previousSecretsUntil;
}

/**
 * What a sink has after a rotation: the new secret first, and for the time of the overlap those
 * that signed until now. Without overlap they are gone at once, as when one of them has leaked.
 */
export function rotated<S>(
  fresh: S,
  signing: readonly S[],
  { overlapMs, now }: { overlapMs: number; now: number },
): Overlap & { readonly secrets: readonly S[] } {
  if (overlapMs === 0) return { secrets: [fresh], previousSecretsUntil: null };
  return {
    secrets: [fresh, ...signing].slice(0, MAX_SECRETS),
    previousSecretsUntil: now + overlapMs,
  };
}
