import { describe, expect, it } from '@jest/globals';
import { createRedactor, redactGuesses } from '../../src/domain/redact.ts';

describe('redaction', () => {
  it.each([
    ['mongodb://svc:TEST-ONLY-pw@db1:27017/x failed', 'mongodb://svc:[secret]@db1:27017/x failed'],
    ['Authorization: Bearer TEST-ONLY.abc-def', 'Authorization: [secret] [secret]'],
    ['signed with whsec_VEVTVCBPTkxZ==', 'signed with whsec_[secret]'],
    ['got eyJhbGciOiJub25lIn0.eyJURVNUIjoxfQ.c2ln', 'got eyJhbGciOiJub25lIn0.[secret]'],
    ['{"clientState":"TEST-ONLY","id":"7"}', '{"clientState":"[secret]","id":"7"}'],
    ['/share?token=TEST-ONLY&page=2', '/share?token=[secret]&page=2'],
    ["password='TEST-ONLY'", "password='[secret]'"],
    ['X-API-Key: TEST-ONLY', 'X-API-Key: [secret]'],
    ['"redis://svc:TEST/ONLY@pw@db1:6379"', '"redis://svc:[secret]@db1:6379"'],
    [
      "ERR unknown command 'X', with args beginning with: 'a' 'b'",
      "ERR unknown command 'X', with args beginning with: [secret]",
    ],
    ['E11000 index: z dup key: { z: "a" }', 'E11000 index: z dup key: [secret]'],
  ])('takes the secret out of %j', (text, clean) => {
    expect(redactGuesses(text)).toBe(clean);
  });

  it.each([
    'no answer within 5000 ms',
    'connect ECONNREFUSED 127.0.0.1:6379',
    'at https://host:8080/path (file.ts:1:2)',
    'at http://host:8080/@scope/name',
    'file:///opt/app/node_modules/koa@3.1.0/lib/application.js:153:7',
    'the token is missing',
    'the token: is invalid',
    'signature: bad',
    'Basic authentication required',
  ])('leaves %j alone', (text) => {
    expect(redactGuesses(text)).toBe(text);
  });

  it('takes the longer of two secrets first', () => {
    expect(createRedactor(['abcdefgh', 'abcdefgh-ijkl']).clean('x abcdefgh-ijkl y')).toBe(
      'x [secret] y',
    );
  });

  it('hides what it is told of later', () => {
    const { hide, clean } = createRedactor();
    hide(['TEST-ONLY-generated']);
    expect(clean('x TEST-ONLY-generated y')).toBe('x [secret] y');
  });

  it('leaves words alone that are too short for a secret', () => {
    expect(createRedactor(['test', '']).clean('a test')).toBe('a test');
  });

  it('cuts what is too long to be read', () => {
    const text = `password${' '.repeat(50_000)}${'a://'.repeat(10_000)}`;
    expect(redactGuesses(text)).toHaveLength(8193);
  });
});
