import type { Envelope } from '../../domain/envelope.ts';

/** Reads an envelope from its column; a column without one is `null`. */
export function readEnvelope(text: unknown): Envelope | null {
  return typeof text === 'string' ? (JSON.parse(text) as Envelope) : null;
}
