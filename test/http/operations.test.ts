import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/folder.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import {
  importSamples,
  readSample,
  startService,
  SUBSCRIPTIONS,
  toImport,
  type TestService,
} from '../support/service.ts';
import { SettlingClock } from '../support/settling-clock.ts';
import { until } from '../support/wait.ts';

interface OwnEvent {
  readonly type: string;
  readonly source: string;
  readonly subject: string;
  readonly subscriptionid?: string;
  readonly data: Record<string, unknown>;
}

const MINUTE_MS = 60_000;
const STORE_TIMEOUT_MS = 59_000;
const TRY_MS = 15_000;
const ENV = { HEARTBEAT_SECONDS: '60', STORE_TIMEOUT_MS: String(STORE_TIMEOUT_MS) };

describe('an operations sink', () => {
  let clock: SettlingClock;
  let service: TestService;
  let operators: Receiver;
  let customer: Receiver;

  const told = (type: string) =>
    operators.received
      .map(({ body }) => JSON.parse(body) as OwnEvent)
      .filter((event) => event.type === `Sallyport.${type}`);
  const toldOnce = async (type: string) => {
    await until(() => told(type).length > 0, type);
    expect(told(type)).toHaveLength(1);
    return told(type)[0];
  };
  const addSink = async (sink: object): Promise<string> => {
    const answer = await service.api('POST', '/api/sinks', { kind: 'webhook', ...sink });
    expect(answer.status).toBe(201);
    return answer.body.id;
  };

  beforeEach(async () => {
    clock = new SettlingClock([STORE_TIMEOUT_MS, TRY_MS]);
    service = await startService({ clock, env: ENV });
    operators = await startReceiver();
    customer = await startReceiver();
    await addSink({ name: 'operators', url: `${operators.url}/`, purpose: 'operations' });
  });
  afterEach(async () => {
    await service.close();
    await operators.close();
    await customer.close();
  });

  it('gets heartbeats, and none of Graph’s notifications', async () => {
    await importSamples(service);
    expect((await service.post(readSample('01-message-created.json'))).status).toBe(202);
    await clock.pass(3 * MINUTE_MS);
    await until(() => told('Heartbeat').length >= 2, 'two heartbeats');
    expect(operators.received.every(({ body }) => !body.includes('Microsoft.Graph'))).toBe(true);
    const [beat] = told('Heartbeat');
    expect(beat).toMatchObject({ source: '/sallyport', subject: 'service' });
    expect(beat).not.toHaveProperty('subscriptionid');
    expect(await service.metric('operations_events_total', '{type="Heartbeat"}')).toBeGreaterThan(
      1,
    );
    expect(await service.metric('heartbeat_timestamp_seconds')).toBeGreaterThan(0);
  });

  it('is told that a sink fails, that it answers again, and nothing in between', async () => {
    await importSamples(service);
    customer.answer({ status: 503 });
    const id = await addSink({ name: 'customer', url: `${customer.url}/` });
    expect((await service.post(readSample('07-batch-100.json'))).status).toBe(202);
    const failing = await toldOnce('SinkFailing');
    expect(failing?.subject).toBe(`sink/${id}`);
    await clock.pass(2 * MINUTE_MS);
    customer.answer({ status: 200 });
    await clock.pass(10 * MINUTE_MS);
    await toldOnce('SinkRecovered');
    expect(told('SinkFailing')).toHaveLength(1);
  });

  it('is told that a sink was disabled, and why', async () => {
    await importSamples(service);
    customer.answer({ status: 410 });
    const id = await addSink({ name: 'customer', url: `${customer.url}/` });
    expect((await service.post(readSample('01-message-created.json'))).status).toBe(202);
    const disabled = await toldOnce('SinkDisabled');
    expect(disabled).toMatchObject({ subject: `sink/${id}`, data: { reason: 'gone' } });
  });

  it('is told of dead letters by their number', async () => {
    await importSamples(service);
    await clock.pass(MINUTE_MS);
    customer.answer({ status: 400 });
    await addSink({ name: 'customer', url: `${customer.url}/` });
    expect((await service.post(readSample('05-batch-three-subscriptions.json'))).status).toBe(202);
    await until(async () => (await service.metric('dead_letters')) === 6, 'six dead letters');
    await clock.pass(MINUTE_MS);
    const event = await toldOnce('DeadLetters');
    expect(event?.data).toEqual({ added: 6, total: 6 });
  });

  it('is told of a subscription that ends soon, once for each time it is given', async () => {
    const [mail] = SUBSCRIPTIONS;
    if (mail === undefined) throw new Error('the samples lack a subscription');
    const endsAt = clock.now() + 2 * 60 * MINUTE_MS;
    const expirationDateTime = new Date(endsAt).toISOString();
    const soon = toImport({ ...mail, expirationDateTime });
    expect((await service.api('POST', '/api/subscriptions/import', soon)).status).toBe(201);
    await clock.pass(3 * MINUTE_MS);
    const event = await toldOnce('SubscriptionInDanger');
    expect(event).toMatchObject({
      subject: `subscription/${mail.id}`,
      data: { expirationDateTime },
    });
    expect(await service.metric('subscription_expires_in_seconds')).toBeLessThan(2 * 60 * 60);
  });

  it('is told of a disk that fills up', async () => {
    const folder = temporaryFolder();
    const kept = { ...folder, remove: () => undefined };
    const before = await startService({ clock, folder: kept, env: ENV });
    const sink = { name: 'o', kind: 'webhook', url: `${operators.url}/`, purpose: 'operations' };
    expect((await before.api('POST', '/api/sinks', sink)).status).toBe(201);
    await before.close();
    const low = await startService({
      clock,
      folder,
      env: { ...ENV, MIN_FREE_DISK_MB: '100000000' },
    });
    await until(async () => Number.isFinite(await low.metric('free_disk_bytes')), 'its size');
    await clock.pass(MINUTE_MS);
    await toldOnce('DiskLow');
    await low.close();
  });
});
