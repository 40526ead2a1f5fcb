import { z } from 'zod';
import type { Envelope } from '../../domain/envelope.ts';

/** A column that holds JSON text, as what the text says. */
export function jsonColumn<T extends z.ZodType>(schema: T) {
  return z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);
}

/** An envelope, or nothing, in a column. */
export const EnvelopeColumn = jsonColumn(
  z.object({ keyId: z.string(), encrypted: z.string(), iv: z.string(), tag: z.string() }),
).nullable();

/** A truth in a column. */
export const BooleanColumn = z.literal([0, 1]).transform((value) => value === 1);

export function writeEnvelope(envelope: Envelope | null): string | null {
  return envelope === null ? null : JSON.stringify(envelope);
}
