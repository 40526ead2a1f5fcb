import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { importSamples, readSample, startService, type TestService } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { dataOf, genuineItem, genuineText, GRAPH_PATHS, watchSink } from './graph-posts.ts';

interface MalformedCase {
  readonly name: string;
  readonly contentType: string;
  readonly rawBody: string;
  readonly expect: { readonly status: number };
}

const malformed = JSON.parse(readSample('malformed-bodies.json')).cases as MalformedCase[];

describe("Graph's endpoint", () => {
  let service: TestService;
  let receiver: Receiver;

  beforeAll(async () => {
    service = await startService();
    await importSamples(service);
    receiver = await startReceiver();
    await watchSink(service, receiver);
  });
  afterAll(async () => {
    await service.close();
    await receiver.close();
  });

  describe('at a body that is no collection', () => {
    it.each(malformed)('$name', async ({ rawBody, contentType, expect: expected }) => {
      await expectNothingMore(async () => {
        const answer = await service.post(rawBody, { 'content-type': contentType });
        expect(answer.status).toBe(expected.status);
        expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
        await answer.text();
      });
    });

    it('says what is wrong in the one shape of errors, and quotes nothing', async () => {
      const answer = await service.post('{"value":[{"clientState":"very secret",]}');
      expect(answer.status).toBe(400);
      const text = await answer.text();
      expect(JSON.parse(text).error).toMatchObject({
        code: 'MALFORMED_BODY',
        status: 400,
        requestId: answer.headers.get('x-request-id'),
      });
      expect(text).not.toContain('very secret');
    });
  });

  describe('at notifications', () => {
    it('takes a POST with a token for a handshake, whatever its body says', async () => {
      await expectNothingMore(async () => {
        const answer = await fetch(`${service.url}/webhooks/graph?validationToken=x`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: genuineText('never stored'),
        });
        expect(await answer.text()).toBe('x');
      });
    });

    it('answers 202 in one shape, whatever was found genuine', async () => {
      const forged = JSON.stringify({ value: [{ ...genuineItem('f'), clientState: 'guess' }] });
      for (const body of [genuineText('shape'), forged, '{"value":[]}']) {
        const answer = await service.post(body);
        expect(answer.status).toBe(202);
        expect(answer.headers.get('content-type')).toBe('application/json; charset=utf-8');
        expect(answer.headers.get('cache-control')).toBe('no-store');
        expect(await answer.text()).toBe('{"status":"accepted"}');
      }
    });

    it.each(GRAPH_PATHS)('takes change and lifecycle notifications alike at %s', async (path) => {
      const from = receiver.received.length;
      const lifecycle = {
        ...genuineItem(`${path} lifecycle`),
        lifecycleEvent: 'missed',
        resource: undefined,
        changeType: undefined,
      };
      const answer = await fetch(`${service.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify({ value: [genuineItem(`${path} change`), lifecycle] }),
      });
      expect(answer.status).toBe(202);
      await until(
        () => idsSince(from).filter((id) => id.startsWith(`${path} `)).length === 2,
        'both',
      );
    });

    it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'])('does not take %s', async (method) => {
      const answer = await fetch(`${service.url}/webhooks/graph?validationToken=x`, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.get('allow')).toBe('POST, OPTIONS');
    });

    it.each(['application/json', 'APPLICATION/JSON ; charset=utf-8', 'application/json;odata=x'])(
      'takes %s',
      async (contentType) => {
        const answer = await service.post('{"value":[]}', { 'content-type': contentType });
        expect(answer.status).toBe(202);
      },
    );

    it.each([
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'application/json+x' },
      { 'content-encoding': 'br' },
      { 'content-encoding': 'gzip, identity' },
    ])('refuses %j', async (headers) => {
      const answer = await service.post(genuineText('refused'), headers);
      expect(answer.status).toBe(415);
      expect((await answer.json()) as object).toMatchObject({
        error: { code: 'UNSUPPORTED_MEDIA_TYPE' },
      });
    });

    it('delivers each item once when the same POST comes fifty times at once', async () => {
      const from = receiver.received.length;
      const ids = Array.from({ length: 7 }, (_, n) => `fifty-${n}`);
      const body = JSON.stringify({ value: ids.map((id) => genuineItem(id)) });
      const answers = await Promise.all(Array.from({ length: 50 }, () => service.post(body)));
      expect(answers.map(({ status }) => status)).toEqual(Array(50).fill(202));
      await settled();
      const fifty = idsSince(from).filter((id) => id.startsWith('fifty-'));
      expect(fifty.toSorted((a, b) => a.localeCompare(b))).toEqual(ids);
    });

    it('delivers what was sent, byte for byte but for the secret', async () => {
      const { clientState } = genuineItem('');
      const head = JSON.stringify(genuineItem('spelt oddly')).slice(1, -1);
      const rest = [
        '"big":9007199254740993,"bigger":123456789012345678901234567890',
        '"floats":[1e400,-0,0.10,1E-7,0.1000000000000000055511151231257827]',
        String.raw`"escapes":"\u0041\/\ud83d\ude00\ud800 \u2028 é ✓","\u0072esourceData2":{"a":1,"a":2}`,
        '\n\t"__proto__" :\r\n { "polluted" : true }',
      ].join(' ,\t');
      const from = receiver.received.length;
      const answer = await service.post(` { "value" : [ {${head} , ${rest} }\n] } `);
      expect(answer.status).toBe(202);
      await settled();
      const event = receiver.received.slice(from).find(({ body }) => body.includes('spelt oddly'));
      const secret = `,"clientState":${JSON.stringify(clientState)}`;
      expect(head).toContain(secret);
      expect(event && dataOf(event)).toBe(`{${head.replace(secret, '')} , ${rest} }`);
    });

    it('measures what it answers, as Graph does', async () => {
      const count = (kind: string) =>
        service.metric('graph_ack_duration_seconds_count', `{kind="${kind}"}`);
      const [before, handshakesBefore] = [await count('notifications'), await count('handshake')];
      await service.post('{"value":[]}');
      await service.post('not JSON');
      await fetch(`${service.url}/webhooks/graph?validationToken=x`, { method: 'POST' });
      await until(async () => (await count('notifications')) === before + 2, 'two answers');
      await until(async () => (await count('handshake')) === handshakesBefore + 1, 'a handshake');
      expect(await service.metric('graph_ack_slow_ratio')).toBe(0);
    });
  });

  const idsSince = (from: number): string[] =>
    receiver.received.slice(from).map((one) => JSON.parse(dataOf(one)).id);

  /** Everything that was accepted has been delivered. */
  async function settled(): Promise<void> {
    await until(async () => (await service.metric('inbox_backlog_receipts')) === 0, 'expansion');
    await until(async () => (await open()).length === 0, 'delivery');
  }

  async function open(): Promise<unknown[]> {
    // In this order: what is claimed in between is not overlooked.
    const due = await service.api('GET', '/api/notifications?delivery=due');
    const claimed = await service.api('GET', '/api/notifications?delivery=claimed');
    return [...due.body.data, ...claimed.body.data];
  }

  let markers = 0;

  /** Only a genuine item that is posted afterwards arrives, and nothing else is kept. */
  async function expectNothingMore(act: () => Promise<void>): Promise<void> {
    await settled();
    const from = receiver.received.length;
    await act();
    markers += 1;
    const marker = `marker-${markers}`;
    expect((await service.post(genuineText(marker))).status).toBe(202);
    await until(() => idsSince(from).includes(marker), 'the marker');
    await settled();
    expect(idsSince(from)).toEqual([marker]);
    expect(await service.metric('held_items')).toBe(0);
  }
});
