import type { z } from 'zod';
import { type ErrorDetail, ValidationError } from '../../domain/errors.ts';

const MAX_DETAILS = 50;
const MAX_PATH = 100;

/** Reads outside data through a schema. What is wrong is told by field and never quotes a value. */
export function parse<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const { success, data, error } = schema.safeParse(value);
  if (success) return data;
  throw new ValidationError(error.issues.flatMap(describe).slice(0, MAX_DETAILS));
}

function describe(issue: z.core.$ZodIssue): readonly ErrorDetail[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ path: pathOf(issue.path), message: issue.message }];
  }
  return issue.keys.map((key) => ({
    path: pathOf([...issue.path, key]),
    message: 'This field is not known',
  }));
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.map(String).join('.').slice(0, MAX_PATH);
}
