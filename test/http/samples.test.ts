import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import {
  importSamples,
  readSample,
  startService,
  SUBSCRIPTIONS,
  type TestService,
} from '../support/service.ts';
import { until } from '../support/wait.ts';

interface Outcome {
  readonly outcome: 'accept' | 'duplicate' | 'lifecycle' | 'reject';
  readonly reason?: string;
}

interface Sample {
  readonly file: string;
  readonly http: number;
  readonly outcomes: readonly Outcome[];
}

interface GraphItem {
  readonly id?: string;
  readonly clientState?: string;
  readonly subscriptionId: string;
  readonly encryptedContent?: unknown;
  readonly lifecycleEvent?: string;
}

interface Event {
  readonly type: string;
  readonly subscriptionid: string;
  readonly sequence: string;
  readonly data: GraphItem;
}

const { samples } = JSON.parse(readSample('manifest.json')) as { samples: readonly Sample[] };
const isEncrypted = (item: GraphItem) => (item.encryptedContent ?? null) !== null;

/** What the sink should get of a sample, in order, as JSON text. */
function expectedData(text: string, outcomes: readonly Outcome[]): string[] {
  const { value } = JSON.parse(text) as { value: GraphItem[] };
  return value.flatMap((item, place) => {
    const { outcome } = outcomes[place] ?? { outcome: 'reject' };
    const wanted = (outcome === 'accept' || outcome === 'lifecycle') && !isEncrypted(item);
    const { clientState: _state, encryptedContent: _content, ...data } = item;
    return wanted ? [JSON.stringify(data)] : [];
  });
}

/** Items that can only be judged with keys that are not there yet: kept, sealed, not delivered. */
function expectedWaiting(text: string, outcomes: readonly Outcome[]): number {
  const { value } = JSON.parse(text) as { value: GraphItem[] };
  const early = new Set(['client-state', 'unknown-subscription', 'tenant']);
  return value.filter(
    (item, place) => isEncrypted(item) && !early.has(outcomes[place]?.reason ?? ''),
  ).length;
}

describe('the samples of Graph, over HTTP, at a webhook sink', () => {
  let service: TestService;
  let receiver: Receiver;
  let secret: string;

  const eventsSince = (from: number) =>
    receiver.received
      .slice(from)
      .map(({ body }) => JSON.parse(body) as Event)
      .toSorted((a, b) => (a.sequence < b.sequence ? -1 : 1));
  const count = (verdict: string) =>
    service.metric('notifications_total', `{verdict="${verdict}"}`);
  const notifications = async (query: string) =>
    (await service.api('GET', `/api/notifications?limit=200&${query}`)).body.data;

  beforeAll(async () => {
    service = await startService();
    await importSamples(service);
    secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    receiver = await startReceiver({ secret });
    const sink = {
      name: 'all',
      kind: 'webhook',
      url: `${receiver.url}/graph`,
      secret,
      filter: { lifecycle: 'also' },
    };
    expect((await service.api('POST', '/api/sinks', sink)).status).toBe(201);
  });
  afterAll(async () => {
    await service.close();
    await receiver.close();
  });

  it('has a manifest that names every kind of outcome', () => {
    const outcomes = new Set(samples.flatMap((sample) => sample.outcomes.map((o) => o.outcome)));
    expect([...outcomes].toSorted()).toEqual(['accept', 'duplicate', 'lifecycle', 'reject']);
    expect(samples.length).toBe(33);
  });

  it.each(samples)('$file', async ({ file, http, outcomes }) => {
    const text = readSample(file);
    const from = receiver.received.length;
    const waitingBefore = (await notifications('state=waiting')).length;
    const wanted = expectedData(text, outcomes);
    const waiting = expectedWaiting(text, outcomes);

    const answer = await service.post(text);
    expect(answer.status).toBe(http);
    expect(await answer.json()).toEqual({ status: 'accepted' });

    await until(() => receiver.received.length - from >= wanted.length, 'the events');
    await until(
      async () => (await notifications('state=waiting')).length - waitingBefore >= waiting,
      'the waiting ones',
    );
    // A stranger in between shows that nothing more is on its way.
    await postMarker();
    const events = eventsSince(from).filter(({ data }) => data.id?.startsWith('marker-') !== true);
    expect(events.map(({ data }) => JSON.stringify(data))).toEqual(wanted);
    expect(receiver.received.every(({ isGenuine }) => isGenuine)).toBe(true);
    expect((await notifications('state=waiting')).length - waitingBefore).toBe(waiting);
  });

  it('queues nothing new when a sample is posted again', async () => {
    const from = receiver.received.length;
    expect((await service.post(readSample('01-message-created.json'))).status).toBe(202);
    await postMarker();
    expect(eventsSince(from).map(({ data }) => data.id)).toEqual([`marker-${markers}`]);
  });

  it('gives lifecycle notifications their own types, and keeps them pending', async () => {
    const pending = await notifications('state=pending');
    const types = new Set<string>(pending.map(({ type }: { type: string }) => type));
    expect([...types].toSorted((a, b) => a.localeCompare(b))).toEqual([
      'Microsoft.Graph.NotificationsMissed',
      'Microsoft.Graph.SubscriptionReauthorizationRequired',
      'Microsoft.Graph.SubscriptionRemoved',
    ]);
  });

  it('counts what it refuses by the reasons of the manifest', async () => {
    expect(await count('client-state')).toBe(3);
    expect(await count('held')).toBe(1);
    expect(await count('duplicate')).toBeGreaterThanOrEqual(2);
  });

  it('stores no clientState and no token in clear', async () => {
    const files = readdirSync(service.dataDir).filter((name) => /^(inbox|store)\.db/.test(name));
    expect(files).toEqual(expect.arrayContaining(['inbox.db', 'store.db']));
    const tokens = ['16-rich-channel-message.json', '17-rich-two-tenants-two-tokens.json'].flatMap(
      (file) => (JSON.parse(readSample(file)) as { validationTokens: string[] }).validationTokens,
    );
    const secrets = [...SUBSCRIPTIONS.map(({ clientState }) => clientState), ...tokens, secret];
    for (const file of files) {
      const bytes = readFileSync(path.join(service.dataDir, file));
      for (const one of secrets) expect(bytes.includes(one)).toBe(false);
    }
  });

  const MARKER = SUBSCRIPTIONS.find(({ key }) => key === 'list');
  let markers = 0;

  /** Posts a genuine item and waits until it and everything before it has been delivered. */
  async function postMarker(): Promise<void> {
    const from = receiver.received.length;
    markers += 1;
    const item = {
      id: `marker-${markers}`,
      subscriptionId: MARKER?.id,
      clientState: MARKER?.clientState,
      tenantId: MARKER?.tenantId,
      changeType: 'updated',
      resource: 'sites/marker',
    };
    expect((await service.post(JSON.stringify({ value: [item] }))).status).toBe(202);
    await until(
      () => receiver.received.slice(from).some(({ body }) => body.includes(item.id)),
      'the marker',
    );
    await until(async () => (await service.metric('inbox_backlog_receipts')) === 0, 'expansion');
  }
});
