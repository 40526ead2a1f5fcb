import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { genuineText } from './graph-posts.ts';
import { beginPost } from './slow-client.ts';

const MB = 1024 * 1024;
const ACK_TIMEOUT_MS = 2000;
// What a busy machine adds; together less than it would be from a later byte on.
const LATE_MS = 1800;
// With the second that a refused sender may read in.
const ENDS_WITHIN_MS = ACK_TIMEOUT_MS + 1000 + LATE_MS;

describe('bodies that come slowly, or never to an end', () => {
  let service: TestService;
  // For what takes its time on a busy machine, and is not about time.
  let patient: TestService;

  beforeAll(async () => {
    const MAX_BYTES_IN_FLIGHT = String(4 * MB);
    const env = { ACK_TIMEOUT_MS: String(ACK_TIMEOUT_MS), MAX_BYTES_IN_FLIGHT };
    service = await startService({ env });
    await importSamples(service);
    patient = await startService({ env: { MAX_BYTES_IN_FLIGHT } });
  });
  afterAll(async () => {
    await service.close();
    await patient.close();
  });

  it('are 408 in time, others are served meanwhile, and the connection ends', async () => {
    const startedAt = performance.now();
    const slow = await beginPost(service.url, 'Content-Length: 1000');
    await slow.send('{"value":[');
    let gaveUp = false;
    const answered = slow.answered.then((answer) => {
      gaveUp = true;
      return answer;
    });
    expect((await service.post(genuineText('meanwhile'))).status).toBe(202);
    expect(gaveUp).toBe(false);

    const answer = await answered;
    const tookMs = performance.now() - startedAt;
    expect(tookMs).toBeGreaterThanOrEqual(ACK_TIMEOUT_MS - 5);
    expect(tookMs).toBeLessThan(ACK_TIMEOUT_MS + LATE_MS);
    expect(answer.status).toBe(408);
    expect(JSON.parse(answer.body).error).toMatchObject({ code: 'BODY_TIMEOUT', status: 408 });
    await slow.closed;
    expect(performance.now() - startedAt).toBeLessThan(ENDS_WITHIN_MS);
  });

  it('are 408 from the headers on, however often another byte comes', async () => {
    const slow = await beginPost(service.url, 'Transfer-Encoding: chunked');
    const startedAt = performance.now();
    let ended = false;
    const closed = slow.closed.then(() => {
      ended = true;
    });
    const answered = slow.answered.then(({ status }) => [status, performance.now() - startedAt]);
    while (!ended && performance.now() - startedAt < ENDS_WITHIN_MS) {
      await slow.send('1\r\n \r\n');
      await sleep(20); // a real sender on a real socket: it is its pace that is tried
    }
    const [status, tookMs] = await answered;
    expect(status).toBe(408);
    expect(tookMs).toBeLessThan(ACK_TIMEOUT_MS + LATE_MS);
    await closed;
    expect(ended).toBe(true);
  });

  it('are told so when they end half-way, and nothing of them is stored', async () => {
    const text = genuineText('half');
    const half = await beginPost(service.url, `Content-Length: ${text.length + 1}`);
    await half.send(text);
    half.halfClose();
    expect((await half.answered).status).toBe(400);
    await half.closed;
    expect(await storedIds()).not.toContain('half');
  });

  it('give back what they held when their sender goes away', async () => {
    const body = genuineText('large').padEnd(4 * MB);
    for (let round = 0; round < 3; round += 1) {
      const cut = await beginPost(service.url, `Content-Length: ${4 * MB}`);
      await cut.send(body.slice(0, 3 * MB));
      cut.cut();
      await cut.closed;
    }
    await until(async () => (await service.post(body)).status === 202, 'room for a large body');
    await until(async () => (await storedIds()).includes('large'), 'the large one');
  });

  it.each([
    ['announced', [`Content-Length: ${4 * MB + 1}`], 'x'.repeat(4 * MB + 1)],
    [
      'in chunks',
      ['Transfer-Encoding: chunked'],
      `${(4 * MB + 1).toString(16)}\r\n${'x'.repeat(4 * MB + 1)}\r\n0\r\n\r\n`,
    ],
  ])('are 413 beyond 4 MiB, %s, and their sender gets to see it', async (_, headers, bytes) => {
    const large = await beginPost(patient.url, ...headers);
    await large.send(bytes);
    const answer = await large.answered;
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.body).error.code).toBe('PAYLOAD_TOO_LARGE');
    large.cut();
  });

  it('are cut off when they are too large and never end', async () => {
    const endless = await beginPost(patient.url, 'Transfer-Encoding: chunked');
    const chunk = `${MB.toString(16)}\r\n${'x'.repeat(MB)}\r\n`;
    const startedAt = performance.now();
    let ended = false;
    const closed = endless.closed.then(() => {
      ended = true;
    });
    for (let sent = 0; !ended && performance.now() - startedAt < ENDS_WITHIN_MS; sent += 1) {
      await Promise.race([endless.send(chunk), closed]);
      await sleep(20); // as above
    }
    expect((await endless.answered).status).toBe(413);
    expect(ended).toBe(true);
  });

  async function storedIds(): Promise<string[]> {
    const { body } = await service.api('GET', '/api/notifications?limit=200');
    return body.data.map(({ subject }: { subject: string }) => subject.split('/').at(-1));
  }
});
