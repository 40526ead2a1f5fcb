import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { decodeText, readBody } from '../../src/adapters/http/read-body.ts';
import {
  BodyTimeoutError,
  MalformedBodyError,
  OverloadedError,
  PayloadTooLargeError,
} from '../../src/domain/errors.ts';
import { TurnedClock } from '../support/clock.ts';
import { memoryInUse } from '../support/memory.ts';
import { until } from '../support/wait.ts';
import { beginPost } from './slow-client.ts';

describe('reading a body', () => {
  let server: Server;
  let url: string;
  let clock: TurnedClock;
  let counted: number;

  /** Sends a head, and gives what reading the rest of it comes to. */
  async function begin(
    header: string,
    bounds: { maxBytes?: number; count?: (bytes: number) => void } = {},
  ) {
    const arrived = once(server, 'request');
    const client = await beginPost(url, header);
    const [req] = (await arrived) as [IncomingMessage];
    const read = readBody(req, {
      maxBytes: 1000,
      deadline: clock.now() + 2000,
      clock,
      count: (bytes) => void (counted += bytes),
      ...bounds,
    });
    read.catch(() => undefined); // looked at later
    return { client, req, read };
  }

  beforeEach(async () => {
    clock = new TurnedClock();
    counted = 0;
    server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  it('gives its bytes, however they are cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 12 }),
        async (pieces) => {
          const { client, read } = await begin('Transfer-Encoding: chunked');
          for (const piece of pieces) {
            const length = Buffer.from(`${piece.length.toString(16)}\r\n`);
            await client.send(Buffer.concat([length, piece, Buffer.from('\r\n')]));
          }
          await client.send('0\r\n\r\n');
          expect(await read).toEqual(Buffer.concat(pieces));
          client.cut();
        },
      ),
      { numRuns: 30 },
    );
  });

  it('takes as many bytes as are allowed and no more, announced or not', async () => {
    const exact = await begin('Content-Length: 1000');
    await exact.client.send('x'.repeat(1000));
    expect(await exact.read).toHaveLength(1000);

    const announced = await begin('Content-Length: 1001');
    await expect(announced.read).rejects.toThrow(PayloadTooLargeError);

    counted = 0;
    const chunked = await begin('Transfer-Encoding: chunked');
    await chunked.client.send(`3e8\r\n${'x'.repeat(1000)}\r\n1\r\nx\r\n`);
    await expect(chunked.read).rejects.toThrow(PayloadTooLargeError);
    expect(counted).toBe(1000);
  });

  it('holds little more than the bytes of one that comes in chunks of one', async () => {
    const chunks = 300_000;
    const before = memoryInUse();
    const { client } = await begin('Transfer-Encoding: chunked', { maxBytes: chunks });
    await client.send('1\r\nx\r\n'.repeat(chunks));
    await until(() => counted === chunks, 'all of them');
    // Kept as they came they would be 60 MB.
    expect(memoryInUse() - before).toBeLessThan(10 * 1024 * 1024);
    client.cut();
  });

  it('waits until the deadline and not longer, however busy the sender is', async () => {
    const { client, req, read } = await begin('Content-Length: 100');
    await client.send('x');
    await clock.turn(1999);
    await client.send('x');
    await until(() => counted === 2, 'the second byte');
    await clock.turn(1);
    await expect(read).rejects.toThrow(BodyTimeoutError);
    // A second to read the answer in, and then it ends.
    await clock.turn(999);
    expect(req.destroyed).toBe(false);
    await clock.turn(1);
    await client.closed;
    expect(req.destroyed).toBe(true);
  });

  it('leaves the connection of a refused sender that came to its end', async () => {
    const { client, req, read } = await begin('Content-Length: 1001');
    await expect(read).rejects.toThrow(PayloadTooLargeError);
    await client.send('x'.repeat(1001));
    await until(() => req.complete, 'the rest');
    await clock.turn(5000);
    expect(req.socket.destroyed).toBe(false);
  });

  it('gives up with the sender, and once only', async () => {
    const { client, read } = await begin('Content-Length: 100');
    await client.send('x');
    client.cut();
    await expect(read).rejects.toThrow(MalformedBodyError);
    await clock.turn(5000);
  });

  it('fails with what the counter throws, and keeps nothing of that piece', async () => {
    const full = new OverloadedError('full');
    const { client, read } = await begin('Content-Length: 100', {
      count() {
        throw full;
      },
    });
    await client.send('x');
    await expect(read).rejects.toBe(full);
  });
});

describe('the text of a body', () => {
  it('is what was encoded, byte order mark aside', () => {
    const text = fc.string({ unit: 'grapheme' }).filter((one) => !one.startsWith('\uFEFF'));
    fc.assert(
      fc.property(text, fc.boolean(), (one, marked) => {
        expect(decodeText(Buffer.from(marked ? `\uFEFF${one}` : one))).toBe(one);
      }),
    );
  });

  it.each(['c3', '80', 'c0a2', 'eda080', 'f4908080', '61e282'])('is not made of %s', (hex) => {
    expect(() => decodeText(Buffer.from(hex, 'hex'))).toThrow(MalformedBodyError);
  });
});
