/** What a check can come to. Only `fail` makes the command fail. */
export type State = 'ok' | 'warn' | 'fail' | 'skipped';

/** What one check found. Shown to people and programs alike, so it never holds a secret. */
export interface Finding {
  readonly check: string;
  readonly state: State;
  readonly found: string;
  /** What to do about it; `null` when there is nothing to be done. */
  readonly remedy: string | null;
}

export function ok(check: string, found: string): Finding {
  return { check, state: 'ok', found, remedy: null };
}

/** It works, and is not as it should be. */
export function warn(check: string, found: string, remedy: string): Finding {
  return { check, state: 'warn', found, remedy };
}

/** It does not work, or is not safe. */
export function fail(check: string, found: string, remedy: string): Finding {
  return { check, state: 'fail', found, remedy };
}

/** It could not be looked at, or there is nothing to look at. */
export function skipped(check: string, found: string): Finding {
  return { check, state: 'skipped', found, remedy: null };
}

export function hasFailed(findings: readonly Finding[]): boolean {
  return findings.some(({ state }) => state === 'fail');
}
