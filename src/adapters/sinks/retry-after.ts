// The three forms of an HTTP date, RFC 9110 §5.6.7. `Date.parse` alone takes nearly anything.
const IMF_FIXDATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const RFC_850 = /^[A-Z][a-z]{5,8}, \d{2}-[A-Z][a-z]{2}-\d{2} \d{2}:\d{2}:\d{2} GMT$/;
const ASCTIME = /^[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2} \d{4}$/;

const DELAY_SECONDS = /^\d{1,12}$/;

/**
 * Reads `Retry-After` (RFC 9110 §10.2.3): seconds or an HTTP date, in milliseconds from `now` on,
 * at least 0. `null` when there is none, or one that makes no sense.
 */
export function parseRetryAfter(value: string | readonly string[] | undefined, now: number) {
  if (typeof value !== 'string') return null;
  if (DELAY_SECONDS.test(value)) return Number(value) * 1000;
  const at = parseHttpDate(value);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

function parseHttpDate(value: string): number {
  if (IMF_FIXDATE.test(value) || RFC_850.test(value)) return Date.parse(value);
  return ASCTIME.test(value) ? Date.parse(`${value} GMT`) : Number.NaN;
}
