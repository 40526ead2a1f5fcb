import { z } from 'zod';

const CONTROL = /\p{Cc}/u;

/** A time with its offset, of any precision (Graph writes up to seven decimals), as epoch ms. */
export const time = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2026-11-22T08:00:00Z' })
  .transform((text) => Date.parse(text));

/** A GUID in whatever letter case Graph has written it; kept in lower case. */
export const guid = z.guid().transform((text) => text.toLowerCase());

/** One line of text. */
export function line(maxLength: number) {
  return z
    .string()
    .trim()
    .min(1)
    .max(maxLength)
    .refine((text) => !CONTROL.test(text), { error: 'must not have control characters' });
}

/** Free text; empty is none. */
export const description = z
  .string()
  .trim()
  .max(2000)
  .transform((text) => (text === '' ? null : text))
  .nullable();

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
