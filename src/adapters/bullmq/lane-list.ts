import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { JobKind } from '../../ports/job-queue.ts';

export interface ListedLane {
  readonly kind: JobKind;
  readonly lane: string;
  /** When an instance said last that it was hinted, by that one's clock. */
  readonly hintedAt: number;
}

const Kind = z.enum(['expand', 'deliver']);

/**
 * Which lanes were hinted lately by any instance, so that all work them. Those of more than
 * `keptMs` ago are forgotten. Rejects when Redis fails.
 */
export function createLaneList(deps: { redis: Redis; prefix: string; keptMs: number }) {
  const key = `${deps.prefix}:lanes`;

  return {
    async add(lanes: readonly ListedLane[]): Promise<void> {
      if (lanes.length === 0) return;
      const scored = lanes.flatMap(({ kind, lane, hintedAt }) => [hintedAt, `${kind} ${lane}`]);
      await deps.redis.zadd(key, ...scored.map(String));
    },

    async read(now: number): Promise<ListedLane[]> {
      await deps.redis.zremrangebyscore(key, '-inf', `${now - deps.keptMs}`);
      const reply = await deps.redis.zrange(key, '0', '-1', 'WITHSCORES');
      return pairsOf(reply).flatMap(([member, score]) => {
        const space = member.indexOf(' ');
        const kind = Kind.safeParse(member.slice(0, space));
        // An instance of a newer version may have kinds that this one does not know.
        if (!kind.success) return [];
        return [{ kind: kind.data, lane: member.slice(space + 1), hintedAt: Number(score) }];
      });
    },
  };
}

function pairsOf(reply: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let at = 0; at + 1 < reply.length; at += 2) {
    pairs.push([reply[at] ?? '', reply[at + 1] ?? '']);
  }
  return pairs;
}
