import { expect, it } from '@jest/globals';
import { freePort } from '../support/free-port.ts';
import { startService } from '../support/service.ts';

it('a server of sinks that is away keeps nobody from being answered', async () => {
  const port = await freePort();
  const service = await startService({
    env: {
      SINK_MONGODB_URL: `mongodb://127.0.0.1:${port}/events`,
      SINK_REDIS_URL: `redis://127.0.0.1:${port}`,
      MONGODB_SELECTION_TIMEOUT_MS: '500',
    },
  });
  const answer = await fetch(`${service.url}/webhooks/graph?validationToken=hello`, {
    method: 'POST',
  });
  expect(await answer.text()).toBe('hello');
  const { body } = await service.api('POST', '/api/sinks', {
    name: 'away',
    kind: 'mongo-collection',
    collection: 'events',
  });
  const tested = await service.api('POST', `/api/sinks/${body.sink?.id ?? body.id}/test`);
  expect(tested.status).toBe(200);
  expect(tested.text).toContain('connection');
  await service.close();
});

it.each(['SINK_MONGODB_URL', 'SINK_REDIS_URL'])(
  '%s is named when it cannot be read',
  async (name) => {
    const scheme = name === 'SINK_REDIS_URL' ? 'redis' : 'mongodb';
    const started = startService({ env: { [name]: `${scheme}://user:hunter2@:::bad` } });
    await expect(started).rejects.toThrow(
      new RegExp(`^ *${name} (?:is not a URL|must look like)`, 'm'),
    );
    await expect(started).rejects.not.toThrow('hunter2');
  },
);
