import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { askIn } from '../support/organization.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { genuineText, sampleSubscription } from './graph-posts.ts';

/** What there is of the organisation `default`, which the other one must not touch. */
interface Things {
  readonly subscription: string;
  readonly sink: string;
  readonly deletedSubscription: string;
  readonly deletedSink: string;
  readonly notification: string;
  readonly deadLetter: string;
  readonly replay: string;
}

describe('another organisation', () => {
  let service: TestService;
  let receiver: Receiver;
  let things: Things;

  beforeAll(async () => {
    service = await startService();
    receiver = await startReceiver({ answer: { status: 400 } });
    await importSamples(service);
    const wanted = { name: 'mine', kind: 'webhook', url: receiver.url };
    const sink = (await service.api('POST', '/api/sinks', wanted)).body.id;
    const list = async (path: string) => (await service.api('GET', path)).body.data;
    await service.post(genuineText('one'));
    // Before there is another sink, which it would be for as well.
    await until(async () => (await list('/api/dead-letters')).length === 1, 'it is dead');
    const deleted = { ...wanted, name: 'deleted' };
    const deletedSink = (await service.api('POST', '/api/sinks', deleted)).body.id;
    await service.api('DELETE', `/api/sinks/${deletedSink}`);
    const deletedSubscription = sampleSubscription('mail2').id;
    await service.api('DELETE', `/api/subscriptions/${deletedSubscription}`);
    const started = await service.api('POST', '/api/notifications/replay', {
      filter: { sinkId: '00000000-0000-4000-8000-000000000000' },
    });
    const replay = started.body.id;
    await until(async () => {
      return (
        (await service.api('GET', `/api/notifications/replays/${replay}`)).body.state === 'done'
      );
    }, 'nothing is under way');
    const [{ id: deadLetter, notification }] = await list('/api/dead-letters');
    things = {
      subscription: sampleSubscription('mail1').id,
      sink,
      deletedSubscription,
      deletedSink,
      notification: notification.id,
      deadLetter,
      replay,
    };
  });
  afterAll(async () => {
    await receiver.close();
    await service.close();
  });

  const ask = (method: string, path: string, body?: unknown) =>
    askIn('other', service, { method, path, body });
  const dump = async () => {
    const paths = [
      '/api/subscriptions?limit=200',
      '/api/subscriptions?limit=200&deleted=true',
      '/api/sinks?limit=200',
      '/api/sinks?limit=200&deleted=true',
      `/api/sinks/${things.sink}`,
      '/api/notifications',
      '/api/dead-letters',
      '/api/notifications/replays',
    ];
    const answers = await Promise.all(paths.map((path) => service.api('GET', path)));
    return answers.map(({ text }) => text);
  };

  it.each<[string, keyof Things]>([
    ['GET /api/subscriptions/:id', 'subscription'],
    ['PATCH /api/subscriptions/:id', 'subscription'],
    ['DELETE /api/subscriptions/:id', 'subscription'],
    ['DELETE /api/subscriptions/:id?permanent=true', 'subscription'],
    ['POST /api/subscriptions/:id/restore', 'subscription'],
    ['GET /api/sinks/:id', 'sink'],
    ['PATCH /api/sinks/:id', 'sink'],
    ['DELETE /api/sinks/:id', 'sink'],
    ['DELETE /api/sinks/:id?permanent=true', 'sink'],
    ['POST /api/sinks/:id/restore', 'sink'],
    ['POST /api/sinks/:id/enable', 'sink'],
    ['POST /api/sinks/:id/disable', 'sink'],
    ['POST /api/sinks/:id/pause', 'sink'],
    ['POST /api/sinks/:id/resume', 'sink'],
    ['POST /api/sinks/:id/test', 'sink'],
    ['POST /api/sinks/:id/rotate-secret', 'sink'],
    ['POST /api/subscriptions/:id/restore', 'deletedSubscription'],
    ['DELETE /api/subscriptions/:id?permanent=true', 'deletedSubscription'],
    ['POST /api/sinks/:id/restore', 'deletedSink'],
    ['DELETE /api/sinks/:id?permanent=true', 'deletedSink'],
    ['GET /api/notifications/:id', 'notification'],
    ['GET /api/notifications/replays/:id', 'replay'],
  ])('does not find what is not its own: %s (%s)', async (route, thing) => {
    const [method = '', path = ''] = route.replace(':id', things[thing]).split(' ');
    const before = await dump();
    const answer = await ask(method, path, method === 'PATCH' ? { notes: 'x' } : undefined);
    expect(answer.status).toBe(404);
    expect(answer.body.error.code).toBe('NOT_FOUND');
    expect(await dump()).toEqual(before);
  });

  it('replays nothing to a sink that is not its own', async () => {
    const answer = await ask('POST', '/api/notifications/replay', { sinkId: things.sink });
    expect(answer.status).toBe(404);
  });

  it.each(['redrive', 'discard'])('can not %s what is not its own', async (act) => {
    const before = await dump();
    for (const chosen of [{ ids: [things.deadLetter] }, { filter: {} }]) {
      const answer = await ask('POST', `/api/dead-letters/${act}`, chosen);
      expect(answer).toEqual({ status: 200, body: { count: 0 } });
    }
    expect(await dump()).toEqual(before);
  });

  it.each(['subscriptions', 'sinks', 'notifications', 'notifications/replays', 'dead-letters'])(
    'lists none of it: %s',
    async (list) => {
      expect((await ask('GET', `/api/${list}`)).body).toEqual({ data: [], nextCursor: null });
    },
  );

  it('does not see who did what there', async () => {
    const { body } = await askIn('third', service, { method: 'GET', path: '/api/audit' });
    expect(body.data).toEqual([]);
  });
});
