import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { MongoClient, MongoServerError } from 'mongodb';
import { createLog } from '../../src/adapters/telemetry/log.ts';
import { freePort } from '../support/free-port.ts';

const PASSWORD = 'TEST-ONLY-9c41e07ab35d';
const ARGUMENT = 'TEST-ONLY-f20b86d1c79e';

/** What the log makes of an error. */
function logged(err: unknown): string {
  const lines: string[] = [];
  const stream = { write: (line: string) => void lines.push(line) };
  createLog({ level: 'debug', pretty: false, stream }).error({ err }, 'failed');
  return lines.join('');
}

async function failureOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('it was to fail');
}

/** Nothing of both, whole or cut. */
function expectClean(text: string): void {
  for (const secret of [PASSWORD, ARGUMENT]) {
    expect(text).not.toContain(secret.slice(0, -6));
    expect(text).not.toContain(secret.slice(-6));
  }
}

// Without being told any secret: these the configuration may not know.
describe('what the log shows of errors of ioredis', () => {
  let redis: Redis;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket
      .on('error', () => undefined)
      .on('data', (bytes) => {
        // Redis quotes what it was given, be it a password.
        for (const request of bytes.toString('latin1').split(/(?=\*\d+\r\n)/)) {
          const [command = '', ...args] = request
            .split('\r\n')
            .filter((part) => /^[\w-]/.test(part));
          const quoted = args.map((arg) => `'${arg}'`).join(' ');
          socket.write(
            `-ERR unknown command '${command}', with args beginning with: ${quoted}\r\n`,
          );
        }
      });
  });

  beforeAll(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    redis = new Redis(`redis://svc:${PASSWORD}@127.0.0.1:${port}`, {
      lazyConnect: true,
      retryStrategy: () => null,
      disconnectTimeout: 100,
    });
    redis.on('error', () => undefined);
  });
  afterAll(() => {
    redis.disconnect();
    for (const socket of sockets) socket.destroy();
    server.close();
  });

  it('is no password and no argument', async () => {
    const refused = once(redis, 'error');
    const connecting = failureOf(() => redis.connect());
    const text = logged((await refused)[0]) + logged(await connecting);
    expect(text).toContain('unknown command');
    expectClean(text);
  });

  it('is no argument of a command that the server refused', async () => {
    const { port } = server.address() as AddressInfo;
    const other = new Redis(port, '127.0.0.1', {
      enableReadyCheck: false,
      disconnectTimeout: 100,
    });
    const error = await failureOf(() => other.call('xadd', 'key', '*', 'event', ARGUMENT));
    other.disconnect();
    expect(inspect(error, { depth: 5 })).toContain(ARGUMENT); // so there is something to leave out
    expect(logged(error)).toContain('unknown command');
    expectClean(logged(error));
  });
});

describe('what the log shows of errors of the MongoDB driver', () => {
  it.each([PASSWORD, `${PASSWORD}/${PASSWORD}`, `${PASSWORD}@${PASSWORD}`, `a:${PASSWORD}`])(
    'is no password of a URL that it cannot read, such as %s',
    async (password) => {
      const url = `mongodb://svc:${password}@:::bad/x?tls=perhaps`;
      const text = logged(await failureOf(async () => new MongoClient(url)));
      expect(text).toMatch(/Mongo|URL|Invalid/);
      expectClean(text);
    },
  );

  it('is no password when the server is away', async () => {
    const url = `mongodb://svc:${PASSWORD}@127.0.0.1:${await freePort()}/x`;
    const client = new MongoClient(url, { serverSelectionTimeoutMS: 2000 });
    const text = logged(await failureOf(() => client.connect()));
    await client.close();
    expect(text).toContain('ECONNREFUSED');
    expectClean(text);
  });

  it('is no value that the server quotes, nor the command or the document it had', () => {
    const text = logged(
      new MongoServerError({
        message: `E11000 duplicate key error collection: x.y index: z dup key: { z: "${ARGUMENT}" }`,
        code: 11_000,
        keyValue: { z: ARGUMENT },
        errInfo: { document: ARGUMENT },
        command: { insert: 'y', documents: [{ z: ARGUMENT }] },
      }),
    );
    expect(JSON.parse(text).err).toMatchObject({ type: 'MongoServerError', code: 11_000 });
    expectClean(text);
  });
});
