import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { createWebhookSinks, type WebhookSinkOptions } from '../../src/adapters/sinks/webhook.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { renderCloudEvent } from '../../src/domain/delivery/cloud-event.ts';
import { Secret } from '../../src/domain/secret.ts';
import type { Clock } from '../../src/ports/clock.ts';
import type { SinkAnswer } from '../../src/ports/notification-sink.ts';
import {
  describeNotificationSink,
  eventOf,
  tryOf,
} from '../contracts/notification-sink.contract.ts';
import { TurnedClock } from '../support/clock.ts';
import { startReceiver, type Receiver, type ReceiverOptions } from '../support/receiver.ts';
import { until } from '../support/wait.ts';

const NEW_SECRET = `whsec_${Buffer.alloc(32, 'new').toString('base64')}`;
const OLD_SECRET = `whsec_${Buffer.alloc(24, 'old').toString('base64')}`;
const TRY_MS = 15_000;

/** A clock that knows how many of its timers are set. */
class CountingClock extends TurnedClock {
  timers = 0;

  override after(ms: number, run: () => void): () => void {
    let isSet = true;
    this.timers += 1;
    const unset = () => {
      if (isSet) this.timers -= 1;
      isSet = false;
    };
    const cancel = super.after(ms, () => {
      unset();
      run();
    });
    return () => {
      unset();
      cancel();
    };
  }
}

const cleanups: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanups.splice(0).toReversed()) await cleanUp();
});

async function receiverOf(options?: ReceiverOptions): Promise<Receiver> {
  const receiver = await startReceiver(options);
  cleanups.push(() => receiver.close());
  return receiver;
}

interface Aim {
  readonly headers?: Record<string, string>;
  readonly secrets?: readonly string[];
}

function sinksOf(options: Partial<WebhookSinkOptions> & { clock: Clock }) {
  const sinks = createWebhookSinks({ allowedAddresses: [], allowLoopback: true, ...options });
  cleanups.push(() => sinks.close());
  return {
    close: () => sinks.close(),
    open(url: string, { headers = {}, secrets = [NEW_SECRET] }: Aim = {}) {
      const sealed = Object.entries(headers).map(([name, value]) => [name, new Secret(value)]);
      return sinks.open({
        kind: 'webhook',
        url,
        secrets: secrets.map((secret) => new Secret(secret)),
        headers: Object.fromEntries(sealed),
      });
    },
  };
}

describeNotificationSink('webhook', async () => {
  const receiver = await startReceiver({ secret: NEW_SECRET });
  const sinks = createWebhookSinks({
    clock: new TurnedClock(),
    allowedAddresses: [],
    allowLoopback: true,
  });
  const url = `${receiver.url}/hook?key=url-secret`;
  const headers = { authorization: new Secret('Bearer header-secret') };
  const secrets = [new Secret(NEW_SECRET)];
  return {
    sink: sinks.open({ kind: 'webhook', url, secrets, headers }),
    arrived: () => receiver.received.map(({ body }) => String(JSON.parse(body).id)),
    confidential: [NEW_SECRET, 'url-secret', 'header-secret', String(receiver.port)],
    logged: () => '',
    async close() {
      await sinks.close();
      await receiver.close();
    },
  };
});

describe('webhook sink', () => {
  let clock: CountingClock;
  const deliver = (url: string, aim?: Aim, signal?: AbortSignal): Promise<SinkAnswer> =>
    sinksOf({ clock }).open(url, aim).deliver(eventOf('one'), tryOf('one_sink', signal));

  beforeEach(() => {
    clock = new CountingClock();
  });

  afterEach(() => {
    expect(clock.timers).toBe(0);
  });

  describe('what it sends', () => {
    it('posts the event as a structured CloudEvent', async () => {
      const receiver = await receiverOf();
      await deliver(`${receiver.url}/a%20b/ü?c=d&e#fragment`);
      const [request] = receiver.received;
      expect(request).toMatchObject({ method: 'POST', path: '/a%20b/%C3%BC?c=d&e' });
      expect(request?.body).toBe(renderCloudEvent(eventOf('one')));
      expect(request?.headers).toMatchObject({
        'content-type': 'application/cloudevents+json',
        'content-length': String(Buffer.byteLength(renderCloudEvent(eventOf('one')))),
        'user-agent': 'Sallyport',
        'webhook-id': 'one_sink',
        'webhook-timestamp': String(clock.now() / 1000),
      });
    });

    it('signs so that the Standard Webhooks library verifies it', async () => {
      const receiver = await receiverOf();
      await sinksOf({ clock: systemClock })
        .open(receiver.url)
        .deliver(eventOf('one'), tryOf('one_sink'));
      const [request] = receiver.received;
      const verified = new Webhook(NEW_SECRET).verify(
        request?.body ?? '',
        Object.fromEntries(Object.entries(request?.headers ?? {}).map(([k, v]) => [k, String(v)])),
      );
      expect(verified).toMatchObject({ id: 'one', specversion: '1.0' });
    });

    it('gives whole seconds for the time, rounded down', async () => {
      const receiver = await receiverOf({ secret: NEW_SECRET });
      await clock.turn(1999);
      await deliver(receiver.url);
      const seconds = String((clock.now() - 999) / 1000);
      expect(receiver.received[0]?.headers['webhook-timestamp']).toBe(seconds);
      expect(receiver.received[0]?.isGenuine).toBe(true);
    });

    it('signs with both secrets during a rotation, the newest first', async () => {
      const withNew = await receiverOf({ secret: NEW_SECRET });
      const withOld = await receiverOf({ secret: OLD_SECRET });
      const secrets = [NEW_SECRET, OLD_SECRET];
      for (const { url } of [withNew, withOld]) await deliver(url, { secrets });
      expect(withNew.received[0]?.isGenuine).toBe(true);
      expect(withOld.received[0]?.isGenuine).toBe(true);
      const signatures = String(withNew.received[0]?.headers['webhook-signature']).split(' ');
      expect(signatures).toHaveLength(2);
      await deliver(withOld.url, { secrets: [NEW_SECRET] });
      expect(withOld.received[1]?.isGenuine).toBe(false);
    });

    it('sends own headers, but none that pose as ours or frame the message', async () => {
      const receiver = await receiverOf({ secret: NEW_SECRET });
      const forged = {
        'Webhook-Signature': 'v1,forged',
        'WEBHOOK-ID': 'forged',
        'webhook-timestamp': '1',
        'Content-Type': 'text/plain',
        'User-Agent': 'forged',
        Host: 'internal.example',
        'Content-Length': '1',
        'Transfer-Encoding': 'chunked',
        Connection: 'close',
        Expect: '100-continue',
        Upgrade: 'h2c',
      };
      await deliver(receiver.url, { headers: { ...forged, Authorization: 'Bearer own' } });
      const [request] = receiver.received;
      expect(request?.isGenuine).toBe(true);
      expect(request?.headers).toMatchObject({
        authorization: 'Bearer own',
        connection: 'keep-alive',
        'content-type': 'application/cloudevents+json',
        host: receiver.url.replace('http://', ''),
        'webhook-id': 'one_sink',
      });
      const names = request?.rawHeaders.filter((_, at) => at % 2 === 0) ?? [];
      expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(names.length);
      expect(request?.rawHeaders.join()).not.toMatch(/forged|internal|chunked|100-continue|h2c/);
    });

    it('uses its connections again', async () => {
      const receiver = await receiverOf();
      const sink = sinksOf({ clock }).open(receiver.url);
      for (let n = 0; n < 20; n += 1) await sink.deliver(eventOf('one'), tryOf(`${n}`));
      expect(receiver.received).toHaveLength(20);
      // Two, because the next delivery may begin while undici still tidies up after the last one.
      expect(receiver.connections.made).toBeLessThanOrEqual(2);
    });

    it('makes no more connections to an origin than it may, and still delivers all', async () => {
      const receiver = await receiverOf({ answer: { delayMs: 5 } });
      const sinks = sinksOf({ clock, dispatcherOptions: { connections: 3 } });
      const all = Array.from({ length: 30 }, (_, n) =>
        // Two sinks of one origin share its connections.
        sinks.open(`${receiver.url}/${n % 2}`).deliver(eventOf('one'), tryOf(`${n}`)),
      );
      const outcomes = new Set((await Promise.all(all)).map(({ outcome }) => outcome));
      expect(outcomes).toEqual(new Set(['delivered']));
      expect(receiver.connections.made).toBe(3);
    });

    it('closes idle connections of the origin that was used longest ago', async () => {
      const [first, second, third] = [await receiverOf(), await receiverOf(), await receiverOf()];
      const sinks = sinksOf({ clock, dispatcherOptions: { origins: 2 } });
      for (const { url } of [first, second, first, third]) {
        await sinks.open(url).deliver(eventOf('one'), tryOf('one_sink'));
      }
      await until(() => second.connections.open === 0, 'the second one closed');
      expect(first.connections.open).toBe(1);
      expect(third.connections.open).toBe(1);
    });

    it('does not close the connections of an origin that is in use', async () => {
      const slow = await receiverOf({ answer: { delayMs: 50 } });
      const other = await receiverOf();
      const sinks = sinksOf({ clock, dispatcherOptions: { origins: 1 } });
      const answer = sinks.open(slow.url).deliver(eventOf('one'), tryOf('one_sink'));
      await sinks.open(other.url).deliver(eventOf('one'), tryOf('one_sink'));
      expect(await answer).toMatchObject({ outcome: 'delivered' });
    });
  });

  describe('what it makes of an answer', () => {
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

    it.each([100_000_000, Infinity])(
      'reads little of %d bytes and goes away',
      async (bodyBytes) => {
        const receiver = await receiverOf({ answer: { status: 200, bodyBytes } });
        const answer = await deliver(receiver.url);
        expect(answer).toEqual({ outcome: 'delivered', status: 200, body: 'x'.repeat(1024) });
        await until(() => receiver.connections.open === 0, 'the connection closed');
        // What the kernel took into its buffers for the loopback connection counts here as well.
        expect(receiver.received[0]?.writtenBytes()).toBeLessThan(16_000_000);
      },
    );

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
      await clock.turn(TRY_MS - 1);
      expect(hasEnded()).toBe(false);
      await clock.turn(1);
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
      const { host } = await rawServer((socket) => socket.end(answers.shift()));
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

  describe('when there is no answer', () => {
    const retry = { outcome: 'retry', status: null, retryAfterMs: null, body: '' };

    it('ends after 15 s, not before, and closes the connection', async () => {
      const receiver = await receiverOf({ answer: { instead: 'hang' } });
      const { answer, hasEnded } = watched(deliver(receiver.url));
      await until(() => receiver.received.length === 1, 'the request came');
      await clock.turn(TRY_MS - 1);
      expect(hasEnded()).toBe(false);
      await clock.turn(1);
      expect(await answer).toEqual({ ...retry, reason: 'timeout' });
      await until(() => receiver.connections.open === 0, 'the connection closed');
    });

    it('ends in time when DNS hangs', async () => {
      const answer = sinksOf({ clock, lookup: () => undefined })
        .open('http://receiver.test')
        .deliver(eventOf('one'), tryOf('one_sink'));
      await clock.turn(TRY_MS);
      expect(await answer).toEqual({ ...retry, reason: 'timeout' });
    });

    it('ends in time when the TLS handshake hangs', async () => {
      let isShaking = false;
      const { host, open } = await rawServer(() => {
        isShaking = true;
      });
      const answer = deliver(`https://${host}`);
      await until(() => isShaking, 'the handshake began');
      await clock.turn(TRY_MS);
      expect(await answer).toEqual({ ...retry, reason: 'timeout' });
      await until(() => open.size === 0, 'the connection closed');
    });

    it('says when the connection is refused', async () => {
      const receiver = await receiverOf();
      await receiver.close();
      cleanups.pop();
      expect(await deliver(receiver.url)).toEqual({ ...retry, reason: 'connection' });
    });

    it('says when the connection is reset, and makes a new one the next time', async () => {
      const receiver = await receiverOf({ answer: { instead: 'reset' } });
      const sink = sinksOf({ clock }).open(receiver.url);
      const first = await sink.deliver(eventOf('one'), tryOf('one_sink'));
      expect(first).toEqual({ ...retry, reason: 'connection' });
      receiver.answer({});
      const second = await sink.deliver(eventOf('one'), tryOf('one_sink'));
      expect(second).toMatchObject({ outcome: 'delivered' });
    });

    it('says when the name does not resolve', async () => {
      const error = Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' });
      const answer = await sinksOf({ clock, lookup: (_name, _options, call) => call(error, []) })
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

  describe('whom it connects to', () => {
    const refused = { outcome: 'retry', reason: 'address-refused' };

    it.each([
      '127.0.0.1',
      '2130706433',
      '0x7f000001',
      '0177.0.0.1',
      '127.1',
      '127.0.0.1.',
      '１２７.0.0.1',
      '0.0.0.0',
      '[::]',
      '[::ffff:127.0.0.1]',
      '[::ffff:7f00:1]',
      '[::127.0.0.1]',
      '[64:ff9b::127.0.0.1]',
      '[2002:7f00:1::]',
      '169.254.169.254',
      '10.0.0.1',
      '[fe80::1]',
      '[fd00::1]',
    ])('not to http://%s', async (host) => {
      const receiver = await receiverOf();
      const answer = sinksOf({ clock, allowLoopback: false })
        .open(`http://${host}:${receiver.port}/`)
        .deliver(eventOf('one'), tryOf('one_sink'));
      expect(await answer).toMatchObject(refused);
      expect(receiver.connections.made).toBe(0);
    });

    it('not to loopback by an IPv6 spelling where loopback is allowed', async () => {
      const receiver = await receiverOf();
      const url = `http://[::ffff:127.0.0.1]:${receiver.port}/`;
      expect(await deliver(url)).toMatchObject(refused);
    });

    it('not to a private address behind a name', async () => {
      const receiver = await receiverOf();
      for (const address of ['127.0.0.1', '::ffff:127.0.0.1', '10.0.0.1', '169.254.169.254']) {
        const answer = sinksOf({
          clock,
          allowLoopback: false,
          lookup: (_name, _options, call) => call(null, addressesOf(address)),
        })
          .open(`http://receiver.test:${receiver.port}`)
          .deliver(eventOf('one'), tryOf('one_sink'));
        expect(await answer).toMatchObject(refused);
      }
      expect(receiver.connections.made).toBe(0);
    });

    it('to the allowed one of several addresses', async () => {
      const receiver = await receiverOf();
      const answer = sinksOf({
        clock,
        lookup: (_name, _options, call) => call(null, addressesOf('10.0.0.1', '127.0.0.1')),
      })
        .open(`http://receiver.test:${receiver.port}`)
        .deliver(eventOf('one'), tryOf('one_sink'));
      expect(await answer).toMatchObject({ outcome: 'delivered' });
    });

    it('to the address that was checked: a name is resolved once for a connection', async () => {
      const receiver = await receiverOf();
      const names: string[] = [];
      // A rebinding server: allowed when it is checked, private when it is asked again.
      const sinks = sinksOf({
        clock,
        allowLoopback: false,
        allowedAddresses: ['127.0.0.1/32'],
        lookup: (name, _options, call) => {
          names.push(name);
          call(null, addressesOf(names.length === 1 ? '127.0.0.1' : '127.0.0.2'));
        },
      });
      const sink = sinks.open(`http://receiver.test:${receiver.port}`);
      const first = await sink.deliver(eventOf('one'), tryOf('one_sink'));
      expect(first).toMatchObject({ outcome: 'delivered' });
      expect(names).toEqual(['receiver.test']);
      expect(receiver.received[0]?.headers.host).toBe(`receiver.test:${receiver.port}`);
    });

    it('checks again for each connection', async () => {
      const receiver = await receiverOf({ answer: { headers: { connection: 'close' } } });
      const answers = ['127.0.0.1', '127.0.0.2'];
      const sinks = sinksOf({
        clock,
        allowLoopback: false,
        allowedAddresses: ['127.0.0.1/32'],
        lookup: (_name, _options, call) => call(null, addressesOf(answers.shift() ?? '10.0.0.1')),
      });
      const sink = sinks.open(`http://receiver.test:${receiver.port}`);
      const first = await sink.deliver(eventOf('one'), tryOf('one_sink'));
      expect(first).toMatchObject({ outcome: 'delivered' });
      expect(await sink.deliver(eventOf('one'), tryOf('two_sink'))).toMatchObject(refused);
    });

    it('over TLS only to whom the certificate names', async () => {
      const [key, cert] = [pem('key'), pem('crt')];
      const receiver = await receiverOf({ tls: { key, cert }, secret: NEW_SECRET });
      const post = (host: string, ca?: string) =>
        sinksOf({
          clock,
          lookup: (_name, _options, call) => call(null, addressesOf('127.0.0.1')),
          dispatcherOptions: ca === undefined ? {} : { ca },
        })
          .open(`https://${host}:${receiver.port}`)
          .deliver(eventOf('one'), tryOf('one_sink'));

      expect(await post('receiver.test', cert)).toMatchObject({ outcome: 'delivered' });
      expect(receiver.received[0]?.isGenuine).toBe(true);
      const distrusted = { outcome: 'retry', reason: 'tls', status: null };
      expect(await post('receiver.test')).toMatchObject(distrusted);
      expect(await post('other.test', cert)).toMatchObject(distrusted);
      expect(await post('127.0.0.1', cert)).toMatchObject(distrusted);
      expect(receiver.received).toHaveLength(1);
    });
  });

  describe('when it is told to stop', () => {
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
      const receiver = await receiverOf({ answer: { delayMs: 100 } });
      const sinks = sinksOf({ clock, dispatcherOptions: { connections: 1 } });
      const sink = sinks.open(receiver.url);
      const first = sink.deliver(eventOf('first'), tryOf('first'));
      const controller = new AbortController();
      const second = sink.deliver(eventOf('second'), tryOf('second', controller.signal));
      controller.abort();
      expect(await second).toEqual({ outcome: 'aborted' });
      expect(await first).toMatchObject({ outcome: 'delivered' });
      const third = await sink.deliver(eventOf('third'), tryOf('third'));
      expect(third).toMatchObject({ outcome: 'delivered' });
      const ids = receiver.received.map(({ headers }) => headers['webhook-id']);
      expect(ids).toEqual(['first', 'third']);
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
      const sinks = sinksOf({
        clock,
        lookup: () => undefined,
        dispatcherOptions: { connections: 1 },
      });
      const sink = sinks.open(receiver.url);
      const underWay = [
        sink.deliver(eventOf('one'), tryOf('waits for its answer')),
        sink.deliver(eventOf('one'), tryOf('waits for a connection')),
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
});

function addressesOf(...all: readonly string[]) {
  return all.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}

/** A server that speaks no HTTP itself: `reply` is called with the first bytes of a connection. */
async function rawServer(reply: (socket: Socket) => void) {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
    socket.once('data', () => reply(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanups.push(async () => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { host: `127.0.0.1:${address.port}`, open };
}

function watched<T>(answer: Promise<T>) {
  let isOver = false;
  const watch = answer.finally(() => {
    isOver = true;
  });
  return { answer: watch, hasEnded: () => isOver };
}

/** Lets what is already in the kernel's buffers reach its listeners. */
async function settledIo(): Promise<void> {
  for (let round = 0; round < 20; round += 1) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

function pem(kind: 'key' | 'crt'): string {
  const file = new URL(`../fixtures/tls/TEST-ONLY-receiver.${kind}.pem`, import.meta.url);
  return readFileSync(file, 'utf8');
}
