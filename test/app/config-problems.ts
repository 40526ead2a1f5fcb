import { createHash } from 'node:crypto';
import { readConfig } from '../../src/config.ts';

/** A value of 64 hex digits, TEST-ONLY, the same for the same name. */
export function testSecret(name: string): string {
  return createHash('sha256').update(`TEST ONLY: ${name}`).digest('hex');
}

export const KEY = testSecret('one');
export const OTHER_KEY = testSecret('two');
export const OPERATOR = testSecret('operator');

/** What production needs at least. */
export const PRODUCTION = {
  NODE_ENV: 'production',
  ENCRYPTION_KEYS: `a:${KEY}`,
  OPERATOR_API_KEY: OPERATOR,
};

/** The lines that a start would end with; none when it would not. */
export function problemsOf(env: Record<string, string>): string[] {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof Error) return error.message.split('\n').slice(1);
    throw error;
  }
  return [];
}
