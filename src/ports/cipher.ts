import type { Envelope } from '../domain/envelope.ts';

/**
 * Seals what must not lie about in clear: AES-256-GCM (NIST SP 800-38D), a fresh random 12-byte IV
 * for each sealing, a 16-byte tag, and a ring of keys of which the first seals and all open.
 *
 * Synchronous: what is sealed is small (kilobytes).
 */
export interface Cipher {
  /**
   * Seals a text (UTF-8). `context` says what the value is and whose, such as
   * `sink:<id>:secrets`; it is bound as additional data, so that an envelope cannot be moved.
   */
  seal(plaintext: string, context: string): Envelope;

  /**
   * Opens an envelope sealed under the same context.
   *
   * Throws `UnknownKeyError` when the ring lacks its key: that may be mended, so try again later.
   * Throws `TamperedError` for every other cause alike: another context, an altered field, a tag
   * of another length.
   */
  open(envelope: Envelope, context: string): string;
}
