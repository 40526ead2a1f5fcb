// Every figure is a ratio within one run, on one machine, against a bare server that does the least
// that the same promise costs. `node bench/run.ts` runs all, `node bench/run.ts one-item` some.
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { getSubscription, notificationPost, openSink, prepare } from './graph.ts';
import { drive, figures, pace, type RequestToSend } from './load.ts';
import { startBare, startSallyport } from './servers.ts';

interface Row {
  readonly what: string;
  readonly ours: string;
  readonly bare?: string;
  readonly value: number;
  readonly aim?: number;
  /** Lower is better. */
  readonly atMost?: boolean;
}

const CONNECTIONS = 32;
const DELIVERIES = 20_000;
const CONCURRENCY = 64;

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
    ours: `${ourFigures.perSecond.toFixed(0)}/s, p99 ${ourFigures.p99.toFixed(1)} ms`,
    bare: `${bareFigures.perSecond.toFixed(0)}/s, p99 ${bareFigures.p99.toFixed(1)} ms`,
    value: ourFigures.perSecond / bareFigures.perSecond,
    aim: options.aim,
  };
}

const BENCHES: Record<string, () => Promise<Row[]>> = {
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
    return [{ what, ours: `${p99.toFixed(1)} ms`, value: p99, aim: 100, atMost: true }];
  },

  delivery: async () => {
    const bare = await bareDelivery();
    const ours = await ourDelivery();
    return [
      {
        what: `${DELIVERIES} notifications to one sink, against a bare pool`,
        ours: `${ours.toFixed(0)}/s`,
        bare: `${bare.toFixed(0)}/s`,
        value: ours / bare,
        aim: 0.3,
      },
    ];
  },

  latency: async () => {
    const sink = await openSink();
    const ours = await startSallyport();
    await prepare(ours, { name: 'local', kind: 'webhook', url: sink.url });
    const sentAt = new Map<string, number>();
    const times: number[] = [];
    sink.onArrival((body) => {
      const { data } = JSON.parse(body) as { data: { id: string } };
      times.push(performance.now() - (sentAt.get(data.id) ?? Number.NaN));
    });
    const next = () => {
      const request = notificationPost(1);
      const { value } = JSON.parse(request.body ?? '') as { value: { id: string }[] };
      sentAt.set(value[0]?.id ?? '', performance.now());
      return request;
    };
    await pace(ours.url, { perSecond: 100, seconds: 3, status: 202, next });
    times.length = 0;
    await pace(ours.url, { perSecond: 100, seconds: 15, status: 202, next });
    await sleep(500);
    await ours.stop();
    sink.close();
    const { p50, p99 } = figures(times, 15);
    const what = 'POST to arrival p99 in ms, 100 POST/s';
    const shown = `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms of ${times.length}`;
    return [{ what, ours: shown, value: p99, aim: 7, atMost: true }];
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
        ours: `${down.toFixed(0)}/s`,
        bare: `${up.toFixed(0)}/s`,
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
      { what: 'start-up in ms', ours: ours.startedInMs.toFixed(0), value: ours.startedInMs },
      { what: 'memory at rest in MB', ours: String(atRest), value: atRest },
      { what: 'memory after 100,000 notifications in MB', ours: String(after), value: after },
    ];
  },
};

/** The same events, signed and posted by a pool and nothing else. */
async function bareDelivery(): Promise<number> {
  const sink = await openSink();
  const { origin } = new URL(sink.url);
  const pool = new Pool(origin, { connections: CONCURRENCY });
  const { value } = JSON.parse(notificationPost(1).body ?? '') as { value: object[] };
  let left = DELIVERIES;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (left > 0) {
        left -= 1;
        const body = JSON.stringify({ specversion: '1.0', id: String(left), data: value[0] });
        const timestamp = String(Math.floor(Date.now() / 1000));
        const signature = createHmac('sha256', 'secret')
          .update(`${left}.${timestamp}.${body}`)
          .digest('base64');
        const headers = {
          'content-type': 'application/cloudevents+json',
          'webhook-id': String(left),
          'webhook-timestamp': timestamp,
          'webhook-signature': `v1,${signature}`,
        };
        const answer = await pool.request({ method: 'POST', path: '/events', headers, body });
        await answer.body.dump();
      }
    }),
  );
  const rate = DELIVERIES / ((performance.now() - startedAt) / 1000);
  await pool.close();
  sink.close();
  return rate;
}

async function ourDelivery(): Promise<number> {
  const sink = await openSink();
  const ours = await startSallyport();
  await prepare(ours, { name: 'local', kind: 'webhook', url: sink.url, concurrency: CONCURRENCY });
  const startedAt = performance.now();
  const next = () => notificationPost(20);
  await drive(ours.url, { connections: 8, count: DELIVERIES / 20, status: 202, next });
  while (sink.count() < DELIVERIES) await sleep(5);
  const rate = DELIVERIES / ((performance.now() - startedAt) / 1000);
  await ours.stop();
  sink.close();
  return rate;
}

function show({ what, ours, bare = '', value, aim, atMost }: Row): boolean {
  const met = aim === undefined || (atMost === true ? value <= aim : value >= aim);
  const mark = aim === undefined ? '' : met ? 'met' : 'MISSED';
  const goal = aim === undefined ? '' : `${atMost === true ? '≤' : '≥'} ${aim}`;
  console.log(`| ${what} | ${ours} | ${bare} | ${value.toFixed(2)} | ${goal} | ${mark} |`);
  return met;
}

const wanted = process.argv.slice(2);
const names = wanted.length > 0 ? wanted : Object.keys(BENCHES);
console.log('| what | Sallyport | bare | value | aim | |\n|---|---|---|---|---|---|');
let failed = 0;
for (const name of names) {
  const bench = BENCHES[name];
  if (bench === undefined) throw new Error(`no such benchmark: ${name}`);
  for (const row of await bench()) if (!show(row)) failed += 1;
}
process.exitCode = failed > 0 ? 1 : 0;
