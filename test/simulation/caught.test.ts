import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Secret } from '../../src/domain/secret.ts';
import { simulate } from '../../src/simulation/simulate.ts';
import { OPERATOR_KEY, startService, type TestService } from '../support/service.ts';
import { freePort, startProxy, type ProxiedRequest, type Proxy, type Tampering } from './proxy.ts';

type Tamper = (request: ProxiedRequest) => Tampering | undefined;

const brief = {
  operatorKey: new Secret(OPERATOR_KEY),
  rate: 50,
  durationMs: 400,
  lateMs: 200,
  forged: 0.1,
  // What is lost is waited for as long; all the rest has to have arrived by then.
  settleMs: 5000,
  seed: 7,
};
const run = { progress: () => undefined };

describe('a simulation catches a service that', () => {
  let service: TestService;
  const proxies: Proxy[] = [];
  beforeAll(async () => {
    service = await startService();
  });
  afterAll(() => service.close());
  afterEach(async () => {
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()));
  });

  /** The service as Graph and the operator would find it. */
  async function simulateAgainst(tamper: Tamper) {
    const proxy = await startProxy({ target: () => service.url, tamper });
    proxies.push(proxy);
    return simulate({ ...brief, url: proxy.url }, run);
  }

  /** The service as its sinks would find it. */
  async function simulateWithSink(tamper: Tamper) {
    const port = await freePort();
    const proxy = await startProxy({ target: () => `http://127.0.0.1:${port}`, tamper });
    proxies.push(proxy);
    const listen = { host: '127.0.0.1', port };
    return simulate({ ...brief, url: service.url, listen, sinkUrl: proxy.url }, run);
  }

  it('loses one notification', async () => {
    let seen = 0;
    const report = await simulateWithSink(() => {
      seen += 1;
      return seen === 10 ? { answer: { status: 200 } } : undefined;
    });
    expect(report).toMatchObject({ ok: false, missing: 1, leftBehind: [] });
    expect(report.delivered).toBe(report.acknowledged - 1);
  });

  it('acknowledges a POST and forgets it', async () => {
    let lost = 0;
    const report = await simulateAgainst(({ path, body }) => {
      if (path !== '/webhooks/graph' || lost > 0) return undefined;
      const ids = changesIn(body).map(({ resourceData }) => resourceData);
      lost = ids.filter(({ forged }) => !forged).length;
      return { answer: { status: 202 } };
    });
    expect(lost).toBeGreaterThan(1);
    expect(report.ok).toBe(false);
    // One that Graph would have repeated in another POST was not lost with this one.
    expect(report.missing).toBeGreaterThan(0);
    expect(report.missing).toBeLessThanOrEqual(lost);
  });

  it('believes whoever knows the id of a subscription', async () => {
    const known = new Map<string, { tenantId: string; clientState: string }>();
    const report = await simulateAgainst(({ path, body }) => {
      if (path === '/api/subscriptions/import') {
        const imported = JSON.parse(body) as { id: string; tenantId: string; clientState: string };
        known.set(imported.id, imported);
      }
      if (path !== '/webhooks/graph') return undefined;
      const value = changesIn(body).map((item) => {
        const { tenantId, clientState } = known.get(item.subscriptionId) ?? item;
        return { ...item, tenantId, clientState };
      });
      return { body: JSON.stringify({ value }) };
    });
    expect(report.ok).toBe(false);
    expect(report.forgedDelivered).toBeGreaterThan(0);
    // They took the places of the genuine ones.
    expect(report.missing).toBeGreaterThan(0);
  });

  it('delivers under a wrong signature', async () => {
    const report = await simulateWithSink(({ body }) => ({ body: `${body} ` }));
    expect(report).toMatchObject({ ok: false, delivered: 0, missing: report.acknowledged });
    // A simulation does not wait for ever: on a busy machine some come after its end.
    expect(report.unverified).toBeGreaterThan(0);
  });

  it('acknowledges nothing', async () => {
    const report = await simulateAgainst(({ path }) =>
      path === '/webhooks/graph' ? { answer: { status: 503 } } : undefined,
    );
    expect(report).toMatchObject({ ok: false, acknowledged: 0, missing: 0, ackMs: { p50: null } });
    expect(report.retries).toBeGreaterThan(report.posts);
  });

  it('echoes the token of the handshake as it came', async () => {
    await expect(simulateAgainst(echo)).rejects.toMatchObject({ failure: 'handshake' });
    // Nothing was made that would have to be removed.
    expect(proxies.flatMap(({ requests }) => requests).map(({ method }) => method)).toEqual([
      'POST',
    ]);
  });
});

function echo({ path }: ProxiedRequest): Tampering | undefined {
  const [, token] = /validationToken=([^&]*)/.exec(path) ?? [];
  return token === undefined ? undefined : { answer: { status: 200, body: token } };
}

interface GraphItem {
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly clientState: string;
  readonly resourceData: { readonly forged: boolean };
}

function changesIn(body: string): readonly GraphItem[] {
  return (JSON.parse(body) as { value: GraphItem[] }).value;
}
