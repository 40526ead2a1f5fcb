import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startService, type TestService } from '../support/service.ts';
import { readRaw } from './edge.ts';
import { type Answer, expectEveryHeader } from './every-answer.ts';
import { converse, handshakeFor, readRawRequests } from './raw-requests.ts';

const requests = readRawRequests();

describe('requests that two servers could take for different ones', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.close());

  const served = () =>
    service.metric(
      'http_requests_total',
      '{method="POST",route="/webhooks/graph",status_code="200"}',
    );

  it('would show: a handshake after a request is echoed, and counted', async () => {
    const before = await served();
    const plain = `GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n${handshakeFor('seen')}`;
    const text = await converse(service.url, Buffer.from(plain));
    expect(answersIn(text).map(({ status }) => status)).toEqual([404, 200]);
    expect(text).toContain('seen');
    expect(await served()).toBe(before + 1);
  });

  it.each(requests)('$name', async ({ bytes, statuses, answers, mark }) => {
    const before = await served();
    const text = await converse(service.url, bytes);
    const given = answersIn(text);
    expect(given.length).toBeGreaterThanOrEqual(1);
    expect(given.length).toBeLessThanOrEqual(answers);
    for (const answer of given) {
      expect(statuses).toContain(answer.status);
      expectEveryHeader(answer);
    }
    expect(text).not.toContain(mark);
    expect(await served()).toBe(before);
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
  });
});

/** The answers that came over a connection, but for "go on". */
function answersIn(text: string): Answer[] {
  return text
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .map(readRaw)
    .filter(({ status }) => status >= 200);
}
