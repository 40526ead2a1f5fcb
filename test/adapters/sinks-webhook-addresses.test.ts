import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { eventOf, tryOf } from '../contracts/notification-sink.contract.ts';
import { SECRET, addressesOf, setUpWebhooks } from '../support/webhooks.ts';

describe('webhook sink: whom it connects to', () => {
  const { deliver, receiverOf, sinksOf } = setUpWebhooks();

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
    const answer = sinksOf({ allowLoopback: false })
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
    const receiver = await receiverOf({ tls: { key, cert }, secret: SECRET });
    const post = (host: string, ca?: string) =>
      sinksOf({
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

function pem(kind: 'key' | 'crt'): string {
  const file = new URL(`../fixtures/tls/TEST-ONLY-receiver.${kind}.pem`, import.meta.url);
  return readFileSync(file, 'utf8');
}
