import { describe, expect, it } from '@jest/globals';
import { until } from '../support/wait.ts';
import { TRY_MS, setUpWebhooks, settledIo, watched } from '../support/webhooks.ts';

describe('webhook sink: what it makes of an answer', () => {
  const { clock, deliver, rawServer, receiverOf } = setUpWebhooks();

  it('keeps status and body', async () => {
    const { url } = await receiverOf({ answer: { status: 202, body: 'thänks' } });
    expect(await deliver(url)).toEqual({ outcome: 'delivered', status: 202, body: 'thänks' });
  });

  it('tries again when it is asked to, after the time that it is told', async () => {
    const answer = { status: 503, headers: { 'Retry-After': '120' }, body: 'busy' };
    const { url } = await receiverOf({ answer });
    expect(await deliver(url)).toEqual({
      outcome: 'retry',
      reason: 'http-503',
      status: 503,
      retryAfterMs: 120_000,
      body: 'busy',
    });
  });

  it('gives up at once where asking again is no use, and knows when it is gone', async () => {
    const receiver = await receiverOf({ answer: { status: 410 } });
    expect(await deliver(receiver.url)).toMatchObject({ outcome: 'dead', gone: true });
    receiver.answer({ status: 400 });
    const dead = { outcome: 'dead', gone: false, reason: 'http-400', status: 400 };
    expect(await deliver(receiver.url)).toMatchObject(dead);
  });

  it.each([301, 302, 303, 307, 308])('does not follow a redirect, %i', async (status) => {
    const elsewhere = await receiverOf();
    const headers = { location: elsewhere.url };
    const receiver = await receiverOf({ answer: { status, headers } });
    const dead = { outcome: 'dead', reason: `http-${status}`, gone: false };
    expect(await deliver(receiver.url)).toMatchObject(dead);
    expect(elsewhere.connections.made).toBe(0);
    expect(receiver.received).toHaveLength(1);
  });

  it.each([100_000_000, Infinity])('reads little of %d bytes and goes away', async (bodyBytes) => {
    const receiver = await receiverOf({ answer: { status: 200, bodyBytes } });
    const answer = await deliver(receiver.url);
    expect(answer).toEqual({ outcome: 'delivered', status: 200, body: 'x'.repeat(1024) });
    await until(() => receiver.connections.open === 0, 'the connection closed');
    // What the kernel took into its buffers for the loopback connection counts here as well.
    expect(receiver.received[0]?.writtenBytes()).toBeLessThan(16_000_000);
  });

  it.each([
    [200, { outcome: 'delivered', status: 200, body: 'begun' }],
    [503, { outcome: 'retry', reason: 'http-503', status: 503, body: 'begun' }],
    [404, { outcome: 'dead', reason: 'http-404', status: 404, body: 'begun' }],
  ])('lets the status %i decide when the body never ends', async (status, expected) => {
    const receiver = await receiverOf({ answer: { status, body: 'begun', openEnded: true } });
    const { answer, hasEnded } = watched(deliver(receiver.url));
    await until(() => receiver.received.length === 1, 'the request came');
    await until(() => (receiver.received[0]?.writtenBytes() ?? 0) > 0, 'the answer began');
    await settledIo();
    await clock().turn(TRY_MS - 1);
    expect(hasEnded()).toBe(false);
    await clock().turn(1);
    expect(await answer).toMatchObject(expected);
    await until(() => receiver.connections.open === 0, 'the connection closed');
  });

  it('lets the status decide when the connection breaks in the body', async () => {
    const receiver = await receiverOf({ answer: { body: 'begun', cutShort: true } });
    expect(await deliver(receiver.url)).toMatchObject({ outcome: 'delivered', body: 'begun' });
  });

  it('goes on after an interim answer, which is none', async () => {
    const hints = 'HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n';
    const answers = [`${hints}HTTP/1.1 204 No Content\r\n\r\n`, hints];
    const { host } = await rawServer((socket) => socket.end(answers.shift() ?? hints));
    const delivered = { outcome: 'delivered', status: 204 };
    expect(await deliver(`http://${host}`)).toMatchObject(delivered);
    const retry = { outcome: 'retry', reason: 'connection', status: null };
    expect(await deliver(`http://${host}`)).toMatchObject(retry);
  });

  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'x: y\r\n'.repeat(20_000)}`],
  ])('tries again after %s', async (_what, text) => {
    const retry = { outcome: 'retry', reason: 'protocol', status: null };
    const { host } = await rawServer((socket) => socket.write(text));
    expect(await deliver(`http://${host}`)).toMatchObject(retry);
  });
});
