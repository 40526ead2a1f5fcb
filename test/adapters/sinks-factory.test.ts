import { describe, expect, it } from '@jest/globals';
import { createSinkFactory } from '../../src/adapters/sinks/sink-factory.ts';
import type { NotificationSink, SinkTarget } from '../../src/ports/notification-sink.ts';
import { eventOf, tryOf } from '../contracts/notification-sink.contract.ts';

const TARGETS: readonly SinkTarget[] = [
  { kind: 'log', name: 'log' },
  { kind: 'webhook', url: 'https://sink.example', secrets: [], headers: {} },
  { kind: 'listen', sinkId: 'id' },
  { kind: 'redis-stream', organizationId: 'default', stream: 'events' },
  { kind: 'mongo-collection', organizationId: 'default', collection: 'events' },
];

const saying = (said: string): NotificationSink => ({
  deliver: async () => ({ outcome: 'delivered', status: null, body: said }),
});
const repeating = (target: SinkTarget) => saying(JSON.stringify(target));
const ALWAYS = { log: saying(JSON.stringify(TARGETS[0])), webhook: repeating, listen: repeating };

describe('sink factory', () => {
  const openSink = createSinkFactory({
    ...ALWAYS,
    redisStream: repeating,
    mongoCollection: repeating,
  });

  it.each(TARGETS)('opens the kind $kind', async (target) => {
    const answer = await openSink(target).deliver(eventOf('one'), tryOf('one'));
    expect(answer).toMatchObject({ outcome: 'delivered', body: JSON.stringify(target) });
  });

  it.each(TARGETS.slice(-2))('tries $kind again while it has no server', async (target) => {
    const sink = createSinkFactory(ALWAYS)(target);
    expect(await sink.deliver(eventOf('one'), tryOf('one'))).toEqual({
      outcome: 'retry',
      reason: 'not-configured',
      status: null,
      retryAfterMs: null,
      body: '',
    });
    const aborted = tryOf('one', AbortSignal.abort());
    expect(await sink.deliver(eventOf('one'), aborted)).toEqual({ outcome: 'aborted' });
  });
});
