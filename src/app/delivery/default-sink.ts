import { DEFAULT_ORGANIZATION } from '../../domain/organization.ts';
import type { Clock } from '../../ports/clock.ts';
import type { Digest } from '../../ports/digest.ts';
import type { SinkRepository } from '../../ports/sink-repository.ts';

/** Gives a fresh installation a log sink, so that its first notification is seen somewhere. */
export function createDefaultSink(deps: { sinks: SinkRepository; digest: Digest; clock: Clock }) {
  return async function addDefaultSink(): Promise<void> {
    const now = deps.clock.now();
    await deps.sinks.insertFirst({
      id: deps.digest.randomId(),
      organizationId: DEFAULT_ORGANIZATION,
      name: 'log',
      kind: 'log',
      purpose: 'notifications',
      url: null,
      stream: null,
      collection: null,
      secrets: null,
      previousSecretsUntil: null,
      headers: null,
      filter: { lifecycle: 'also' },
      enabled: true,
      disabledReason: null,
      concurrency: 20,
      ratePerSecond: null,
      description: 'Made at the first start: writes one line for each event to the log',
      notes: null,
      failingSince: null,
      createdAt: now,
      updatedAt: now,
      deletedAt: null,
    });
  };
}
