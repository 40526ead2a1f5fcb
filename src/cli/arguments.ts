import { InvalidArgumentError, Option } from 'commander';

const UNITS_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads a whole number in a range. */
export function whole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Say a whole number from ${min} to ${max}.`);
  };
}

/** Reads a number in a range. */
export function number(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Say a number from ${min} to ${max}.`);
  };
}

/** Reads a length of time such as `90s`, `15m`, `2h` or `7d`, as milliseconds. */
export function duration(text: string): number {
  const ms = durationMs(text);
  if (ms !== undefined && ms > 0) return ms;
  throw new InvalidArgumentError('Say a length of time such as 90s, 15m, 2h or 7d.');
}

/** Reads a time, or how long ago that was, as the API takes it. */
export function moment(text: string): string {
  const ago = durationMs(text);
  const at = ago === undefined ? exactTime(text) : Date.now() - ago;
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new InvalidArgumentError('Say a time such as 2026-11-22T08:00:00Z, or how long ago: 2h.');
}

/** Reads a time, as the API takes it. */
export function instant(text: string): string {
  const at = exactTime(text);
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new InvalidArgumentError('Say a time such as 2026-11-22T08:00:00Z.');
}

/**
 * Whether `fetch` can ask there: it takes no URL with a user or a password. Whoever refuses one quotes
 * nothing of it, since a password may stand anywhere in what was mistyped.
 */
export function isWebUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return false;
  return url.username === '' && url.password === '';
}

/** How many entries a list shows at most. */
export function limitOption(): Option {
  return new Option('--limit <n>', 'show at most so many').argParser(whole(1, 100_000)).default(50);
}

/** The lines of a command's help that show how it is used. */
export function examples(...lines: readonly string[]): string {
  return `\nExamples:\n${lines.map((line) => `  $ npx sallyport ${line}`).join('\n')}\n`;
}

/** NaN when it is none: a bare date or a time without an offset would be read in this machine's zone. */
function exactTime(text: string): number {
  return /T.*(Z|[+-]\d\d:\d\d)$/.test(text) ? Date.parse(text) : Number.NaN;
}

function durationMs(text: string): number | undefined {
  const [, amount, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (amount === undefined) return undefined;
  const units: Readonly<Record<string, number>> = UNITS_MS;
  return Number(amount) * (units[unit ?? ''] ?? 0);
}
