import { z } from 'zod';
import { CliError, EXIT, usageError } from './cli-error.ts';
import type { FoundKey } from './settings.ts';

const ANSWER_WITHIN_MS = 30_000;
const MAX_PAGE = 200;
/** Limits are by the minute: whoever waits longer than that waits for something else. */
const MAX_WAIT_MS = 61_000;
const MAX_WAITS = 3;

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE';

/** Query parameters; those that are undefined are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Question {
  readonly query?: Query;
  readonly body?: object;
  /** Statuses beside 2xx that are answers, too. */
  readonly expect?: readonly number[];
}

export interface Answer {
  readonly status: number;
  /** As it came: numbers in it have not been rounded. */
  readonly text: string;
  readonly body: unknown;
}

/** A thing of the API. Only its id is known here; tables pick the fields that they show. */
export type Item = z.output<typeof Item>;
const Item = z.looseObject({ id: z.string() });

const Page = z.object({ data: z.array(Item), nextCursor: z.string().nullable() });

/** The service was asked too often, and says so. */
export class LimitedError extends CliError {
  /** Until it answers again; NaN when it does not say. */
  readonly waitMs: number;

  constructor(message: string, waitMs: number) {
    super(EXIT.failed, message);
    this.waitMs = waitMs;
  }
}

const Refusal = z.object({
  error: z.object({
    code: z.string(),
    message: z.string(),
    details: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  }),
});

/** The running service. Everything rejects with `CliError`, whose exit code says of what kind it is. */
export interface Api {
  readonly url: string;
  /** One request; waits and asks again when it is told that it asks too much. */
  ask(method: Method, path: string, question?: Question): Promise<Answer>;
  /** The same for what answers with one thing. */
  item(method: Method, path: string, question?: Question): Promise<Item>;
  /** The things of a list, page by page, for as long as they are asked for. */
  list(path: string, query?: Query, pageSize?: number): AsyncGenerator<Item, void, undefined>;
  /** A POST whose answer has no end; aborted by the signal. */
  stream(path: string, body: object, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

export interface ApiOptions {
  readonly url: string;
  readonly found: FoundKey;
  readonly organization: string | undefined;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
  /** Told why nothing seems to happen. */
  readonly note: (text: string) => void;
  /** How often it waits when it is told that it asks too much; else three times. */
  readonly maxWaits?: number;
}

export function createApi(options: ApiOptions): Api {
  const url = options.url.replace(/\/+$/, '');
  const { maxWaits = MAX_WAITS } = options;

  function send(method: Method, path: string, question: Question & { signal: AbortSignal }) {
    const { key } = options.found;
    const { body, query = {}, signal } = question;
    return fetch(`${url}${path}${toQueryString(query)}`, {
      method,
      signal,
      redirect: 'manual', // the key goes to nobody else
      headers: {
        ...(key === undefined ? {} : { 'X-API-Key': key.reveal() }),
        ...(options.organization && { 'X-Organization-Id': options.organization }),
        ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async function askOnce(method: Method, path: string, question: Question) {
    const signal = AbortSignal.any([options.signal, AbortSignal.timeout(ANSWER_WITHIN_MS)]);
    try {
      const response = await send(method, path, { ...question, signal });
      const text = await response.text();
      return { response, answer: { status: response.status, text, body: parseJson(text) } };
    } catch (cause) {
      throw toAway(cause);
    }
  }

  function toAway(cause: unknown): unknown {
    if (options.signal.aborted) return options.signal.reason;
    const advice = 'is it running? Start it by "npx sallyport start", or say --url';
    return new CliError(EXIT.away, `The service does not answer at ${url}: ${advice}`, cause);
  }

  async function ask(method: Method, path: string, question: Question = {}): Promise<Answer> {
    for (let waits = 0; ; waits += 1) {
      const { response, answer } = await askOnce(method, path, question);
      if (response.ok || question.expect?.includes(answer.status)) return answer;
      const waitMs = waitOf(response);
      const isWorthIt = waits < maxWaits && waitMs <= MAX_WAIT_MS;
      if (response.status !== 429 || !isWorthIt) throw toError(answer, options, waitMs);
      options.note(`The service asks to wait for ${Math.ceil(waitMs / 1000)} s`);
      await pause(waitMs, options.signal);
    }
  }

  return {
    url,
    ask,

    async item(method, path, question) {
      return expectShape(Item, (await ask(method, path, question)).body, url);
    },

    async *list(path, query = {}, pageSize = MAX_PAGE) {
      const limit = Math.min(pageSize, MAX_PAGE);
      for (let cursor: string | null | undefined; cursor !== null;) {
        const { body } = await ask('GET', path, { query: { ...query, limit, cursor } });
        const page = expectShape(Page, body, url);
        yield* page.data;
        cursor = page.nextCursor;
      }
    },

    async stream(path, body, signal) {
      const response = await send('POST', path, { body, signal }).catch((cause: unknown) => {
        throw toAway(cause);
      });
      if (response.ok && response.body !== null) return response.body;
      const text = await response.text();
      const answer = { status: response.status, text, body: parseJson(text) };
      throw toError(answer, options, waitOf(response));
    },
  };
}

/** Resolves after so long; rejects with the reason of the signal when that is aborted before. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
}

function toQueryString(query: Query): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) parameters.set(name, String(value));
  }
  return parameters.size === 0 ? '' : `?${parameters.toString()}`;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no JSON: told by the status, or by the shape that is missing
  }
}

function expectShape<T>(schema: z.ZodType<T>, body: unknown, url: string): T {
  const { success, data } = schema.safeParse(body);
  if (success) return data;
  throw new CliError(EXIT.failed, `What answers at ${url} is no Sallyport of this version`);
}

/** NaN when it does not say. */
function waitOf({ headers }: Response): number {
  return Number(headers.get('Retry-After') ?? Number.NaN) * 1000;
}

function toError({ status, body }: Answer, { url, found }: ApiOptions, waitMs: number): CliError {
  const refusal = Refusal.safeParse(body).data?.error;
  if (status === 401) return toRefused(url, found);
  if (status === 403) return new CliError(EXIT.refused, refusal?.message ?? 'This is not allowed');
  if (refusal === undefined) {
    return new CliError(EXIT.failed, `What answers at ${url} is no Sallyport: HTTP ${status}`);
  }
  const details = refusal.details?.map(({ path, message }) => `${path}: ${message}`) ?? [];
  const text = details.length === 0 ? refusal.message : details.join('; ');
  if (status === 400) return usageError(text);
  if (status === 404) return new CliError(EXIT.missing, refusal.message);
  if (status === 503) return new CliError(EXIT.away, `${text}: try again in a moment`);
  if (status === 429) return new LimitedError(`${text} (${refusal.code})`, waitMs);
  return new CliError(EXIT.failed, `${text} (${refusal.code})`);
}

/** The key was not accepted, or there is none. */
export function toRefused(url: string, { key, source }: FoundKey): CliError {
  const why =
    key === undefined
      ? `wants the operator's key, and there is none in ${source}`
      : `refuses the key of ${source}`;
  return new CliError(
    EXIT.refused,
    `The service at ${url} ${why}: say --key-file, or set OPERATOR_API_KEY`,
  );
}
