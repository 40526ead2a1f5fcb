import type { Replay, ReplayFilter } from '../../domain/delivery/replay.ts';
import { NotFoundError, ValidationError } from '../../domain/errors.ts';
import type { Principal } from '../../domain/identity/principal.ts';
import type { Page, PageRequest } from '../../domain/page.ts';
import type { AuditTrail } from '../../ports/audit-trail.ts';
import type { Digest } from '../../ports/digest.ts';
import { recordAct } from '../audit/record-act.ts';
import { createReplayRunner, type ReplayRunner, type ReplayRunnerDeps } from './run-replays.ts';

export interface WantedReplay {
  readonly filter: Omit<ReplayFilter, 'receivedBefore'> & {
    readonly receivedBefore?: number | undefined;
  };
  /** The one sink that gets what its own filter lets through; else each notification's own sinks. */
  readonly sinkId?: string | undefined;
}

/** Delivers again what has been received before. */
export interface Replays extends ReplayRunner {
  /** Begins a replay. Rejects with `NotFoundError` when the sink is not there. */
  start(principal: Principal, wanted: WantedReplay): Promise<Replay>;
  get(principal: Principal, id: string): Promise<Replay>;
  list(principal: Principal, page: PageRequest): Promise<Page<Replay>>;
}

export function createReplays(
  deps: ReplayRunnerDeps & { audit: AuditTrail; digest: Digest },
): Replays {
  const { clock, replays } = deps;
  const runner = createReplayRunner(deps);

  async function checkSink({ organizationId }: Principal, sinkId: string): Promise<void> {
    const sink = await deps.sinks.find(organizationId, sinkId);
    if (sink === undefined) throw new NotFoundError('There is no such sink');
    if (sink.purpose === 'notifications') return;
    throw new ValidationError([{ path: 'sinkId', message: 'This sink gets no notifications' }]);
  }

  return {
    ...runner,

    async start(principal, { filter, sinkId }) {
      if (sinkId !== undefined) await checkSink(principal, sinkId);
      const now = clock.now();
      const replay: Replay = {
        id: deps.digest.randomId(),
        organizationId: principal.organizationId,
        // What comes in from now on has its deliveries before it.
        filter: { ...filter, receivedBefore: Math.min(filter.receivedBefore ?? Infinity, now + 1) },
        sinkId: sinkId ?? null,
        state: 'running',
        cursor: null,
        notifications: 0,
        deliveries: 0,
        createdAt: now,
        finishedAt: null,
      };
      await replays.insert(replay);
      await recordAct(deps.audit, principal, {
        eventType: 'ADMIN_REPLAY_STARTED',
        resource: `replay/${replay.id}`,
        action: 'replay',
        details: { sinkId: replay.sinkId },
      });
      runner.resume();
      return replay;
    },

    async get(principal, id) {
      const replay = await replays.find(principal.organizationId, id);
      if (replay === undefined) throw new NotFoundError('There is no such replay');
      return replay;
    },

    list: (principal, page) => replays.list(principal.organizationId, page),
  };
}
