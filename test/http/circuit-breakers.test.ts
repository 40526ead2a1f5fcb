import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, it } from '@jest/globals';
import { circuitBreakerRoutes } from '../../src/adapters/http/routes/circuit-breakers.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import { openBreakers } from '../support/breakers.ts';
import { TurnedClock } from '../support/clock.ts';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { OPERATOR_KEY, startEdge } from './edge.ts';
import { genuineText } from './graph-posts.ts';
import { beginPost } from './slow-client.ts';

const ACK_TIMEOUT_MS = 2000;

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

it('shows administrators, and nobody else, the state of each', async () => {
  const breakers = openBreakers();
  const edge = await startEdge({ api: circuitBreakerRoutes({ breakers }) });
  closing.push(() => breakers.close(), edge.close);
  const store = breakers.create('store', { volumeThreshold: 0 });
  await breakers.create('inbox').call(async () => 1);
  const failing = async () => {
    throw new StoreUnavailableError('planted-host');
  };
  await expect(store.call(failing)).rejects.toThrow(StoreUnavailableError);

  const ask = (headers: Record<string, string>) =>
    fetch(`${edge.url}/health/circuit-breakers`, { headers });
  expect((await ask({})).status).toBe(401);
  const answer = await ask({ 'x-api-key': OPERATOR_KEY });
  expect(answer.status).toBe(200);
  const none = { fires: 0, successes: 0, failures: 0, rejects: 0, timeouts: 0 };
  expect(await answer.json()).toEqual({
    breakers: {
      store: { status: 'open', stats: { ...none, fires: 1, failures: 1 } },
      inbox: { status: 'closed', stats: { ...none, fires: 1, successes: 1 } },
    },
  });
});

function stateOf(service: TestService, breaker: string): Promise<number> {
  return service.metric('circuit_breaker_state', `{breaker_name="${breaker}"}`);
}

/** Takes the write lock as another program would; gives what ends it. */
function lock(dataDir: string): () => void {
  const stranger = new DatabaseSync(join(dataDir, 'inbox.db'), { timeout: 5000 });
  stranger.exec('BEGIN IMMEDIATE');
  return () => stranger.close();
}

it('refuses notifications at once while the inbox fails, and takes them when it is back', async () => {
  const service = await startService({ env: { ACK_TIMEOUT_MS: String(ACK_TIMEOUT_MS) } });
  closing.push(() => service.close());
  await importSamples(service);
  const failures = () => service.metric('circuit_breaker_failures_total', '{breaker_name="inbox"}');
  expect((await service.post(genuineText('before'))).status).toBe(202);
  const unlock = lock(service.dataDir);
  try {
    for (let wave = 0; (await stateOf(service, 'inbox')) === 0 && wave < 10; wave += 1) {
      const posts = Array.from({ length: 20 }, (_, at) =>
        service.post(genuineText(`${wave}-${at}`)),
      );
      for (const { status } of await Promise.all(posts)) expect(status).toBe(503);
    }
    const failedBefore = await failures();
    const refused = await Promise.all(
      Array.from({ length: 20 }, (_, at) => service.post(genuineText(`refused-${at}`))),
    );
    // None of them was tried but, at most, those that find out whether it is back.
    expect((await failures()) - failedBefore).toBeLessThanOrEqual(2);
    for (const { status, headers } of refused) {
      expect(status).toBe(503);
      expect(Number(headers.get('Retry-After'))).toBeGreaterThanOrEqual(1);
    }
    expect(failedBefore).toBeGreaterThanOrEqual(10);
    expect(await stateOf(service, 'store')).toBe(0);
  } finally {
    unlock();
  }
  await until(async () => (await service.post(genuineText('after'))).status === 202, 'it is back');
  expect(await stateOf(service, 'inbox')).toBe(0);
});

it('cannot be opened by those who send so slowly that no store could be in time', async () => {
  const clock = new TurnedClock();
  const env = { ACK_TIMEOUT_MS: '1000', CIRCUIT_BREAKER_ENABLED: 'true' };
  const service = await startService({ clock, env });
  closing.push(() => service.close());
  await importSamples(service);
  // With each answer the service has read what came before it.
  const hasRead = async () => {
    for (let n = 0; n < 50; n += 1) await fetch(`${service.url}/health`);
  };
  const unlock = lock(service.dataDir);
  try {
    const body = genuineText('late');
    const length = `Content-Length: ${Buffer.byteLength(body)}`;
    // More than all that has been written so far: most calls would have failed.
    const clients = await Promise.all(
      Array.from({ length: 60 }, () => beginPost(service.url, length, 'Connection: close')),
    );
    await Promise.all(clients.map((client) => client.send(body.slice(0, -1))));
    await hasRead();
    await clock.turn(700);
    await Promise.all(clients.map((client) => client.send(body.slice(-1))));
    await hasRead();
    await clock.turn(300);
    const statuses = await Promise.all(
      clients.map(async ({ answered }) => (await answered).status),
    );
    expect(new Set(statuses)).toEqual(new Set([503]));
    expect(await stateOf(service, 'inbox')).toBe(0);
  } finally {
    unlock();
  }
  expect((await service.post(genuineText('in time'))).status).toBe(202);
});
