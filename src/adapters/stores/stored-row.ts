import { z } from 'zod';
import { ValidationError } from '../../domain/errors.ts';
import type { RowKind } from '../../ports/store-copy.ts';

/** A row as its store has it, and where to find it. */
export interface NamedRow {
  readonly store: 'source' | 'target';
  readonly kind: RowKind;
  readonly id: unknown;
}

const REMEDY = {
  source: 'mend or remove it',
  target: 'mend it, or drop the target database',
} as const;

const NAMED = 3;

/**
 * Reads what a store holds as a row. Where it is none that this version writes, it throws a sentence
 * that says which row and what of it, without any value: those may be secret.
 */
export function readStoredRow<T>({ store, kind, id }: NamedRow, read: () => T): T {
  try {
    return read();
  } catch (error) {
    const why = describe(error);
    if (why === undefined) throw error;
    // oxlint-disable-next-line preserve-caught-error -- it may quote what it could not read
    throw new Error(
      `${kind} ${String(id)} of the ${store} cannot be read (${why}): ${REMEDY[store]}, then run this again`,
    );
  }
}

/** What is wrong with a row; `undefined` when the error is about something else. */
function describe(error: unknown): string | undefined {
  if (error instanceof z.ZodError) {
    return error.issues.slice(0, NAMED).map(describeIssue).join('; ');
  }
  if (error instanceof ValidationError) {
    return error.details.map(({ path, message }) => `${path} ${message}`).join('; ');
  }
  if (error instanceof SyntaxError) return 'a text in it is no JSON'; // its message quotes the text
  return error instanceof TypeError ? error.message : undefined;
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.join('.');
  const what = issue.code === 'invalid_type' ? `expected ${issue.expected}` : wordsOf(issue);
  return path === '' ? what : `${path}: ${what}`;
}

function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `expected ${issue.values.map(String).join(' or ')}`;
  return issue.code.replaceAll('_', ' ');
}
