import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import type { Digest } from '../../src/ports/digest.ts';

const text = () => fc.string({ unit: 'binary', maxLength: 300 });

/** What `Digest` promises. */
export function describeDigest(adapter: string, digest: Digest): void {
  describe(`Digest contract: ${adapter}`, () => {
    it.each([
      // FIPS 180-4 examples, and one that only UTF-8 gives.
      ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
      ['abc', 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'],
      ['é', '4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c'],
    ])('knows the SHA-256 of %j', (text, expected) => {
      expect(digest.sha256(text)).toBe(expected);
    });

    it('says that a text is the same as its own digest, and no other', () => {
      fc.assert(
        fc.property(text(), text(), (one, other) => {
          expect(digest.same(one, digest.sha256(one))).toBe(true);
          expect(digest.same(other, digest.sha256(one))).toBe(one === other);
        }),
        { numRuns: 300 },
      );
    });

    it('compares digests, and is false for a difference in any place', () => {
      const genuine = digest.sha256('text');
      expect(digest.sameDigest(genuine, digest.sha256('text'))).toBe(true);
      for (let place = 0; place < genuine.length; place += 1) {
        const digit = genuine[place] === '0' ? '1' : '0';
        const forged = genuine.slice(0, place) + digit + genuine.slice(place + 1);
        expect(digest.sameDigest(genuine, forged)).toBe(false);
      }
    });

    it('is false, and does not throw, for values that are no digest', () => {
      const genuine = digest.sha256('text');
      const strange = ['', 'x', genuine.slice(1), `${genuine}0`, `${genuine}\n`, 'é'.repeat(64)];
      for (const value of [...strange, genuine.toUpperCase(), 'z'.repeat(64)]) {
        expect(digest.sameDigest(value, genuine)).toBe(false);
        expect(digest.sameDigest(genuine, value)).toBe(false);
        expect(digest.sameDigest(value, value)).toBe(false);
        expect(digest.same('text', value)).toBe(false);
      }
    });

    it('makes tokens of the wanted size, each another one', () => {
      const tokens = Array.from({ length: 1000 }, () => digest.randomToken(32));
      expect(new Set(tokens).size).toBe(1000);
      for (const token of tokens) expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
      expect(digest.randomToken(16)).toHaveLength(22);
    });

    it('makes no token that could be guessed', () => {
      expect(() => digest.randomToken(15)).toThrow(RangeError);
    });

    it('makes ids of version 4, each another one', () => {
      const ids = Array.from({ length: 1000 }, () => digest.randomId());
      expect(new Set(ids).size).toBe(1000);
      const version4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
      for (const id of ids) expect(id).toMatch(version4);
    });
  });
}
