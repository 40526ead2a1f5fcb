import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { z } from 'zod';
import { ValidationTokenError } from '../../../src/domain/errors.ts';
import { readValidationToken } from '../../../src/domain/notifications/handshake.ts';

const FILE = new URL('../../fixtures/graph/handshake-cases.json', import.meta.url);

const { cases } = z
  .object({
    cases: z.array(
      z.object({
        name: z.string(),
        rawQuery: z.string(),
        expect: z.object({ status: z.int(), body: z.string().optional() }),
      }),
    ),
  })
  .parse(JSON.parse(readFileSync(FILE, 'utf8')));

const expecting = (wanted: number) => cases.filter(({ expect: { status } }) => status === wanted);

describe('the token of a handshake', () => {
  it('has cases of both kinds', () => {
    expect(expecting(200).length).toBeGreaterThan(0);
    expect(expecting(200).length + expecting(400).length).toBe(cases.length);
  });

  it.each(expecting(200))('is decoded: $name', ({ rawQuery, expect: { body } }) => {
    expect(readValidationToken(rawQuery)).toBe(body);
  });

  it.each(expecting(400))('is refused: $name', ({ rawQuery }) => {
    expect(() => readValidationToken(rawQuery)).toThrow(ValidationTokenError);
  });

  it.each(['', 'x=1', 'tenant=validationToken', 'notvalidationToken=1', 'x=%E0%A4%A'])(
    'is not looked for in %j, which brings notifications',
    (rawQuery) => {
      expect(readValidationToken(rawQuery)).toBeUndefined();
    },
  );

  it.each([
    'VALIDATIONTOKEN=x',
    'validationToken%5B%5D=x',
    'validationToken=1&validationToken[]=2',
  ])('is refused under a name that only looks like it: %s', (rawQuery) => {
    expect(() => readValidationToken(rawQuery)).toThrow(ValidationTokenError);
  });

  it('may have 2048 characters and no more', () => {
    expect(readValidationToken(`validationToken=${'a'.repeat(2048)}`)).toHaveLength(2048);
    expect(() => readValidationToken(`validationToken=${'a'.repeat(2049)}`)).toThrow(
      ValidationTokenError,
    );
  });

  it.each(['\u0000', '\t', '\u007f', '\u0085', '<', '>', '\u2028', '\u2029'])(
    'never holds %j, however it was written',
    (character) => {
      const encoded = encodeURIComponent(`a${character}b`);
      expect(() => readValidationToken(`validationToken=${encoded}`)).toThrow(ValidationTokenError);
    },
  );

  it('comes back as it was, whatever is encoded and whatever stands around it', () => {
    const harmless = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 200 })
      // oxlint-disable-next-line no-control-regex -- control characters are what is left out
      .filter((text) => !/[\u0000-\u001f\u007f-\u009f<>\u2028\u2029]/u.test(text));
    const other = fc.constantFrom('', 'a=1&', 'b&', '&', 'c==&');
    fc.assert(
      fc.property(harmless, other, fc.boolean(), (token, before, asForm) => {
        const encoded = encodeURIComponent(token);
        const value = asForm ? encoded.replaceAll('%20', '+') : encoded;
        expect(readValidationToken(`${before}validationToken=${value}&z=1`)).toBe(token);
      }),
    );
  });

  it('is found or refused in whatever a stranger sends, and nothing else is thrown', () => {
    const query = fc.stringMatching(/^(?:validationToken|[a-z%&=+[\]<]){0,12}$/);
    fc.assert(
      fc.property(query, (rawQuery) => {
        try {
          const token = readValidationToken(rawQuery);
          expect(token === undefined || token.length > 0).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ValidationTokenError);
        }
      }),
      { numRuns: 300 },
    );
  });
});
