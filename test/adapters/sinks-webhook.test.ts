import { describe, expect, it } from '@jest/globals';
import { Webhook } from 'standardwebhooks';
import { createWebhookSinks } from '../../src/adapters/sinks/webhook.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { renderCloudEvent } from '../../src/domain/delivery/cloud-event.ts';
import { Secret } from '../../src/domain/secret.ts';
import {
  describeNotificationSink,
  eventOf,
  tryOf,
} from '../contracts/notification-sink.contract.ts';
import { TurnedClock } from '../support/clock.ts';
import { startReceiver } from '../support/receiver.ts';
import { until } from '../support/wait.ts';
import { SECRET, setUpWebhooks } from '../support/webhooks.ts';

describeNotificationSink('webhook', async () => {
  const receiver = await startReceiver({ secret: SECRET });
  const sinks = createWebhookSinks({
    clock: new TurnedClock(),
    allowedAddresses: [],
    allowLoopback: true,
  });
  const url = `${receiver.url}/hook?key=url-secret`;
  const headers = { authorization: new Secret('Bearer header-secret') };
  const secrets = [new Secret(SECRET)];
  return {
    sink: sinks.open({ kind: 'webhook', url, secrets, headers }),
    arrived: () => receiver.received.map(({ body }) => String(JSON.parse(body).id)),
    confidential: [SECRET, 'url-secret', 'header-secret', String(receiver.port)],
    logged: () => '',
    async close() {
      await sinks.close();
      await receiver.close();
    },
  };
});

const OLD_SECRET = `whsec_${Buffer.alloc(24, 'old').toString('base64')}`;

describe('webhook sink: what it sends', () => {
  const { clock, deliver, receiverOf, sinksOf } = setUpWebhooks();

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
      'webhook-timestamp': String(clock().now() / 1000),
    });
  });

  it('signs so that the Standard Webhooks library verifies it', async () => {
    const receiver = await receiverOf();
    await sinksOf({ clock: systemClock })
      .open(receiver.url)
      .deliver(eventOf('one'), tryOf('one_sink'));
    const [request] = receiver.received;
    const verified = new Webhook(SECRET).verify(
      request?.body ?? '',
      Object.fromEntries(Object.entries(request?.headers ?? {}).map(([k, v]) => [k, String(v)])),
    );
    expect(verified).toMatchObject({ id: 'one', specversion: '1.0' });
  });

  it('gives whole seconds for the time, rounded down', async () => {
    const receiver = await receiverOf({ secret: SECRET });
    await clock().turn(1999);
    await deliver(receiver.url);
    const seconds = String((clock().now() - 999) / 1000);
    expect(receiver.received[0]?.headers['webhook-timestamp']).toBe(seconds);
    expect(receiver.received[0]?.isGenuine).toBe(true);
  });

  it('signs with both secrets during a rotation, the newest first', async () => {
    const withNew = await receiverOf({ secret: SECRET });
    const withOld = await receiverOf({ secret: OLD_SECRET });
    const secrets = [SECRET, OLD_SECRET];
    for (const { url } of [withNew, withOld]) await deliver(url, { secrets });
    expect(withNew.received[0]?.isGenuine).toBe(true);
    expect(withOld.received[0]?.isGenuine).toBe(true);
    const signatures = String(withNew.received[0]?.headers['webhook-signature']).split(' ');
    expect(signatures).toHaveLength(2);
    await deliver(withOld.url, { secrets: [SECRET] });
    expect(withOld.received[1]?.isGenuine).toBe(false);
  });

  it('sends own headers, but none that pose as ours or frame the message', async () => {
    const receiver = await receiverOf({ secret: SECRET });
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
    const sink = sinksOf().open(receiver.url);
    for (let n = 0; n < 20; n += 1) await sink.deliver(eventOf('one'), tryOf(`${n}`));
    expect(receiver.received).toHaveLength(20);
    // Two, because the next delivery may begin while undici still tidies up after the last one.
    expect(receiver.connections.made).toBeLessThanOrEqual(2);
  });

  it('does not wait for the connections of other sinks of its origin', async () => {
    const receiver = await receiverOf({ answer: { instead: 'hang' } });
    const sinks = sinksOf();
    const stop = new AbortController();
    const hung = Array.from({ length: 300 }, (_, n) =>
      sinks
        .open(`${receiver.url}/${n % 2}`)
        .deliver(eventOf('one'), tryOf(`hung ${n}`, stop.signal)),
    );
    await until(() => receiver.received.length === hung.length, 'all were sent');
    receiver.answer({});
    const sink = sinks.open(`${receiver.url}/other`);
    expect(await sink.deliver(eventOf('one'), tryOf('one_sink'))).toMatchObject({
      outcome: 'delivered',
    });
    stop.abort();
    await Promise.all(hung);
  });

  it('closes idle connections of the origin that was used longest ago', async () => {
    const [first, second, third] = [await receiverOf(), await receiverOf(), await receiverOf()];
    const sinks = sinksOf({ dispatcherOptions: { origins: 2 } });
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
    const sinks = sinksOf({ dispatcherOptions: { origins: 1 } });
    const answer = sinks.open(slow.url).deliver(eventOf('one'), tryOf('one_sink'));
    await sinks.open(other.url).deliver(eventOf('one'), tryOf('one_sink'));
    expect(await answer).toMatchObject({ outcome: 'delivered' });
  });
});
