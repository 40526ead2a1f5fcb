import { isNativeError } from 'node:util/types';
import { type DestinationStream, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';
import { StoreUnavailableError } from '../../domain/errors.ts';
import { type Redact, redactGuesses } from '../../domain/redact.ts';
import type { Log, LogFields } from '../../ports/log.ts';

type Level = keyof Log;

const MAX_CAUSES = 5;
// C0 and C1 controls, the line and paragraph separators, and what turns the direction of writing: what
// makes a terminal or a viewer begin a line, change colours or show letters in another order, and so
// lets a text that somebody sent pass for a line of ours.
// eslint-disable-next-line no-control-regex -- control characters are what it is about
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;

/**
 * One JSON line an event; `pretty` for people. Of errors only their names, codes, messages and stacks
 * are written, without what looks like a secret: other properties may hold requests with their
 * headers.
 */
export function createLog(options: {
  level: Level;
  pretty: boolean;
  /** For a terminal; only what is pretty. */
  coloured?: boolean;
  stream: DestinationStream;
  /** Takes the service's own secrets out of whatever is written. */
  redact?: Redact;
}): Log {
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
    options.pretty ? prettied(options) : options.stream,
  );
  const at = (level: Level) => (fields: LogFields, message: string) => {
    if (log.isLevelEnabled(level)) log[level](presentFields(fields, clean), clean(message));
  };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
}

function prettied(options: { stream: DestinationStream; coloured?: boolean }): DestinationStream {
  const format = prettyFactory({ colorize: options.coloured === true });
  return { write: (line) => options.stream.write(format(line)) };
}

function presentFields(fields: LogFields, clean: Redact): Record<string, unknown> {
  return Object.fromEntries(
    // `err` has its serializer, which leaves out more.
    Object.entries(fields).map(([name, value]) => [
      name,
      name === 'err' ? value : presentValue(value, clean),
    ]),
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
  const show = (text: string) => clean(redactGuesses(text));
  if (!isError(error)) return presentThrown(error, show);
  const goOn = depth < MAX_CAUSES;
  const inner = (each: unknown) => presentError(each, clean, depth + 1);
  return {
    type: show(error.name),
    message: show(error.message),
    stack: error.stack?.split('\n').map(show).join('\n'),
    ...('code' in error ? { code: presentThrown(error.code, show) } : {}),
    ...(error instanceof StoreUnavailableError ? { store: error.store } : {}),
    ...(error.cause !== undefined && goOn ? { cause: inner(error.cause) } : {}),
    ...(error instanceof AggregateError && goOn
      ? { errors: error.errors.slice(0, MAX_CAUSES).map(inner) }
      : {}),
  };
}

/** What is no error may be anything, a request with its headers too: of objects only the kind is told. */
function presentThrown(value: unknown, show: Redact): unknown {
  if (typeof value === 'string') return show(value);
  if (typeof value !== 'object' || value === null) return value;
  return { type: show(Object.prototype.toString.call(value).slice('[object '.length, -1)) };
}

function escapeControls(text: string): string {
  return text.replaceAll(
    CONTROLS,
    (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
