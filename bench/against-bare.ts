import { setTimeout as sleep } from 'node:timers/promises';
import { bareDelivery, CONCURRENCY, ourDelivery, postToArrival } from './delivery.ts';
import { getSubscription, notificationPost, openSink, prepare } from './graph.ts';
import { drive, pace, type RequestToSend } from './load.ts';
import { startBare, startSallyport } from './servers.ts';
import { showRate, type Row } from './table.ts';

const CONNECTIONS = 32;
const DELIVERIES = 20_000;

async function compareRates(
  what: string,
  bare: 'parse' | 'commit',
  options: { count: number; aim: number; next: () => RequestToSend; status: number },
): Promise<Row> {
  const theirs = await startBare(bare);
  const ours = await startSallyport();
  await prepare(ours);
  const load = { connections: CONNECTIONS, count: options.count, next: options.next };
  const warm = { ...load, count: options.count / 5 };
  await drive(theirs.url, { ...warm, status: 202 });
  await drive(ours.url, { ...warm, status: options.status });
  const bareFigures = await drive(theirs.url, { ...load, status: 202 });
  const ourFigures = await drive(ours.url, { ...load, status: options.status });
  await Promise.all([theirs.stop(), ours.stop()]);
  return {
    what,
    left: showRate(ourFigures),
    right: showRate(bareFigures),
    value: ourFigures.perSecond / bareFigures.perSecond,
    aim: options.aim,
  };
}

/** By name. Each gives what it found against a bare server, which does the least that the promise costs. */
export const AGAINST_BARE: Record<string, () => Promise<Row[]>> = {
  handshake: async () => [
    await compareRates('handshake, against parse', 'parse', {
      count: 20_000,
      aim: 0,
      status: 200,
      next: () => ({ method: 'POST', path: '/webhooks/graph?validationToken=Validation%3a+ok' }),
    }),
  ],

  'one-item': async () => [
    await compareRates('one-item POST, against commit', 'commit', {
      count: 20_000,
      aim: 0.6,
      status: 202,
      next: () => notificationPost(1),
    }),
  ],

  'twenty-items': async () => [
    await compareRates('20-item POST, against commit', 'commit', {
      count: 4000,
      aim: 0.85,
      status: 202,
      next: () => notificationPost(20),
    }),
  ],

  get: async () => [
    await compareRates('limited GET of a subscription, against parse', 'parse', {
      count: 20_000,
      aim: 0.6,
      status: 200,
      next: getSubscription,
    }),
  ],

  'sinks-down': async () => {
    const ours = await startSallyport();
    await prepare(ours, { name: 'down', kind: 'webhook', url: 'http://127.0.0.1:9/' });
    const { p99 } = await pace(ours.url, {
      perSecond: 200,
      seconds: 15,
      status: 202,
      next: () => notificationPost(20),
    });
    await ours.stop();
    const what = 'acknowledgement p99 in ms, 200 POST/s × 20 items, all sinks down';
    return [{ what, left: `${p99.toFixed(1)} ms`, value: p99, aim: 100, atMost: true }];
  },

  delivery: async () => {
    const bare = await bareDelivery(DELIVERIES);
    const ours = await ourDelivery({ notifications: DELIVERIES });
    return [
      {
        what: `${DELIVERIES} notifications to one sink, against a bare pool`,
        left: `${ours.toFixed(0)}/s`,
        right: `${bare.toFixed(0)}/s`,
        value: ours / bare,
        aim: 0.3,
      },
    ];
  },

  latency: async () => {
    const { p50, p99 } = await postToArrival({ perSecond: 100, seconds: 15 });
    const what = 'POST to arrival p99 in ms, 100 POST/s';
    const left = `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`;
    return [{ what, left, value: p99, aim: 7, atMost: true }];
  },

  'sink-down-rate': async () => {
    const sink = await openSink();
    const rates: number[] = [];
    for (const url of [sink.url, 'http://127.0.0.1:9/']) {
      const ours = await startSallyport();
      await prepare(ours, { name: 'sink', kind: 'webhook', url });
      const load = { connections: CONNECTIONS, status: 202, next: () => notificationPost(1) };
      await drive(ours.url, { ...load, count: 2000 });
      rates.push((await drive(ours.url, { ...load, count: 10_000 })).perSecond);
      await ours.stop();
    }
    sink.close();
    const [up = 1, down = 0] = rates;
    return [
      {
        what: 'acknowledgements with the sink down, against the sink up',
        left: `${down.toFixed(0)}/s`,
        right: `${up.toFixed(0)}/s`,
        value: down / up,
        aim: 0.9,
      },
    ];
  },

  resources: async () => {
    await (await startSallyport()).stop(); // the compiled modules are kept from then on
    const ours = await startSallyport();
    await sleep(1000);
    const atRest = ours.memoryMb();
    const sink = await openSink();
    await prepare(ours, {
      name: 'local',
      kind: 'webhook',
      url: sink.url,
      concurrency: CONCURRENCY,
    });
    const load = { connections: CONNECTIONS, count: 5000, status: 202 };
    await drive(ours.url, { ...load, next: () => notificationPost(20) });
    while (sink.count() < 100_000) await sleep(100);
    const after = ours.memoryMb();
    await ours.stop();
    sink.close();
    return [
      { what: 'start-up in ms', left: ours.startedInMs.toFixed(0), value: ours.startedInMs },
      { what: 'memory at rest in MB', left: String(atRest), value: atRest },
      { what: 'memory after 100,000 notifications in MB', left: String(after), value: after },
    ];
  },
};
