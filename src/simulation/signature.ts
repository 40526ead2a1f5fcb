import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Secret } from '../domain/secret.ts';

// Standard Webhooks, "Verifying webhook authenticity": against replays.
const TOLERANCE_S = 300;

/**
 * Whether a delivery is signed with `secret` (`whsec_…`), as any consumer finds out. Written from the
 * standard and shares nothing with the service, which could otherwise be wrong without being noticed.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function isGenuine(secret: Secret, headers: IncomingHttpHeaders, body: Uint8Array): boolean {
  const id = headers['webhook-id'];
  const timestamp = headers['webhook-timestamp'];
  const signatures = headers['webhook-signature'];
  if (typeof id !== 'string' || typeof timestamp !== 'string') return false;
  if (typeof signatures !== 'string') return false;
  const ageS = Math.abs(Date.now() / 1000 - Number(timestamp));
  if (!/^\d+$/.test(timestamp) || ageS > TOLERANCE_S) return false;
  const key = Buffer.from(secret.reveal().replace('whsec_', ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest();
  return signatures.split(' ').some((signature) => isSame(signature, expected));
}

function isSame(signature: string, expected: Buffer): boolean {
  const [version, base64 = ''] = signature.split(',');
  const given = Buffer.from(base64, 'base64');
  return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
}
