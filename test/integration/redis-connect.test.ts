import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { connectForCommands, reachRedis } from '../../src/adapters/redis/connect.ts';
import { createRedisProbe } from '../../src/adapters/redis/probe.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { Secret } from '../../src/domain/secret.ts';
import { freePort } from '../support/free-port.ts';
import { describeOnProcess } from '../support/services.ts';
import { until } from '../support/wait.ts';

const PASSWORD = 'hunter2-and-more';
const LIMIT_MS = 1500;
// For a server that answers, however busy the machine is.
const REACH_MS = 10_000;

function connect(url: string) {
  return connectForCommands({ url: new Secret(url), connectTimeoutMs: 1000 }, 1000);
}

/** What the start would say, with everything that a console would print of it. */
async function refusal(url: string) {
  const client = connect(url);
  const startedAt = performance.now();
  const error: unknown = await reachRedis(client, systemClock, LIMIT_MS).catch(
    (error: unknown) => error,
  );
  const tookMs = performance.now() - startedAt;
  if (!(error instanceof Error)) throw new Error('was reached');
  return { message: error.message, printed: inspect(error, { depth: 9 }), tookMs };
}

describe('reaching a Redis that is not there', () => {
  it('says where nobody listens', async () => {
    const port = await freePort();
    const { message, printed } = await refusal(`redis://:${PASSWORD}@127.0.0.1:${port}/2`);
    expect(message).toBe(
      `Redis at 127.0.0.1:${port} does not answer: connect ECONNREFUSED 127.0.0.1:${port}; check REDIS_URL`,
    );
    expect(printed).not.toContain(PASSWORD);
    expect((await refusal(`redis://localhost:${port}`)).message).toMatch(
      /^Redis at localhost:\d+ does not answer: .*ECONNREFUSED.*; check REDIS_URL$/,
    );
  });

  it('does not go on trying after that', async () => {
    const port = await freePort();
    await refusal(`redis://127.0.0.1:${port}`);
    let connections = 0;
    const late = createServer(() => (connections += 1)).listen(port, '127.0.0.1');
    await sleep(1100); // the longest time between two tries is a second
    late.close();
    expect(connections).toBe(0);
  });

  it('says that a name is not known', async () => {
    const { message } = await refusal('redis://redis.invalid');
    expect(message).toMatch(/^Redis at redis\.invalid:6379 does not answer: getaddrinfo \w+ redis/);
  });

  it('does not wait longer for one that is silent', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const { message, printed, tookMs } = await refusal(`redis://:${PASSWORD}@127.0.0.1:${port}`);
    silent.close();
    expect(message).toContain(`Redis at 127.0.0.1:${port} does not answer: `);
    expect(printed).not.toContain(PASSWORD);
    expect(tookMs).toBeLessThan(LIMIT_MS + 3000);
  });

  it('does not repeat what cannot be read as a URL', () => {
    let printed = '';
    try {
      connect(`redis://:${PASSWORD}@ho st`);
    } catch (error) {
      printed = inspect(error, { depth: 9 });
    }
    expect(printed).toContain('REDIS_URL is not a URL');
    expect(printed).not.toContain(PASSWORD);
  });
});

await describeOnProcess('redis', 'reaching a Redis', (server) => {
  it('waits for one that is started meanwhile', async () => {
    await server.kill();
    const client = connect(server.url);
    const reached = reachRedis(client, systemClock, REACH_MS);
    await server.start();
    await reached;
    await reachRedis(client, systemClock, REACH_MS); // and again, when it is connected
    expect(await client.ping()).toBe('PONG');
    client.disconnect();
  });

  it('says what the server says of a password, but not the password', async () => {
    const admin = new Redis(server.url);
    await admin.config('SET', 'requirepass', 'the right one');
    const wrong = await refusal(`redis://:${PASSWORD}@127.0.0.1:${server.port}`);
    const none = await refusal(server.url);
    const right = connect(`redis://:the%20right%20one@127.0.0.1:${server.port}`);
    await reachRedis(right, systemClock, REACH_MS);
    right.disconnect();
    await admin.config('SET', 'requirepass', '');
    admin.disconnect();
    expect(wrong.message).toMatch(
      /^Redis at 127.* does not answer: WRONGPASS .*; check REDIS_URL$/,
    );
    expect(wrong.printed).not.toContain(PASSWORD);
    expect(none.message).toMatch(/ does not answer: NOAUTH /);
  });

  it('does not send a command again whose connection broke', async () => {
    const client = connect(server.url);
    await reachRedis(client, systemClock, REACH_MS);
    server.signal('SIGSTOP');
    const lost = client.incr('once');
    setImmediate(() => client.stream.destroy());
    await expect(lost).rejects.toThrow('Reached the max retries per request limit');
    server.signal('SIGCONT');
    await until(() => client.status === 'ready', 'connected again');
    expect(Number(await client.get('once'))).toBeLessThanOrEqual(1);
    client.disconnect();
  });

  it('gives up the connection to a server that hangs, and finds it again', async () => {
    const client = connect(server.url);
    await reachRedis(client, systemClock, REACH_MS);
    const { stream } = client;
    server.signal('SIGSTOP');
    await expect(client.ping()).rejects.toThrow('timed out');
    await until(() => stream.destroyed, 'given up');
    await expect(client.ping()).rejects.toThrow();
    server.signal('SIGCONT');
    const isAnew = () => client.stream !== stream && client.status === 'ready';
    await until(isAnew, 'connected again');
    client.disconnect();
  });

  it('leaves a server that became a replica, where the address may lead to the new master', async () => {
    const client = connect(server.url);
    await reachRedis(client, systemClock, REACH_MS);
    const { stream } = client;
    await client.replicaof('127.0.0.1', 1);
    try {
      await expect(client.set('written', 'no')).rejects.toThrow('READONLY');
      await until(() => client.stream !== stream && client.status === 'ready', 'connected anew');
    } finally {
      await client.replicaof('NO', 'ONE');
    }
    await expect(client.set('written', 'yes')).resolves.toBe('OK');
    client.disconnect();
  });

  it('probes it', async () => {
    const client = connect(server.url);
    const probe = createRedisProbe({ redis: client, prefix: 'test', clock: systemClock });
    await reachRedis(client, systemClock, REACH_MS);
    expect(probe).toMatchObject({ name: 'redis', critical: false });
    const never = new AbortController().signal;
    expect(await probe.check(never)).toEqual({ status: 'healthy', latencyMs: expect.any(Number) });

    const unhealthy = {
      status: 'unhealthy',
      latencyMs: expect.any(Number),
      detail: 'redis does not take writes',
    };
    server.signal('SIGSTOP');
    // The checks end by their own limit of 100 ms, before the second of a command.
    let commandEnded = false;
    const command = client.ping().finally(() => {
      commandEnded = true;
    });
    expect(await probe.check(AbortSignal.timeout(100))).toEqual(unhealthy);
    expect(await probe.check(AbortSignal.abort())).toEqual(unhealthy);
    expect(commandEnded).toBe(false);
    await expect(command).rejects.toThrow('timed out');
    server.signal('SIGCONT');
    await server.kill();
    expect(await probe.check(never)).toEqual(unhealthy);
    await server.start();
    await until(async () => (await probe.check(never)).status === 'healthy', 'healthy again');
    client.disconnect();
  });
});
