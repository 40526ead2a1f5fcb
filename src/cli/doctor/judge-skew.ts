import { fail, type Finding, ok, warn } from './finding.ts';

const WARN_MS = 5000;
const FAIL_MS = 60_000;
const REMEDY =
  'Let both machines follow NTP (timedatectl, chrony): the times of tokens and signatures are checked';

/** Judges how far another clock is ahead of this machine's; behind is negative. */
export function judgeSkew(check: string, skewMs: number): Finding {
  const seconds = Math.abs(skewMs) / 1000;
  const found = `${seconds.toFixed(1)} s ${skewMs < 0 ? 'behind' : 'ahead of'} this machine`;
  if (Math.abs(skewMs) > FAIL_MS) return fail(check, found, REMEDY);
  return Math.abs(skewMs) > WARN_MS ? warn(check, found, REMEDY) : ok(check, found);
}
