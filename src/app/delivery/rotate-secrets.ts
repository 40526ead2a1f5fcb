import { isOverlapOver, rotated } from '../../domain/delivery/secret-rotation.ts';
import type { Sink } from '../../domain/delivery/sink.ts';
import { ConflictError, NotFoundError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/identity/principal.ts';
import type { Secret } from '../../domain/secret.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Cipher } from '../../ports/cipher.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { Log } from '../../ports/log.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';
import { recordAct } from '../audit/record-act.ts';
import { createSinkSecret, openSecrets, sealSecrets } from './sink-secrets.ts';

export type RotateSecrets = ReturnType<typeof createRotateSecrets>;

/** Changes what a webhook signs with, with a time in which the secrets before sign as well. */
export function createRotateSecrets(deps: {
  sinks: SinkRepository;
  cipher: Cipher;
  digest: Digest;
  clock: Clock;
  audit: AuditTrail;
  log: Log;
  /** Told after each change. */
  changed: () => void;
}) {
  const { cipher, clock, sinks } = deps;

  async function drop(sink: Sink, now: number): Promise<void> {
    const secrets = sealSecrets(sink.id, openSecrets(sink, cipher, now), cipher);
    await sinks.replaceSecrets(sink, { secrets, previousSecretsUntil: null }, now);
  }

  return {
    /** The new secret is given here and never again. */
    async rotate(
      principal: Principal,
      id: string,
      { overlapMs }: { overlapMs: number },
    ): Promise<{ secret: Secret; previousSecretsUntil: number | null }> {
      const sink = await sinks.find(principal.organizationId, id);
      if (sink === undefined) throw new NotFoundError('There is no such sink');
      if (sink.kind !== 'webhook') throw new ConflictError('Only webhooks sign what they send');
      const now = clock.now();
      const secret = createSinkSecret(deps.digest);
      const signing = openSecrets(sink, cipher, now);
      const { secrets, previousSecretsUntil } = rotated(secret, signing, { overlapMs, now });
      const by = { secrets: sealSecrets(id, secrets, cipher), previousSecretsUntil };
      if ((await sinks.replaceSecrets(sink, by, now)) === undefined) {
        throw new ConflictError('The secrets of this sink were just changed by somebody else');
      }
      await recordAct(deps.audit, principal, {
        eventType: 'ADMIN_SINK_SECRET_ROTATED',
        resource: `sink/${id}`,
        action: 'rotate-secret',
        details: { overlapMs },
      });
      deps.changed();
      return { secret, previousSecretsUntil };
    },

    /** Drops what signs no longer, of every sink. */
    async dropEnded(): Promise<void> {
      const now = clock.now();
      const over = (await sinks.all()).filter((sink) => isOverlapOver(sink, now));
      for (const sink of over) {
        await drop(sink, now).catch((err: unknown) =>
          deps.log.warn({ err, sink: sink.id }, 'secrets that sign no longer were not dropped'),
        );
      }
      if (over.length > 0) deps.changed();
    },
  };
}
