import { z } from 'zod';
import type { Secret } from '../domain/secret.ts';
import { SimulationError } from './simulation-error.ts';

/** The organisation of everything that simulations make: its events reach no other sink. */
export const SIMULATION_ORGANIZATION = 'simulation';

const ANSWER_WITHIN_MS = 10_000;

export interface ApiAnswer {
  readonly status: number;
  /** Parsed JSON; `undefined` when it is none. */
  readonly body: unknown;
  /** Milliseconds that the service asked to wait; `null` when it did not. */
  readonly retryAfterMs: number | null;
}

/** Asks the service as its operator. Rejects with `SimulationError` when there is no answer. */
export type AskService = (method: string, path: string, body?: object) => Promise<ApiAnswer>;

export function createAskService(options: { url: string; operatorKey: Secret }): AskService {
  return async function askService(method, path, body) {
    const answer = await fetchFrom(`${options.url}${path}`, {
      method,
      headers: {
        'X-API-Key': options.operatorKey.reveal(),
        'X-Organization-Id': SIMULATION_ORGANIZATION,
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const retryAfter = answer.headers.get('Retry-After');
    return {
      status: answer.status,
      body: parseJson(answer.text),
      retryAfterMs: retryAfter === null ? null : Number(retryAfter) * 1000,
    };
  };
}

/** One request with a time limit. Rejects with `SimulationError` when nobody answers. */
export async function fetchFrom(
  url: string,
  init: RequestInit,
): Promise<{ status: number; headers: Headers; text: string }> {
  try {
    const signal = AbortSignal.timeout(ANSWER_WITHIN_MS);
    const answer = await fetch(url, { ...init, redirect: 'manual', signal });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  } catch (cause) {
    const { origin } = new URL(url);
    throw new SimulationError('unreachable', `The service does not answer at ${origin}`, cause);
  }
}

const Refusal = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.array(z.object({ path: z.string(), message: z.string() })).default([]),
  }),
});

/** The service's refusal in one sentence. */
export function toRefusal(what: string, { status, body }: ApiAnswer): SimulationError {
  if (status === 401) {
    return new SimulationError('unauthorized', 'The service does not accept the operator key');
  }
  const { data } = Refusal.safeParse(body);
  const why = data?.error.details.map(({ path, message }) => `; ${path} ${message}`) ?? [];
  const said = data === undefined ? '' : ` ${data.error.code}: ${data.error.message}`;
  return new SimulationError('refused', `Cannot ${what}: ${status}${said}${why.join('')}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
