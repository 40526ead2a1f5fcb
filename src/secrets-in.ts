import { Secret } from './domain/secret.ts';

/**
 * Every secret that a configuration holds, so that none is forgotten which must not be written; of
 * URLs the password, as it stands there and as it is meant.
 */
export function secretsIn(value: unknown): readonly string[] {
  if (value instanceof Secret) return partsOf(value.reveal());
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(secretsIn);
}

function partsOf(secret: string): readonly string[] {
  if (!/^[a-z+]+:\/\//i.test(secret)) return [secret];
  // One that was not encoded may hold what ends it elsewhere.
  const found = [/\/\/[^/@]*?:([^/@]*)@/, /\/\/[^/@:]*:(.*)@/].flatMap(
    (pattern) => pattern.exec(secret)?.[1] ?? [],
  );
  return found.flatMap((password) => [password, decoded(password)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not encoded, though it looks so
  }
}
