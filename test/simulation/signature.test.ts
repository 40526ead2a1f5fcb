import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { Secret } from '../../src/domain/secret.ts';
import { isGenuine } from '../../src/simulation/signature.ts';

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const OTHER = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const BODY = '{"id":"ü"}';

/** Signed by the library of the standard's authors. */
function signed({ secret = SECRET, ageS = 0 } = {}) {
  const at = new Date(Date.now() - ageS * 1000);
  return {
    'webhook-id': 'one',
    'webhook-timestamp': String(Math.floor(at.getTime() / 1000)),
    'webhook-signature': new Webhook(secret).sign('one', at, BODY),
  };
}

const check = (headers: Record<string, string>, body = BODY) =>
  isGenuine(new Secret(SECRET), headers, Buffer.from(body));

describe('a delivery', () => {
  it('is genuine when one of its signatures is', () => {
    const genuine = signed(); // once: another one may be of the next second
    expect(check(genuine)).toBe(true);
    const both = `${signed({ secret: OTHER })['webhook-signature']} ${genuine['webhook-signature']}`;
    expect(check({ ...genuine, 'webhook-signature': both })).toBe(true);
    expect(check(signed({ ageS: 250 }))).toBe(true);
  });

  it.each<[string, Record<string, string>]>([
    ['of another secret', signed({ secret: OTHER })],
    ['of another id', { ...signed(), 'webhook-id': 'two' }],
    [
      'of another time',
      { ...signed(), 'webhook-timestamp': signed({ ageS: 9 })['webhook-timestamp'] },
    ],
    ['of long ago', signed({ ageS: 400 })],
    ['of the future', signed({ ageS: -400 })],
    ['of no time', { ...signed(), 'webhook-timestamp': 'NaN' }],
    [
      'of another version',
      { ...signed(), 'webhook-signature': signed()['webhook-signature'].replace('v1', 'v1a') },
    ],
    ['that is empty', { ...signed(), 'webhook-signature': '' }],
    [
      'that was cut',
      { ...signed(), 'webhook-signature': signed()['webhook-signature'].slice(0, -8) },
    ],
    ['that is missing', {}],
  ])('is not by a signature %s', (_what, headers) => {
    expect(check(headers)).toBe(false);
  });

  it('is not when its body was altered', () => {
    expect(check(signed(), `${BODY} `)).toBe(false);
  });
});
