import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../domain/secret.ts';
import { splitList } from '../environment-fields.ts';
import { type GivenEnvironment, givenIn, withSecretFiles } from '../secret-files.ts';
import { usageError } from './cli-error.ts';

/** What the environment says to the command. */
export interface CliSettings {
  /** Where the service listens, as far as the command knows. */
  readonly url: string;
  readonly dataDir: string;
  readonly apiKey: { readonly key: Secret; readonly source: string } | undefined;
  /** Any other, as it stands there, for `${NAME}` in files. */
  variable(name: string): string | undefined;
  /** The same, or what the file holds that `<name>_FILE` names; throws when it cannot be read. */
  secret(name: string): string | undefined;
}

/** The operator's key, and in words where it was found, for when it is refused. */
export interface FoundKey {
  readonly key: Secret | undefined;
  readonly source: string;
}

/** Reads the environment once, for the command as `readConfig` does for the service. */
export function readCliSettings(env: NodeJS.ProcessEnv): CliSettings {
  const given = givenIn(env);
  // Names come from files, too, and `constructor` is no variable.
  const variable = (name: string) => (Object.hasOwn(given, name) ? given[name] : undefined);
  const secret = (name: string) => readSecret(given, name);
  const keyFrom = (name: string) => {
    // The service takes any of a list, so that the first will do while one takes another's place.
    const [value] = splitList(secret(name) ?? '');
    return value === undefined ? undefined : { key: new Secret(value), source: `$${name}` };
  };
  return {
    url: variable('SALLYPORT_URL') ?? `http://127.0.0.1:${variable('PORT') ?? '8010'}`,
    dataDir: variable('DATA_DIR') ?? './data',
    // Read when it is asked for: its file may be nobody's to read who needs no key.
    get apiKey() {
      return keyFrom('SALLYPORT_API_KEY') ?? keyFrom('OPERATOR_API_KEY');
    },
    variable,
    secret,
  };
}

function readSecret(given: GivenEnvironment, name: string): string | undefined {
  const found = withSecretFiles(given, [name], (variable, problem) => {
    throw usageError(`$${variable} ${problem}`);
  });
  return found[name];
}

/** Looks in `--key-file`, then in the environment, then where the service keeps what it generated. */
export async function findOperatorKey(
  settings: CliSettings,
  keyFile: string | undefined,
): Promise<FoundKey> {
  if (keyFile !== undefined) {
    const key = await readKey(keyFile);
    if (key === undefined) throw usageError(`There is no key file ${keyFile}`);
    return { key, source: keyFile };
  }
  if (settings.apiKey !== undefined) return settings.apiKey;
  const source = join(settings.dataDir, 'secrets', 'operator-api-key');
  return { key: await readKey(source), source };
}

async function readKey(path: string): Promise<Secret | undefined> {
  const text = await readSecretFile(path);
  if (text === undefined) return undefined;
  // Of a list as the environment may hold it the first, while one takes another's place.
  const [key = ''] = splitList(text);
  // It travels in a header; anything else would fail there with an error that quotes it.
  if (!/^[\x21-\x7e]+$/.test(key)) throw usageError(`${path} does not hold a key`);
  return new Secret(key);
}

/** The text of a file; `undefined` when there is none. */
export async function readSecretFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw usageError(`The file ${path} cannot be read: run this as its owner`, error);
  }
}
