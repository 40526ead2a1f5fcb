import { createDecipheriv } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { createCipher } from '../../src/adapters/crypto/cipher.ts';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { describeCipher } from '../contracts/cipher.contract.ts';
import { describeDigest } from '../contracts/digest.contract.ts';

const digest = createDigest();
const keyOf = (id: string) => ({ id, key: digest.sha256(`test key ${id}`) });

describeCipher('node:crypto', (keyIds) => createCipher({ keys: keyIds.map(keyOf) }));
describeDigest('node:crypto', digest);

describe('createCipher', () => {
  const { key } = keyOf('a');

  it.each([
    ['an empty ring', []],
    ['a key that is too short', [{ id: 'a', key: key.slice(2) }]],
    ['a key that is too long', [{ id: 'a', key: `${key}00` }]],
    ['a key that is no hex', [{ id: 'a', key: 'z'.repeat(64) }]],
    ['a bad key behind a good one', [keyOf('a'), { id: 'b', key: '' }]],
    ['a repeated id', [keyOf('a'), { ...keyOf('b'), id: 'a' }]],
    ['an empty id', [{ id: '', key }]],
  ])('throws on %s', (_what, keys) => {
    expect(() => createCipher({ keys })).toThrow(/key/i);
  });

  it('does not print a key or an id in its errors', () => {
    const keys = [{ id: key, key: `${key}00` }];
    expect(() => createCipher({ keys })).toThrow(
      expect.objectContaining({ message: 'Key 1 of the ring is not 64 hex digits' }),
    );
  });

  it('is AES-256-GCM with the context as additional data, so that others can read it', () => {
    const { encrypted, iv, tag } = createCipher({ keys: [keyOf('a')] }).seal('text', 'sink:1');
    const plain = createDecipheriv('aes-256-gcm', Buffer.from(key, 'hex'), Buffer.from(iv, 'hex'));
    plain.setAAD(Buffer.from('sink:1')).setAuthTag(Buffer.from(tag, 'hex'));
    expect(plain.update(encrypted, 'hex', 'utf8') + plain.final('utf8')).toBe('text');
  });
});
