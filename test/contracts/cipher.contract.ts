import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Envelope } from '../../src/domain/envelope.ts';
import { TamperedError, UnknownKeyError } from '../../src/domain/errors.ts';
import type { Cipher } from '../../src/ports/cipher.ts';

/** Makes a cipher with a ring of these key ids; the same id is the same key each time. */
export type OpenCipher = (keyIds: readonly string[]) => Cipher;

const RUNS = { numRuns: 300 };
const text = () => fc.string({ unit: 'binary', maxLength: 200 });

/** What `Cipher` promises. */
export function describeCipher(adapter: string, open: OpenCipher): void {
  describe(`Cipher contract: ${adapter}`, () => {
    const cipher = open(['a']);

    it('opens what it sealed, whatever the text and the context', () => {
      fc.assert(
        fc.property(text(), text(), (plaintext, context) => {
          expect(cipher.open(cipher.seal(plaintext, context), context)).toBe(plaintext);
        }),
        RUNS,
      );
    });

    it('gives hex of the promised lengths, as long as the text', () => {
      const envelope = cipher.seal('é'.repeat(10), 'context');
      expect(envelope).toEqual({
        keyId: 'a',
        encrypted: expect.stringMatching(/^[0-9a-f]{40}$/),
        iv: expect.stringMatching(/^[0-9a-f]{24}$/),
        tag: expect.stringMatching(/^[0-9a-f]{32}$/),
      });
    });

    it('never uses an IV twice', () => {
      const ivs = Array.from({ length: 1000 }, () => cipher.seal('same', 'same').iv);
      expect(new Set(ivs).size).toBe(1000);
    });

    it('refuses an envelope with any one bit changed', () => {
      const field = fc.constantFrom('encrypted' as const, 'iv' as const, 'tag' as const);
      const plaintext = fc.string({ minLength: 1, maxLength: 200 });
      fc.assert(
        fc.property(plaintext, field, fc.nat(), fc.nat(7), (plain, name, place, bit) => {
          const envelope = cipher.seal(plain, 'context');
          const altered = { ...envelope, [name]: flipped(envelope[name], place, bit) };
          expect(() => cipher.open(altered, 'context')).toThrow(TamperedError);
        }),
        RUNS,
      );
    });

    it('refuses a tag that is cut to 4 to 15 bytes, or empty, or longer', () => {
      const envelope = cipher.seal('text', 'context');
      for (const bytes of [0, 1, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17, 32]) {
        const tag = (envelope.tag + envelope.tag).slice(0, 2 * bytes);
        expect(() => cipher.open({ ...envelope, tag }, 'context')).toThrow(TamperedError);
      }
    });

    it('refuses fields that are cut, lengthened, in capitals or no hex at all', () => {
      const envelope = cipher.seal('some text', 'context');
      const alterations: Partial<Envelope>[] = [
        { iv: envelope.iv.slice(2) },
        { iv: `${envelope.iv}00` },
        { iv: '' },
        { encrypted: envelope.encrypted.slice(0, -2) },
        { encrypted: envelope.encrypted.slice(0, -1) },
        { encrypted: `${envelope.encrypted}zz` },
        { encrypted: ` ${envelope.encrypted}` },
        { encrypted: '' },
        { tag: `${envelope.tag.slice(0, -1)}g` },
        { tag: `${envelope.tag}\n` },
      ];
      for (const altered of alterations) {
        expect(() => cipher.open({ ...envelope, ...altered }, 'context')).toThrow(TamperedError);
      }
    });

    it('refuses another context', () => {
      fc.assert(
        fc.property(text(), text(), text(), (plaintext, context, other) => {
          fc.pre(context !== other);
          const envelope = cipher.seal(plaintext, context);
          expect(() => cipher.open(envelope, other)).toThrow(TamperedError);
        }),
        RUNS,
      );
    });

    it('refuses fields swapped between two envelopes of one context', () => {
      fc.assert(
        fc.property(text(), text(), (one, other) => {
          const [a, b] = [cipher.seal(one, 'context'), cipher.seal(other, 'context')];
          for (const field of ['encrypted', 'iv', 'tag'] as const) {
            fc.pre(a[field] !== b[field]);
            const mixed = { ...a, [field]: b[field] };
            expect(() => cipher.open(mixed, 'context')).toThrow(TamperedError);
          }
        }),
        RUNS,
      );
    });

    it('opens with every key of the ring and seals with the first', () => {
      const before = open(['old']).seal('text', 'context');
      const rotated = open(['new', 'other', 'old']);
      expect(rotated.open(before, 'context')).toBe('text');
      expect(rotated.seal('text', 'context').keyId).toBe('new');
    });

    it('says which key is missing, and that it is not tampering', () => {
      const envelope = open(['gone']).seal('text', 'context');
      expect(() => cipher.open(envelope, 'context')).toThrow(UnknownKeyError);
      expect(() => cipher.open(envelope, 'context')).toThrow(
        expect.objectContaining({ keyId: 'gone' }),
      );
    });

    it('refuses an envelope that names another key of the ring', () => {
      const ring = open(['a', 'b']);
      const envelope = { ...ring.seal('text', 'context'), keyId: 'b' };
      expect(() => ring.open(envelope, 'context')).toThrow(TamperedError);
    });

    it('tells nothing of the cause of tampering', () => {
      const envelope = cipher.seal('text', 'context');
      const thrown = [
        () => cipher.open(envelope, 'other'),
        () => cipher.open({ ...envelope, tag: 'no hex' }, 'context'),
      ].map(errorOf);
      for (const error of thrown) expect(error).toEqual(new TamperedError());
      expect(thrown.map((error) => error.cause)).toEqual([undefined, undefined]);
    });
  });
}

function flipped(hex: string, place: number, bit: number): string {
  const bytes = Buffer.from(hex, 'hex');
  const at = place % bytes.length;
  bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << bit), at);
  return bytes.toString('hex');
}

function errorOf(run: () => unknown): Error {
  try {
    run();
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error('nothing was thrown');
}
