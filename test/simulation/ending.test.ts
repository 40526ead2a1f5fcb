import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Secret } from '../../src/domain/secret.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { OPERATOR_KEY, startService, type TestService } from '../support/service.ts';
import { freePort, startProxy, type Proxy } from './proxy.ts';

const operatorKey = new Secret(OPERATOR_KEY);
const run = { progress: () => undefined };

/** What was made through the proxy, and what was asked to be removed, softly and for good. */
function tidiness({ requests }: Proxy) {
  const of = (method: string, pattern: RegExp) =>
    requests.filter((request) => request.method === method && pattern.test(request.path)).length;
  return {
    imported: of('POST', /^\/api\/subscriptions\/import$/),
    removed: of('DELETE', /^\/api\/subscriptions\/[\w-]+$/),
    removedForGood: of('DELETE', /^\/api\/subscriptions\/[\w-]+\?permanent=true$/),
    sinks: of('POST', /^\/api\/sinks$/),
    removedSinks: of('DELETE', /^\/api\/sinks\/[\w-]+$/),
    sinksRemovedForGood: of('DELETE', /^\/api\/sinks\/[\w-]+\?permanent=true$/),
  };
}

describe('however a simulation ends', () => {
  let service: TestService;
  let proxy: Proxy;
  beforeAll(async () => {
    service = await startService();
    proxy = await startProxy({ target: () => service.url });
  });
  afterAll(async () => {
    await proxy.close();
    await service.close();
  });

  it('removes everything when it is stopped in the middle', async () => {
    const stop = new AbortController();
    const reason = new Error('enough');
    const begunAt = performance.now();
    const ended = simulate(
      { url: proxy.url, operatorKey, durationMs: 60_000, subscriptions: 2 },
      { signal: stop.signal, progress: ({ delivered }) => delivered > 3 && stop.abort(reason) },
    );
    await expect(ended).rejects.toBe(reason);
    expect(performance.now() - begunAt).toBeLessThan(10_000);
    expect(tidiness(proxy)).toEqual({
      imported: 2,
      removed: 2,
      removedForGood: 2,
      sinks: 1,
      removedSinks: 1,
      sinksRemovedForGood: 1,
    });
    const sinks = await fetch(`${service.url}/api/sinks`, {
      headers: { 'X-API-Key': OPERATOR_KEY, 'X-Organization-Id': 'simulation' },
    });
    expect(await sinks.json()).toMatchObject({ data: [] });
  });

  it('removes what it had made when the service refuses the rest', async () => {
    const picky = await startProxy({
      target: () => service.url,
      tamper: ({ path }) => (path === '/api/sinks' ? { answer: { status: 400 } } : undefined),
    });
    const ended = simulate({ url: picky.url, operatorKey, subscriptions: 2 }, run);
    await expect(ended).rejects.toMatchObject({
      failure: 'refused',
      message: 'Cannot add a sink: 400',
    });
    expect(tidiness(picky)).toMatchObject({ imported: 2, removed: 2, removedForGood: 2 });
    await picky.close();
  });

  it('says what the service had against it', async () => {
    const sinkUrl = 'http://user:pass@example.com';
    const ended = simulate({ url: service.url, operatorKey, sinkUrl }, run);
    await expect(ended).rejects.toThrow(
      /^Cannot add a sink: 400 VALIDATION_ERROR: .*; url must not carry/,
    );
  });

  it('says that the key is wrong, and not which', async () => {
    const wrong = new Secret('TEST-ONLY-wrong-key-of-somebody-else');
    const ended = simulate({ url: service.url, operatorKey: wrong }, run);
    await expect(ended).rejects.toMatchObject({
      failure: 'unauthorized',
      message: 'The service does not accept the operator key',
    });
  });

  it('says that the service is away', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    await expect(simulate({ url, operatorKey }, run)).rejects.toMatchObject({
      failure: 'unreachable',
      message: `The service does not answer at ${url}`,
    });
  });

  it('says that its sink cannot listen', async () => {
    const port = Number(new URL(service.url).port);
    const listen = { host: '127.0.0.1', port };
    await expect(simulate({ url: service.url, operatorKey, listen }, run)).rejects.toMatchObject({
      failure: 'listener',
      message: `Cannot listen on 127.0.0.1:${port}`,
    });
  });

  it.each([
    [{ forged: 1.5 }, 'forged'],
    [{ rate: 0 }, 'rate'],
    [{ subscriptions: 21 }, 'subscriptions'],
    [{ rate: 2000, durationMs: 3_600_000 }, 'more than 1000000 items'],
    [{ listen: { host: '0.0.0.0', port: 0 } }, 'sinkUrl'],
    [{ url: 'ftp://example.com' }, 'url'],
  ])('refuses %j before it has asked anybody', async (options, said) => {
    const ended = simulate({ url: service.url, operatorKey, ...options }, run);
    await expect(ended).rejects.toMatchObject({
      failure: 'options',
      message: expect.stringContaining(said),
    });
  });
});
