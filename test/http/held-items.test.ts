import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/folder.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { startService, toImport, type TestService } from '../support/service.ts';
import { SettlingClock } from '../support/settling-clock.ts';
import { until } from '../support/wait.ts';
import { dataOf, genuineItem, genuineText, sampleSubscription, watchSink } from './graph-posts.ts';

const STORE_TIMEOUT_MS = 59_000;

describe('notifications that come before their subscription is imported', () => {
  let service: TestService;
  let receiver: Receiver;

  const importIt = async () => {
    const wanted = toImport(sampleSubscription('mail1'));
    expect((await service.api('POST', '/api/subscriptions/import', wanted)).status).toBe(201);
  };
  const verdict = (name: string) => service.metric('notifications_total', `{verdict="${name}"}`);
  const arrived = () => receiver.received.map((one) => JSON.parse(dataOf(one)).id as string);

  /** At every sink: that of the log is quicker than the receiver's. */
  const isDelivered = async () => {
    const count = async (state: string) => {
      const { body } = await service.api('GET', `/api/notifications?delivery=${state}`);
      return body.data.length;
    };
    return (await count('delivered')) > 0 && (await count('due')) + (await count('claimed')) === 0;
  };

  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(async () => {
    await service.close();
    await receiver.close();
  });

  it('are delivered once when it is, forged ones among them left out', async () => {
    service = await startService();
    await watchSink(service, receiver);
    const forged = { ...genuineItem('forged'), clientState: 'guess' };
    const value = [genuineItem('early-1'), forged, genuineItem('early-2')];
    expect((await service.post(JSON.stringify({ value }))).status).toBe(202);
    expect(await service.metric('held_items')).toBe(3);
    expect(await service.metric('inbox_backlog_receipts')).toBe(0);

    await importIt();
    await until(() => arrived().length === 2, 'both');
    // Graph repeats what it is not sure of; by now it is known, and nothing comes twice.
    expect((await service.post(JSON.stringify({ value }))).status).toBe(202);
    expect((await service.post(genuineText('later'))).status).toBe(202);
    await until(() => arrived().includes('later'), 'the later one');
    await until(async () => (await verdict('duplicate')) === 2, 'the repeats');
    expect(arrived().toSorted((a, b) => a.localeCompare(b))).toEqual([
      'early-1',
      'early-2',
      'later',
    ]);
    expect(await service.metric('held_items')).toBe(0);
  });

  it('have sequences of one width, in the order that they came', async () => {
    service = await startService();
    await watchSink(service, receiver);
    await service.post(genuineText(...Array.from({ length: 12 }, (_, n) => `early-${n}`)));
    await importIt();
    await service.post(genuineText('later'));
    await until(() => arrived().length === 13, 'all');
    const events = receiver.received.map(({ body }) => JSON.parse(body));
    const sequences = events.map(({ sequence }) => sequence as string);
    expect(new Set(sequences.map(({ length }) => length)).size).toBe(1);
    const inOrder = events.toSorted((a, b) => (a.sequence < b.sequence ? -1 : 1));
    expect(inOrder.map(({ data }) => data.id)).toEqual([
      ...Array.from({ length: 12 }, (_, n) => `early-${n}`),
      'later',
    ]);
  });

  it('outlast a restart in between', async () => {
    service = await startService();
    await watchSink(service, receiver);
    expect((await service.post(genuineText('early'))).status).toBe(202);
    service = await service.restart();
    expect(await service.metric('held_items')).toBe(1);
    await importIt();
    // Stopped before its outcome is written, a delivery would rightly be made again.
    await until(isDelivered, 'the early one');
    service = await service.restart();
    expect((await service.post(genuineText('later'))).status).toBe(202);
    await until(() => arrived().includes('later'), 'the later one');
    expect(arrived()).toEqual(['early', 'later']);
  });

  it('are given up after ten minutes, and counted', async () => {
    const clock = new SettlingClock([STORE_TIMEOUT_MS]);
    const env = { STORE_TIMEOUT_MS: String(STORE_TIMEOUT_MS) };
    service = await startService({ clock, env, folder: temporaryFolder() });
    expect((await service.post(genuineText('early'))).status).toBe(202);
    const end = clock.now() + 600_000;
    await clock.pass(600_000 - 5000);
    expect(await service.metric('held_items')).toBe(1);
    await until(async () => {
      await clock.pass(250);
      return (await service.metric('held_items')) === 0;
    }, 'the sweep');
    expect(clock.now()).toBeGreaterThan(end);
    expect(await verdict('unknown-subscription')).toBe(1);

    await watchSink(service, receiver);
    await importIt();
    expect((await service.post(genuineText('later'))).status).toBe(202);
    await until(() => arrived().length > 0, 'the later one');
    expect(arrived()).toEqual(['later']);
  });
});
