import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { importSamples, startService, type TestService } from '../support/service.ts';
import { SettlingClock } from '../support/settling-clock.ts';
import { until } from '../support/wait.ts';
import { arrivals, post } from './load.ts';

// Days of a turned clock are minutes of a busy machine.
jest.setTimeout(180_000);

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STORE_TIMEOUT_MS = 59_000;
const TRY_TIMEOUT_MS = 15_000;

let clock: SettlingClock;
let service: TestService;
let fine: Receiver;
let sick: Receiver;
let sickId: string;
let posted: string[];

beforeEach(async () => {
  clock = new SettlingClock([STORE_TIMEOUT_MS, TRY_TIMEOUT_MS]);
  service = await startService({ clock, env: { STORE_TIMEOUT_MS: String(STORE_TIMEOUT_MS) } });
  fine = await startReceiver();
  sick = await startReceiver({ answer: { status: 503 } });
  posted = [];
  await importSamples(service);
  await addWebhook('fine', fine);
  sickId = await addWebhook('sick', sick);
});
afterEach(async () => {
  await service.close();
  await Promise.all([fine.close(), sick.close()]);
});

async function addWebhook(name: string, { url }: Receiver): Promise<string> {
  const sink = { name, kind: 'webhook', url, concurrency: 1 };
  const { status, body } = await service.api('POST', '/api/sinks', sink);
  expect(status).toBe(201);
  return body.id;
}

async function notify(count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_none, at) => `n-${posted.length + at}`);
  expect(await post(service.url, ids)).toBe(true);
  posted.push(...ids);
  await clock.settled();
}

const arrivedAt = (receiver: Receiver) =>
  [...arrivals(receiver.received.map(({ body }) => body)).keys()].toSorted();

/** Each delivery to the sick sink, as the API shows it. */
async function sickDeliveries() {
  const deliveries = [];
  for (let cursor = ''; ;) {
    const { body } = await service.api('GET', `/api/notifications?limit=200${cursor}`);
    for (const { id } of body.data) {
      const shown = await service.api('GET', `/api/notifications/${id}`);
      deliveries.push(...shown.body.deliveries.filter((one: Shown) => one.sinkId === sickId));
    }
    if (body.nextCursor === null) return deliveries as Shown[];
    cursor = `&cursor=${encodeURIComponent(body.nextCursor)}`;
  }
}

interface Shown {
  readonly id: string;
  readonly sinkId: string;
  readonly state: string;
  readonly attempt: number;
  readonly reason: string | null;
  readonly attempts: readonly {
    readonly number: number;
    readonly outcome: string;
    readonly status: number | null;
    readonly reason: string | null;
    readonly answer: string | null;
  }[];
}

const sink = async () => (await service.api('GET', `/api/sinks/${sickId}`)).body;

async function deadLetters(): Promise<Shown[]> {
  return (await service.api('GET', '/api/dead-letters?limit=200')).body.data;
}

describe('a sink that is down for a day', () => {
  it('loses nothing, is asked every few minutes, and does not touch the others', async () => {
    const since = new Date(clock.now()).toISOString();
    for (let hour = 0; hour < 24; hour += 1) {
      await notify(10);
      expect(arrivedAt(fine)).toEqual(posted.toSorted());
      await clock.pass(HOUR, 30 * SECOND);
    }
    const asked = sick.received.length;
    // Five that opened the breaker, then a probe every 5 min at most.
    expect(asked).toBeGreaterThan(200);
    expect(asked).toBeLessThanOrEqual(5 + 3 + 24 * 12);
    const down = await sickDeliveries();
    expect(down).toHaveLength(240);
    expect(new Set(down.map(({ state }) => state))).toEqual(new Set(['due']));
    // What waits behind the breaker has not been tried, and is not charged for it.
    expect(down.reduce((sum, { attempts }) => sum + attempts.length, 0)).toBe(asked);
    expect(down.reduce((sum, { attempt }) => sum + attempt, 0)).toBe(asked);
    expect(await sink()).toMatchObject({ enabled: true, failingSince: since });

    sick.answer({ status: 200 });
    await clock.pass(4 * HOUR, 30 * SECOND);
    expect(arrivedAt(sick)).toEqual(posted.toSorted());
    expect((await sickDeliveries()).filter(({ state }) => state !== 'delivered')).toEqual([]);
    expect(await deadLetters()).toEqual([]);
    expect(await sink()).toMatchObject({ enabled: true, failingSince: null });
  });

  it('goes on after a restart in the middle of it', async () => {
    await notify(20);
    await clock.pass(HOUR, 30 * SECOND);
    sick.answer({ status: 200 });
    service = await service.restart();
    // Without the breaker of the former process, what is due by now goes out at once.
    await clock.settled();
    expect(arrivedAt(sick).length).toBeGreaterThan(0);
    await clock.pass(4 * HOUR, 30 * SECOND);
    expect(arrivedAt(sick)).toEqual(posted.toSorted());
    expect(await deadLetters()).toEqual([]);
  });
});

describe('a sink that is down for five days', () => {
  it('is disabled, and goes on at once when it is enabled again', async () => {
    for (let day = 0; day < 6; day += 1) {
      await notify(5);
      await clock.pass(DAY, 30 * MINUTE);
    }
    expect(await sink()).toMatchObject({ enabled: false, disabledReason: 'failing-for-5-days' });
    const asked = sick.received.length;
    await notify(5);
    await clock.pass(DAY, 30 * MINUTE);
    expect(sick.received).toHaveLength(asked);
    expect(arrivedAt(fine)).toEqual(posted.toSorted());

    // Nothing died but what had its ten tries.
    const dead = await deadLetters();
    expect(dead.filter(({ attempt }) => attempt !== 10)).toEqual([]);
    sick.answer({ status: 200 });
    const enabled = await service.api('PATCH', `/api/sinks/${sickId}`, { enabled: true });
    expect(enabled.body).toMatchObject({ enabled: true, disabledReason: null, failingSince: null });
    await clock.settled();
    const all = asked + posted.length - dead.length;
    await until(() => sick.received.length >= all, 'all that waited has gone out');
    expect(sick.received).toHaveLength(all);
  });
});

describe('a sink that is gone', () => {
  it('is disabled by a 410; others go on, and so does this one when it is enabled', async () => {
    sick.answer({ status: 410, body: 'moved away' });
    await notify(20);
    expect(sick.received).toHaveLength(1);
    expect(await sink()).toMatchObject({ enabled: false, disabledReason: 'gone' });
    await notify(5);
    await clock.pass(HOUR, 30 * SECOND);
    expect(sick.received).toHaveLength(1);
    expect(arrivedAt(fine)).toEqual(posted.toSorted());
    const [dead, ...more] = await deadLetters();
    expect(dead).toMatchObject({ sinkId: sickId, attempt: 1, reason: 'http-410' });
    expect(more).toEqual([]);

    sick.answer({ status: 200 });
    await service.api('PATCH', `/api/sinks/${sickId}`, { enabled: true });
    await until(() => sick.received.length >= 1 + 24, 'all that waited has gone out');
    await clock.settled();
    expect(sick.received).toHaveLength(1 + 24);
    const redriven = await service.api('POST', '/api/dead-letters/redrive', { ids: [dead?.id] });
    expect(redriven.body).toEqual({ count: 1 });
    await clock.settled();
    expect(arrivedAt(sick)).toEqual(posted.toSorted());
    const again = (await sickDeliveries()).find(({ id }) => id === dead?.id);
    expect(again?.attempts.map(({ number, status }) => [number, status])).toEqual([
      [1, 410],
      [2, 200],
    ]);
  });

  it('gets nothing more once it was deleted, whatever was on its way', async () => {
    await notify(20);
    await clock.pass(MINUTE);
    const asked = sick.received.length;
    expect((await service.api('DELETE', `/api/sinks/${sickId}`)).status).toBe(204);
    sick.answer({ status: 200 });
    await clock.settled();
    await notify(5);
    await clock.pass(DAY, 5 * MINUTE);
    expect(sick.received).toHaveLength(asked);
    expect(arrivedAt(fine)).toEqual(posted.toSorted());
    expect(await sickDeliveries()).toHaveLength(20);
  });
});

describe('a sink that asks for time', () => {
  it.each([
    ['2 hours', '7200', 2 * HOUR],
    ['two days, of which it gets one', String(48 * 3600), DAY],
  ])('gets it: %s', async (_what, seconds, waitMs) => {
    sick.answer({ status: 429, headers: { 'retry-after': seconds } });
    await notify(1);
    sick.answer({ status: 200 });
    await clock.pass(waitMs - MINUTE, 30 * SECOND);
    expect(sick.received).toHaveLength(1);
    await clock.pass(MINUTE + 5 * SECOND);
    expect(sick.received).toHaveLength(2);
    expect(await deadLetters()).toEqual([]);
  });
});

describe('the attempts of a delivery', () => {
  it('tell how each try ended, with the beginning of the answer', async () => {
    sick.answer({ status: 503, body: `{"why":"${'ä'.repeat(4000)}"}` });
    await notify(1);
    sick.answer({ instead: 'reset' });
    await clock.pass(6 * SECOND);
    sick.answer({ status: 404, body: '' });
    await clock.pass(40 * SECOND);
    const [delivery] = await sickDeliveries();
    expect(delivery).toMatchObject({ state: 'dead', attempt: 3, reason: 'http-404' });
    const [first, ...rest] = delivery?.attempts ?? [];
    expect(first).toMatchObject({ number: 1, outcome: 'retry', status: 503, reason: 'http-503' });
    // 1 KiB, cut between characters: 8 bytes before the first of two bytes each.
    expect(first?.answer).toBe(`{"why":"${'ä'.repeat((1024 - 8) / 2)}`);
    expect(rest).toMatchObject([
      { number: 2, outcome: 'retry', status: null, reason: 'connection', answer: null },
      { number: 3, outcome: 'dead', status: 404, reason: 'http-404', answer: null },
    ]);
  });
});
