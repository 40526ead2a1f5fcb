import { signingSecrets } from '../../domain/delivery/secret-rotation.ts';
import type { Sink } from '../../domain/delivery/sink.ts';
import type { Envelope } from '../../domain/envelope.ts';
import { Secret } from '../../domain/secret.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Digest } from '../../ports/digest.ts';
import type { SinkTarget } from '../../ports/notification-sink.ts';

const SECRET_BYTES = 32;

/** A new secret in the form of Standard Webhooks, "Symmetric". */
export function createSinkSecret(digest: Digest): Secret {
  const base64 = digest.randomToken(SECRET_BYTES).replaceAll('-', '+').replaceAll('_', '/');
  return new Secret(`whsec_${base64.padEnd(Math.ceil(base64.length / 4) * 4, '=')}`);
}

/** The secrets that sign for a sink now, newest first; none for kinds that sign nothing. */
export function openSecrets(
  sink: Pick<Sink, 'id' | 'secrets' | 'previousSecretsUntil'>,
  cipher: Cipher,
  now: number,
): readonly Secret[] {
  if (sink.secrets === null) return [];
  const all = JSON.parse(cipher.open(sink.secrets, `sink:${sink.id}:secrets`)) as string[];
  return signingSecrets(all, sink, now).map((secret) => new Secret(secret));
}

export function sealSecrets(sinkId: string, secrets: readonly Secret[], cipher: Cipher): Envelope {
  const text = JSON.stringify(secrets.map((secret) => secret.reveal()));
  return cipher.seal(text, `sink:${sinkId}:secrets`);
}

/** Where a sink leads, its secrets opened. Throws when they cannot be. */
export function openTarget(sink: Sink, cipher: Cipher, now: number): SinkTarget {
  if (sink.kind === 'log') return { kind: 'log', name: sink.name };
  if (sink.kind === 'listen') return { kind: 'listen', sinkId: sink.id };
  const { kind, organizationId } = sink;
  if (kind === 'redis-stream') return { kind, organizationId, stream: sink.stream ?? '' };
  if (kind === 'mongo-collection') {
    return { kind, organizationId, collection: sink.collection ?? '' };
  }
  const headers = sink.headers && cipher.open(sink.headers, `sink:${sink.id}:headers`);
  return {
    kind: 'webhook',
    url: sink.url ?? '',
    secrets: openSecrets(sink, cipher, now),
    headers: Object.fromEntries(
      Object.entries(JSON.parse(headers ?? '{}') as Record<string, string>).map(
        ([name, value]) => [name, new Secret(value)] as const,
      ),
    ),
  };
}
