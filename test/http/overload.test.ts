import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import type { Clock } from '../../src/ports/clock.ts';
import { TurnedClock } from '../support/clock.ts';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { genuineText } from './graph-posts.ts';
import { beginPost, type SlowClient } from './slow-client.ts';

const MB = 1024 * 1024;

describe('more than can be held', () => {
  let service: TestService;

  async function start(env: Record<string, string>, clock: Clock = systemClock): Promise<void> {
    service = await startService({ env, clock });
    await importSamples(service);
  }

  async function expectRefused(): Promise<void> {
    const answer = await service.post(genuineText('refused'));
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('5');
    expect(await answer.json()).toMatchObject({ error: { code: 'SERVICE_UNAVAILABLE' } });
    const handshake = `${service.url}/webhooks/graph?validationToken=still+there`;
    expect(await (await fetch(handshake, { method: 'POST' })).text()).toBe('still there');
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
  }

  /** Time stands still but for what is to be done at once. */
  async function answersOf(clients: readonly SlowClient[], clock: TurnedClock) {
    const answers = Promise.all(clients.map(({ answered }) => answered));
    let done = false;
    void answers.finally(() => {
      done = true;
    });
    await until(async () => {
      await clock.turn(0);
      return done;
    }, 'the answers');
    return answers;
  }

  afterEach(() => service.close());

  it('of bytes in flight is 503, until they have come to their end', async () => {
    // Its time stands still, so that no sender is too slow on a busy machine.
    const clock = new TurnedClock();
    await start({ MAX_BYTES_IN_FLIGHT: String(4 * MB) }, clock);
    const bodies = [0, 1, 2, 3].map((n) => genuineText(`slow-${n}`).padEnd(MB));
    const slow = await Promise.all(
      bodies.map(async (body) => {
        const client = await beginPost(service.url, `Content-Length: ${MB}`);
        await client.send(body.slice(0, MB - 1));
        return client;
      }),
    );
    // With each answer the service has read at least 64 KiB more of each. Posting until it is
    // refused would take the room that one of them is to have.
    for (let n = 0; n < 50; n += 1) await fetch(`${service.url}/health`);
    await expectRefused();

    await Promise.all(slow.map((client) => client.send(' ')));
    const answers = await answersOf(slow, clock);
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202, 202]);
    expect((await service.post(genuineText('next'))).status).toBe(202);
    for (const client of slow) client.cut();
  });

  it('of bytes being judged waits for its turn, and nothing of it is read before', async () => {
    const clock = new TurnedClock();
    await start({ MAX_BYTES_IN_FLIGHT: String(4 * MB) }, clock);
    expect((await service.post(genuineText('warms the cache'))).status).toBe(202);
    const holder = new DatabaseSync(join(service.dataDir, 'inbox.db'), { timeout: 5000 });
    holder.exec('BEGIN IMMEDIATE');
    const post = async (body: string) => {
      const client = await beginPost(service.url, `Content-Length: ${MB}`);
      await client.send(body.padEnd(MB));
      // With each answer the service has read at least 64 KiB more of it.
      for (let n = 0; n < 50; n += 1) await fetch(`${service.url}/health`);
      return client;
    };
    const first = await post(genuineText('is being stored'));
    // Whoever read it would refuse it at once.
    const second = await post('no JSON');
    let refused = false;
    void second.answered.then(() => {
      refused = true;
    });
    await clock.turn(0);
    expect(refused).toBe(false);

    holder.exec('ROLLBACK');
    holder.close();
    const answers = await answersOf([first, second], clock);
    expect(answers.map(({ status }) => status)).toEqual([202, 400]);
  });

  it('of receipts is 503, until some of them have been expanded', async () => {
    await start({ MAX_BACKLOG_RECEIPTS: '1' });
    // What is judged from memory needs no store; expansion does.
    expect((await service.post(genuineText('warms the cache'))).status).toBe(202);
    await until(async () => (await service.metric('inbox_backlog_receipts')) === 0, 'expansion');
    const holder = new DatabaseSync(join(service.dataDir, 'store.db'), { timeout: 5000 });
    holder.exec('BEGIN IMMEDIATE');
    expect((await service.post(genuineText('waits'))).status).toBe(202);
    await expectRefused();
    holder.exec('ROLLBACK');
    holder.close();
    await until(async () => (await service.metric('inbox_backlog_receipts')) === 0, 'expansion');
    expect((await service.post(genuineText('next'))).status).toBe(202);
    await until(async () => (await storedIds()).length === 3, 'what was accepted');
    expect(await storedIds()).not.toContain('refused');
  });

  it('of disk is 503, and nothing is stored', async () => {
    await start({ MIN_FREE_DISK_MB: '1000000000' });
    await until(async () => Number.isFinite(await service.metric('free_disk_bytes')), 'its size');
    await expectRefused();
    expect(await storedIds()).toEqual([]);
    expect(await service.metric('inbox_backlog_receipts')).toBe(0);
  });

  async function storedIds(): Promise<string[]> {
    const { body } = await service.api('GET', '/api/notifications?limit=200');
    return body.data.map(({ subject }: { subject: string }) => subject.split('/').at(-1));
  }
});
