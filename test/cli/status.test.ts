import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { operatorOf } from './command.ts';

const OVERVIEW = {
  status: 'degraded',
  uptime: 9,
  version: '0.1.0',
  services: { mongodb: 'error', redis: 'connected' },
  queues: {},
};
const REFUSAL = { error: { code: 'SERVICE_UNAVAILABLE', message: 'A store is away', status: 503 } };
const EMPTY = { data: [], nextCursor: null };

describe('status', () => {
  let server: Server;
  let operator: ReturnType<typeof operatorOf>;
  /** What the lists of sinks and of dead letters answer. */
  let lists: Readonly<Record<string, { status: number; body: object }>> = {};

  beforeAll(async () => {
    server = createServer(({ url = '' }, response) => {
      const [path = ''] = url.split('?');
      const { status, body } = lists[path] ?? { status: 503, body: OVERVIEW };
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    operator = operatorOf({ url: `http://127.0.0.1:${port}` });
  });
  afterAll(() => void server.close());

  const answer = (sinks: number, deadLetters: number) => {
    const of = (status: number) => ({ status, body: status === 200 ? EMPTY : REFUSAL });
    lists = { '/api/sinks': of(sinks), '/api/dead-letters': of(deadLetters) };
  };

  it('shows what it can while the store is away', async () => {
    answer(503, 503);
    const { code, stdout, stderr } = await operator.run('status');
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    expect(stdout).toMatch(/^STATUS\tdegraded$/m);
    for (const row of ['SINKS\t-', 'OF THEM FAILING\t-', 'DEAD LETTERS\t-', 'mongodb\terror']) {
      expect(stdout.split('\n')).toContain(row);
    }
    const json = await operator.run('status --json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.stdout)).toEqual({ ...OVERVIEW, sinks: null, deadLetters: null });
  });

  it('fails when one of the lists alone cannot be read', async () => {
    answer(200, 503);
    const { code, stdout } = await operator.run('status');
    expect(code).toBe(1);
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['SINKS\t0', 'DEAD LETTERS\t-']));
  });

  it('does not take a refused key for a store that is away', async () => {
    answer(401, 401);
    const { code, stdout } = await operator.run('status');
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
  });
});
