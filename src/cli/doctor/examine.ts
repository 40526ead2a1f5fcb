import { CliError } from '../cli-error.ts';
import { LimitedError } from '../client.ts';
import { fail, type Finding, warn } from './finding.ts';

const LIMIT_MS = 5000;

/**
 * Runs one check within its time limit. Whatever goes wrong in it becomes its finding, so that one
 * check never stops the others; only an interrupt ends everything.
 */
export async function examine(
  around: { readonly signal: AbortSignal },
  { check, remedy }: { readonly check: string; readonly remedy: string },
  work: (signal: AbortSignal) => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  around.signal.throwIfAborted();
  const signal = AbortSignal.any([around.signal, AbortSignal.timeout(LIMIT_MS)]);
  try {
    // A look-up of a name and a hung disk do not listen to signals: they are left behind.
    return await Promise.race([work(signal), untilAborted(signal)]);
  } catch (error) {
    around.signal.throwIfAborted();
    if (error instanceof LimitedError) return [tooOften(check, error)];
    return [fail(check, describeError(error), remedy)];
  }
}

/** Says nothing about what was to be looked at. */
function tooOften(check: string, { waitMs }: LimitedError): Finding {
  const when = Number.isNaN(waitMs) ? 'later' : `in ${Math.ceil(waitMs / 1000)} s`;
  return warn(
    check,
    'could not be looked at: the service was asked too often, and answers 429',
    `Ask again ${when}; who uses up the limit (RATE_LIMIT_API_MAX with the key, RATE_LIMIT_MAX of an address without one)?`,
  );
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}

/** In one line, with the system's code, which can be searched for. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${LIMIT_MS / 1000} s`;
  if (error instanceof CliError) return error.message;
  const code = codeOf(error);
  // An AggregateError, one for each address that was tried, has no message of its own.
  const text = error.message || 'cannot be reached';
  return code === undefined || text.includes(code) ? text : `${text} (${code})`;
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
