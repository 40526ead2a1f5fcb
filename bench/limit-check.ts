import { randomUUID } from 'node:crypto';
import { createMemoryRateStore } from '../src/adapters/memory/rate-store.ts';
import { connectForCommands } from '../src/adapters/redis/connect.ts';
import { createFailoverRateStore } from '../src/adapters/redis/failover-rate-store.ts';
import { createRedisRateStore } from '../src/adapters/redis/rate-store.ts';
import { systemClock } from '../src/adapters/telemetry/clock.ts';
import { Secret } from '../src/domain/secret.ts';
import { openBreakers } from '../test/support/breakers.ts';
import { silentLog } from '../test/support/silent-log.ts';
import type { DataServers } from './data-servers.ts';
import { drive, figures, pace, type Figures, type RequestToSend } from './load.ts';
import { OPERATOR_KEY, startSallyport, type Running } from './servers.ts';
import { showRate, type Row } from './table.ts';

// A little more than is aimed at: the last answer comes after the last request.
const PER_SECOND = 1050;
const SECONDS = 10;
const CONCURRENCY = 50;
const HITS = 20_000;

const HEADERS = { 'x-api-key': OPERATOR_KEY };

/** Counted in Redis as any other, and then of nothing: so that MongoDB has no part in it. */
const LIMITED: RequestToSend = {
  method: 'GET',
  path: '/api/nothing',
  headers: HEADERS,
};

/** How long a hit takes in Redis, alone and while a service answers limited requests. */
export async function checkLimits(servers: DataServers): Promise<Row[]> {
  const rates = await openRates(servers.redisUrl);
  await hitAsFastAsAnswered(rates, HITS / 5);
  const alone = await hitAsFastAsAnswered(rates, HITS);
  const ours = await startSallyport({
    ...servers.newEnv(),
    RATE_LIMIT_API_WINDOW_MS: '600000', // the whole run is one window
  });
  const load = { status: 404, next: () => LIMITED };
  await drive(ours.url, { ...load, connections: 8, count: 2000 });
  const before = await remaining(ours);
  const hits = hitEvery(rates, 5);
  const requests = await pace(ours.url, { ...load, perSecond: PER_SECOND, seconds: SECONDS });
  const under = await hits.stop();
  const counted = before - (await remaining(ours)) - 1;
  if (counted < PER_SECOND * SECONDS) throw new Error(`only ${counted} were counted in Redis`);
  await ours.stop();
  rates.close();
  return [
    {
      what: `\`hit\` in Redis p99 in ms, ${CONCURRENCY} at once`,
      left: '',
      right: showRate(alone),
      value: alone.p99, // no aim: at saturation it is the length of the queue
    },
    {
      what: `limited GETs a second, paced for ${SECONDS} s`,
      left: '',
      right: showRate(requests),
      value: requests.perSecond,
      aim: 1000,
    },
    {
      what: '`hit` in Redis p99 in ms, meanwhile',
      left: '',
      right: `p50 ${under.p50.toFixed(1)}, p99 ${under.p99.toFixed(1)} ms`,
      value: under.p99,
      aim: 5,
      atMost: true,
    },
  ];
}

type Rates = Awaited<ReturnType<typeof openRates>>;

/** Joined as by the service, in keys of its own. A hit that Redis did not count is an error. */
async function openRates(redisUrl: string) {
  const redis = connectForCommands({ url: new Secret(redisUrl), connectTimeoutMs: 5000 }, 2000);
  await redis.connect();
  const store = createFailoverRateStore({
    shared: createRedisRateStore({
      redis,
      prefix: `bench-${randomUUID()}`,
      maxKeysPerPolicy: 50_000,
    }),
    local: createMemoryRateStore({ clock: systemClock, maxKeysPerPolicy: 1 }),
    breakers: openBreakers(),
    clock: systemClock,
    log: silentLog,
    timeoutMs: 250,
  });
  let made = 0;

  return {
    /** Gives how long it took, in milliseconds. */
    async timedHit(): Promise<number> {
      made += 1;
      const startedAt = performance.now();
      const { degraded } = await store.hit(`api:${made % 1000}`, 60_000);
      if (degraded) throw new Error('a hit was not counted in Redis');
      return performance.now() - startedAt;
    },
    close() {
      store.close();
      redis.disconnect();
    },
  };
}

async function hitAsFastAsAnswered(rates: Rates, count: number): Promise<Figures> {
  const times: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      for (let left = count / CONCURRENCY; left > 0; left -= 1) times.push(await rates.timedHit());
    }),
  );
  return figures(times, (performance.now() - startedAt) / 1000);
}

/** One every so many milliseconds, until it is stopped. */
function hitEvery(rates: Rates, ms: number): { stop(): Promise<Figures> } {
  const hits: Promise<number>[] = [];
  const startedAt = performance.now();
  const timer = setInterval(() => hits.push(rates.timedHit()), ms);
  return {
    async stop() {
      clearInterval(timer);
      return figures(await Promise.all(hits), (performance.now() - startedAt) / 1000);
    },
  };
}

/** How many more requests the service would let through, by what it has counted. */
async function remaining({ url }: Running): Promise<number> {
  const answer = await fetch(`${url}${LIMITED.path}`, { headers: HEADERS });
  await answer.arrayBuffer();
  return Number(answer.headers.get('x-ratelimit-remaining'));
}
