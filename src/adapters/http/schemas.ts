import { z } from 'zod';
import { cleanText } from './clean-text.ts';

const CONTROL = /\p{Cc}/u;

/** A time with its offset, of any precision (Graph writes up to seven decimals), as epoch ms. */
export const time = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-11-22T08:00:00Z' })
  .transform((text) => Date.parse(text));

/** A GUID in whatever letter case Graph has written it; kept in lower case. */
export const guid = z.guid().transform((text) => text.toLowerCase());

// A half of a surrogate pair: stores keep it in ways of their own, and no copy of it would be equal.
const wellFormed = z
  .string()
  .refine((text) => text.isWellFormed(), { error: 'must be well-formed Unicode', abort: true });

/** One line of text. */
export function line(maxLength: number) {
  return wellFormed
    .trim()
    .min(1)
    .max(maxLength)
    .refine((text) => !CONTROL.test(text), { error: 'must not have control characters' });
}

// Cleaning takes time, and leaves out what may be long: both lengths are bounded.
const MAX_TEXT = 2000;
const MAX_UNCLEAN_TEXT = 10 * MAX_TEXT;

/** Free text, cleaned; empty is none. The limit is that of what is kept. */
export const freeText = wellFormed
  .max(MAX_UNCLEAN_TEXT, { abort: true })
  .transform(cleanText)
  .pipe(z.string().max(MAX_TEXT))
  .transform((text) => (text === '' ? null : text))
  .nullable();

/** A query parameter that says yes or no. */
export const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((text) => text === 'true');

const PAGE_LIMIT = 200;
const limitError = `must be a whole number from 1 to ${PAGE_LIMIT}`;

/** Query parameters of every list. A parameter that is given twice is an array, and so refused. */
export const page = {
  limit: z
    .string()
    .regex(/^\d{1,3}$/, { error: limitError, abort: true })
    .transform(Number)
    .refine((limit) => limit >= 1 && limit <= PAGE_LIMIT, { error: limitError })
    .default(50),
  cursor: z.string().min(1).max(1024).optional(),
};

export const PageQuery = z.strictObject(page);

/** Of lists of what can be soft-deleted: `deleted=true` gives what is, and nothing else. */
export const DeletablePageQuery = z.strictObject({ ...page, deleted: flag.optional() });

/** Of a removal: `permanent=true` removes for good what was removed before. */
export const RemovalQuery = z.strictObject({ permanent: flag.default(false) });

/** Of a POST that says everything by its path. */
export const NoBody = z.strictObject({});
