import { describe, expect, it } from '@jest/globals';
import { eventOf, tryOf } from '../contracts/notification-sink.contract.ts';
import { until } from '../support/wait.ts';
import { TRY_MS, addressesOf, setUpWebhooks, settledIo, watched } from '../support/webhooks.ts';

describe('webhook sink: when there is no answer', () => {
  const { clock, deliver, rawServer, receiverOf, sinksOf } = setUpWebhooks();

  const retry = { outcome: 'retry', status: null, retryAfterMs: null, body: '' };

  it('ends after 15 s, not before, and closes the connection', async () => {
    const receiver = await receiverOf({ answer: { instead: 'hang' } });
    const { answer, hasEnded } = watched(deliver(receiver.url));
    await until(() => receiver.received.length === 1, 'the request came');
    await clock().turn(TRY_MS - 1);
    expect(hasEnded()).toBe(false);
    await clock().turn(1);
    expect(await answer).toEqual({ ...retry, reason: 'timeout' });
    await until(() => receiver.connections.open === 0, 'the connection closed');
  });

  it('ends in time when DNS hangs', async () => {
    const answer = sinksOf({ lookup: () => undefined })
      .open('http://receiver.test')
      .deliver(eventOf('one'), tryOf('one_sink'));
    await clock().turn(TRY_MS);
    expect(await answer).toEqual({ ...retry, reason: 'timeout' });
  });

  it('does not ask DNS again while the look-up of an earlier try hangs', async () => {
    let lookups = 0;
    const sink = sinksOf({ lookup: () => (lookups += 1) }).open('http://receiver.test');
    for (let n = 0; n < 3; n += 1) {
      const answers = [1, 2].map(() => sink.deliver(eventOf('one'), tryOf('one_sink')));
      await clock().turn(TRY_MS);
      for (const answer of answers) expect(await answer).toEqual({ ...retry, reason: 'timeout' });
    }
    expect(lookups).toBe(1);
  });

  it('ends in time when the TLS handshake hangs', async () => {
    let isShaking = false;
    const { host, open } = await rawServer(() => {
      isShaking = true;
    });
    const answer = deliver(`https://${host}`);
    await until(() => isShaking, 'the handshake began');
    await clock().turn(TRY_MS);
    expect(await answer).toEqual({ ...retry, reason: 'timeout' });
    await until(() => open.size === 0, 'the connection closed');
  });

  it('says when the connection is refused', async () => {
    const receiver = await receiverOf();
    await receiver.close();
    expect(await deliver(receiver.url)).toEqual({ ...retry, reason: 'connection' });
  });

  it('says when the connection is reset, and makes a new one the next time', async () => {
    const receiver = await receiverOf({ answer: { instead: 'reset' } });
    const sink = sinksOf().open(receiver.url);
    const first = await sink.deliver(eventOf('one'), tryOf('one_sink'));
    expect(first).toEqual({ ...retry, reason: 'connection' });
    receiver.answer({});
    const second = await sink.deliver(eventOf('one'), tryOf('one_sink'));
    expect(second).toMatchObject({ outcome: 'delivered' });
  });

  it('says when the name does not resolve', async () => {
    const error = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
    const answer = await sinksOf({ lookup: (_name, _options, call) => call(error, []) })
      .open('http://receiver.test')
      .deliver(eventOf('one'), tryOf('one_sink'));
    expect(answer).toEqual({ ...retry, reason: 'dns' });
  });

  it.each([
    ['a URL that is none', 'receiver', {}],
    ['another protocol', 'ftp://receiver.test', {}],
    ['a password in the URL', 'https://user:word@receiver.test', {}],
    ['no secret', 'https://receiver.test', { secrets: [] }],
    ['a secret of another kind', 'https://receiver.test', { secrets: ['whsec_*'] }],
    ['a header with a line break', 'https://receiver.test', { headers: { x: 'a\r\nhost: b' } }],
    ['a header name with a space', 'https://receiver.test', { headers: { 'x y': 'a' } }],
  ])('does not throw at %s', async (_what, url, aim) => {
    expect(await deliver(url, aim)).toEqual({ ...retry, reason: 'bad-target' });
  });
});

describe('webhook sink: when it is told to stop', () => {
  const { deliver, receiverOf, sinksOf } = setUpWebhooks();

  it('ends at once while it waits for an answer, and closes the connection', async () => {
    const receiver = await receiverOf({ answer: { instead: 'hang' } });
    const controller = new AbortController();
    const answer = deliver(receiver.url, {}, controller.signal);
    await until(() => receiver.received.length === 1, 'the request came');
    controller.abort();
    expect(await answer).toEqual({ outcome: 'aborted' });
    await until(() => receiver.connections.open === 0, 'the connection closed');
  });

  it('does not send later what was given up while it waited for a connection', async () => {
    const receiver = await receiverOf();
    const found = Promise.withResolvers<void>();
    const sink = sinksOf({
      lookup: (_name, _options, call) =>
        void found.promise.then(() => call(null, addressesOf('127.0.0.1'))),
    }).open(`http://receiver.test:${receiver.port}`);
    const controller = new AbortController();
    const first = sink.deliver(eventOf('first'), tryOf('first', controller.signal));
    const second = sink.deliver(eventOf('second'), tryOf('second'));
    controller.abort();
    expect(await first).toEqual({ outcome: 'aborted' });
    found.resolve();
    expect(await second).toMatchObject({ outcome: 'delivered' });
    const third = await sink.deliver(eventOf('third'), tryOf('third'));
    expect(third).toMatchObject({ outcome: 'delivered' });
    const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
    expect(ids).toEqual(['second', 'third']);
  });

  it('takes an answer that has begun for an answer: it need not be delivered again', async () => {
    const receiver = await receiverOf({ answer: { body: 'begun', openEnded: true } });
    const controller = new AbortController();
    const answer = deliver(receiver.url, {}, controller.signal);
    await until(() => (receiver.received[0]?.writtenBytes() ?? 0) > 0, 'the answer began');
    await settledIo();
    controller.abort();
    expect(await answer).toMatchObject({ outcome: 'delivered', body: 'begun' });
  });

  it('aborts what is under way when it is closed, and begins nothing more', async () => {
    const receiver = await receiverOf({ answer: { instead: 'hang' } });
    const sinks = sinksOf({ lookup: () => undefined });
    const sink = sinks.open(receiver.url);
    const underWay = [
      sink.deliver(eventOf('one'), tryOf('waits for its answer')),
      sinks.open('http://receiver.test').deliver(eventOf('one'), tryOf('waits for DNS')),
    ];
    await until(() => receiver.received.length === 1, 'the request came');
    await sinks.close();
    for (const answer of underWay) expect(await answer).toEqual({ outcome: 'aborted' });
    const late = await sink.deliver(eventOf('one'), tryOf('late'));
    expect(late).toEqual({ outcome: 'aborted' });
    await until(() => receiver.connections.open === 0, 'the connection closed');
  });
});
