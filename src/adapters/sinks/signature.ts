import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Secret } from '../../domain/secret.ts';

const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;

/** Signs one message; gives the value of `webhook-signature`. `timestamp` is in seconds. */
export type Signer = (id: string, timestamp: string, body: Uint8Array) => string;

/**
 * Signs as Standard Webhooks say, symmetric, with every secret: `v1,<base64>` for each, separated
 * by spaces. The keys are decoded once. Throws when there is no secret, or one is not `whsec_…`.
 * https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
 */
export function createSigner(secrets: readonly Secret[]): Signer {
  const keys = secrets.map(decode);
  if (keys.length === 0) throw new Error('no secret to sign with');
  return (id, timestamp, body) => {
    const prefix = `${id}.${timestamp}.`;
    return keys.map((key) => `v1,${sign(key, prefix, body)}`).join(' ');
  };
}

function sign(key: KeyObject, prefix: string, body: Uint8Array): string {
  return createHmac('sha256', key).update(prefix).update(body).digest('base64');
}

function decode(secret: Secret): KeyObject {
  const [, base64] = SECRET.exec(secret.reveal()) ?? [];
  if (base64 === undefined) throw new Error('a secret is not whsec_ and base64');
  return createSecretKey(base64, 'base64');
}
