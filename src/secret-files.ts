import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Complain } from './configured-secrets.ts';

const MAX_BYTES = 65_536;

/** Variables that have a value, without white space around it. */
export type GivenEnvironment = Readonly<Record<string, string>>;

/**
 * Reads every variable, for the service and the command alike. White space around a value is no part
 * of it: nobody sees it in a file, and Docker passes it on. Empty is not set: container files pass
 * variables on whether they have a value or not.
 */
export function givenIn(env: NodeJS.ProcessEnv): GivenEnvironment {
  const given = Object.entries(env).flatMap(([name, text]) => {
    const value = text?.trim() ?? '';
    return value === '' ? [] : [[name, value] as const];
  });
  return Object.fromEntries(given);
}

/**
 * Puts in the secrets that stand in files: `NAME_FILE=/run/secrets/name` says where `NAME` is, as
 * Docker, Compose and Kubernetes mount it, so that it is in no process list and no inspection of a
 * container. White space around the value is no part of it.
 */
export function withSecretFiles(
  given: GivenEnvironment,
  names: readonly string[],
  complain: Complain,
): GivenEnvironment {
  const found: Record<string, string> = { ...given };
  for (const name of names) {
    const path = given[`${name}_FILE`];
    if (path === undefined) continue;
    if (given[name] !== undefined) {
      complain(`${name}_FILE`, `is set beside ${name}: leave one of the two out`);
      continue;
    }
    const value = read(path, (problem) => complain(`${name}_FILE`, problem));
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function read(path: string, complain: (problem: string) => void): string | undefined {
  try {
    const text = readBounded(path, complain);
    if (text?.trim() === '') complain('names a file that is empty');
    else return text?.trim();
  } catch (error) {
    complain(`names a file that cannot be read (${codeOf(error)})`);
  }
  return undefined;
}

/** Looked at before it is read: a pipe would be waited for, and a device may have no end. */
function readBounded(path: string, complain: (problem: string) => void): string | undefined {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    if (!stat.isFile()) complain('names what is no file');
    else if (stat.size > MAX_BYTES) complain(`names a file of more than ${MAX_BYTES} bytes`);
    else return readFileSync(file, 'utf8');
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Only that: the message has the path, where somebody may have put the secret itself. */
function codeOf(error: unknown): string {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error;
  return hasCode ? String(error.code) : 'unknown reason';
}
