import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import {
  isGuessable,
  isPredictable,
  isSample,
} from '../../../src/domain/identity/secret-strength.ts';

const RUNS = 2000;

describe('a secret that is the outcome of chance', () => {
  it.each([
    ['32 bytes as hex', () => randomBytes(32).toString('hex')],
    ['32 bytes as base64url', () => randomBytes(32).toString('base64url')],
    ['32 bytes as base64', () => randomBytes(32).toString('base64')],
    ['16 bytes as hex', () => randomBytes(16).toString('hex')],
    ['24 bytes as base64url', () => randomBytes(24).toString('base64url')],
  ])('is never refused: %s', (_what, make) => {
    const refused = Array.from({ length: RUNS }, make).filter(
      (value) => isPredictable(value) || isSample(value),
    );
    expect(refused).toEqual([]);
  });
});

describe('a value that is too regular for that', () => {
  const ALPHABET = 'abcdefghijklmnopqrstuvwxyz';

  it.each([
    ['one character', 'a'.repeat(64)],
    ['two characters by turns', 'az'.repeat(40)],
    ['the same, cut off', `${'az'.repeat(40)}a`],
    ['few characters', 'aaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb'],
    ['the alphabet', `${ALPHABET}0123456789`],
    ['the alphabet backwards', `${ALPHABET}0123456789`.split('').toReversed().join('')],
    ['hex digits in their order', '0123456789abcdef'.repeat(2)],
    ['a word three times', 'correcthorsebatterystaple'.repeat(3)],
    ['a word three times, cut off', 'correcthorsebatterystaple'.repeat(4).slice(0, 90)],
    ['doubled letters', ALPHABET.replaceAll(/./g, '$&$&')],
    ['nothing', ''],
  ])('is always refused: %s', (_what, value) => {
    expect(isPredictable(value)).toBe(true);
  });

  it('is refused whatever its pieces are', () => {
    for (let run = 0; run < RUNS; run += 1) {
      const piece = randomBytes(1 + (run % 24)).toString('hex');
      const repeated = piece.repeat(Math.ceil(64 / piece.length) + 2);
      expect([piece, isPredictable(repeated)]).toEqual([piece, true]);
    }
  });
});

describe('a sample', () => {
  it.each([
    'change-me',
    'CHANGEME-now-please-9f3b27aa91',
    'change_me_9f3b27aa91',
    'my-example-key',
    'SAMPLE9f3b27aa91',
    'placeholder',
    'your-secret-key-here',
    'your_api_key',
    'Password123',
    'abcabcabc',
    '0'.repeat(64),
  ])('is %s', (value) => {
    expect(isSample(value)).toBe(true);
  });

  it.each(['', 'TEST-ONLY-7f3a9c51d2e84b06', 'hunter2', '8Q~Tn.aZ_x'])('is not %s', (value) => {
    expect(isSample(value)).toBe(false);
  });

  it('is whatever is one piece of up to 16 characters, said more than once', () => {
    const few = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 40 });
    fc.assert(
      fc.property(few, (value) => {
        expect(isSample(value)).toBe(/^(.{1,16})\1+$/.test(value));
      }),
      { numRuns: 2000 },
    );
    const piece = '7f3a9c51d2e84b06';
    expect([isSample(piece.repeat(2)), isSample(`${piece}x`.repeat(2))]).toEqual([true, false]);
  });
});

describe('a password that is guessed at once', () => {
  it.each([
    '',
    'hk29wq8',
    'admin',
    'secret',
    '123456',
    'sallyport',
    'SallyPort1',
    'administrator',
    'mongodb123!',
    'qwertyuiop',
    '12345678',
    '987654321',
    'abcdefgh',
    'aaaaaaaaaaaa',
  ])('is %j', (value) => {
    expect(isGuessable(value)).toBe(true);
  });

  it.each(['hk29wq8d', 'TEST-ONLY-7f3a9c51', 'sallyport-hk29wq8d'])('is not %s', (value) => {
    expect(isGuessable(value)).toBe(false);
  });

  it('is never the outcome of chance', () => {
    const made = Array.from({ length: RUNS }, () => randomBytes(8).toString('hex'));
    expect(made.filter(isGuessable)).toEqual([]);
  });
});
