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
  return /^[a-z+]+:\/\//i.test(secret) ? passwordsIn(secret) : [secret];
}

// One that was not encoded may hold what ends it elsewhere, and so may the user before it.
const READINGS = [
  /\/\/[^/:]*:([^/]*)@/, // as `URL` reads it: up to the last @ before the path
  /\/\/[^/@]*?:([^/@]*)@/, // up to the first
  /\/\/[^/@:]*:(.*)@/, // up to the last of all
];

/**
 * What may be the password of a URL, the likeliest first, each as it is meant and as it stands there.
 * Not by `URL`, which takes no list of hosts as MongoDB's have.
 */
export function passwordsIn(url: string): readonly string[] {
  const found = READINGS.flatMap((pattern) => pattern.exec(url)?.[1] || []);
  return [...new Set(found.flatMap((password) => [decoded(password), password]))];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // not encoded, though it looks so
  }
}
