import { isNativeError } from 'node:util/types';
import { type DestinationStream, destination, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { StoreUnavailableError } from '../../domain/errors.ts';
import { type Redact, redactGuesses } from '../../domain/redact.ts';
import type { Log, LogFields } from '../../ports/log.ts';

type Level = keyof Log;

const MAX_CAUSES = 5;
const MAX_UNWRITTEN_BYTES = 8 * 1024 * 1024;
// C0 and C1 controls, the line and paragraph separators, and what turns the direction of writing: what
// makes a terminal or a viewer begin a line, change colours or show letters in another order, and so
// lets a text that somebody sent pass for a line of ours.
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/**
 * One JSON line an event on stdout; `pretty` for people on a terminal. Of errors only their names,
 * codes, messages and stacks are written, without what looks like a secret: other properties may hold
 * requests with their headers.
 */
export function createLog(options: {
  level: Level;
  pretty: boolean;
  /** Instead of stdout. */
  stream?: DestinationStream | undefined;
  /** Takes the service's own secrets out of whatever is written. */
  redact?: Redact;
}): Log & {
  /** Resolves when what was logged so far is written: at an exit the rest could overtake it. */
  flush(): Promise<void>;
} {
  const { redact = (text) => text } = options;
  const clean = (text: string) => escapeControls(redact(text));
  const log = pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: (error: unknown) => presentError(error, clean) },
      formatters: { level: (label) => ({ level: label }) },
    },
    openStream(options),
  );
  const at = (level: Level) => (fields: LogFields, message: string) => {
    if (log.isLevelEnabled(level)) log[level](presentFields(fields, clean), clean(message));
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    flush: () => new Promise((resolve) => log.flush(() => resolve())),
  };
}

function openStream(options: {
  pretty: boolean;
  stream?: DestinationStream | undefined;
}): DestinationStream {
  if (options.pretty) {
    const format = prettyFactory({ colorize: options.stream === undefined });
    const target = options.stream ?? process.stdout; // synchronous on a terminal
    return { write: (line) => void target.write(format(line)) };
  }
  // Asynchronous and bounded: a reader of stdout that stalls must not stop answers to Graph, so
  // lines are dropped then. Without a minimum the stream would think that it has nothing to flush.
  const limits = { minLength: 1, maxLength: MAX_UNWRITTEN_BYTES };
  return options.stream ?? destination({ dest: 1, sync: false, ...limits });
}

function presentFields(fields: LogFields, clean: Redact): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, presentValue(value, clean)]),
  );
}

/** Whatever is in it: a text may be anywhere. */
function presentValue(value: unknown, clean: Redact): unknown {
  if (typeof value === 'string') return clean(value);
  if (typeof value !== 'object' || value === null || isError(value)) return value;
  try {
    const cleaned = (_name: string, inner: unknown) =>
      typeof inner === 'string' ? clean(inner) : inner;
    return JSON.parse(JSON.stringify(value), cleaned);
  } catch {
    return '[not to be written as JSON]';
  }
}

function isError(value: unknown): value is Error {
  return value instanceof Error || isNativeError(value);
}

function presentError(error: unknown, clean: Redact, depth = 0): unknown {
  if (!isError(error)) return presentValue(error, clean);
  const goOn = depth < MAX_CAUSES;
  const show = (text: string) => clean(redactGuesses(text));
  const inner = (each: unknown) => presentError(each, clean, depth + 1);
  return {
    type: show(error.name),
    message: show(error.message),
    stack: error.stack?.split('\n').map(show).join('\n'),
    ...('code' in error ? { code: presentValue(error.code, show) } : {}),
    ...(error instanceof StoreUnavailableError ? { store: error.store } : {}),
    ...(error.cause !== undefined && goOn ? { cause: inner(error.cause) } : {}),
    ...(error instanceof AggregateError && goOn
      ? { errors: error.errors.slice(0, MAX_CAUSES).map(inner) }
      : {}),
  };
}

function escapeControls(text: string): string {
  return text.replaceAll(
    CONTROLS,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
