import { ourDelivery, postToArrival } from './delivery.ts';
import { openDataServers, type DataServers } from './data-servers.ts';
import { getSubscription, notificationPost, prepare } from './graph.ts';
import { checkLimits } from './limit-check.ts';
import { drive, type Figures, type RequestToSend } from './load.ts';
import { startSallyport } from './servers.ts';
import { showRate, type Row } from './table.ts';

type Env = Record<string, string>;

interface Measured {
  readonly shown: string;
  readonly value: number;
}

const CONNECTIONS = 32;

// Fewer than against the bare servers: the stand-in for MongoDB makes some 850 durable inserts a
// second, and a notification is six of them.
const BENCHES: Record<string, { what: string; measure: (env: Env) => Promise<Measured> }> = {
  handshake: {
    what: 'handshake',
    measure: rate(10_000, 200, () => ({
      method: 'POST',
      path: '/webhooks/graph?validationToken=Validation%3a+ok',
    })),
  },
  'one-item': { what: 'one-item POST', measure: rate(2000, 202, () => notificationPost(1)) },
  'twenty-items': { what: '20-item POST', measure: rate(200, 202, () => notificationPost(20)) },
  get: { what: 'limited GET of a subscription', measure: rate(5000, 200, getSubscription) },
  delivery: {
    what: '2000 notifications to one sink',
    async measure(env) {
      const perSecond = await ourDelivery({ notifications: 2000, connections: 2, env });
      return { shown: `${perSecond.toFixed(0)}/s`, value: perSecond };
    },
  },
  latency: {
    what: 'POST to arrival, 20 POST/s, p99',
    async measure(env) {
      const { p50, p99 } = await postToArrival({ perSecond: 20, seconds: 15, env });
      return { shown: `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)} ms`, value: p99 };
    },
  },
};

/** Both families, each bench on one after the other; and the limits, which only servers share. */
export async function openFamilies() {
  const servers = await openDataServers();
  const benches: Record<string, () => Promise<Row[]>> = {};
  for (const [name, bench] of Object.entries(BENCHES)) {
    benches[name] = async () => [await compare(bench, servers)];
  }
  benches['limits'] = () => checkLimits(servers);
  return { benches, close: () => servers.close() };
}

async function compare(
  { what, measure }: { what: string; measure: (env: Env) => Promise<Measured> },
  servers: DataServers,
): Promise<Row> {
  const patience = { ACK_TIMEOUT_MS: '3000' }; // what Graph has, since the stand-in needs it
  const embedded = await measure(patience);
  const onServers = await measure({ ...servers.newEnv(), ...patience });
  return {
    what,
    left: embedded.shown,
    right: onServers.shown,
    value: onServers.value / embedded.value,
  };
}

function rate(count: number, status: number, next: () => RequestToSend) {
  return async function measure(env: Env): Promise<Measured> {
    const ours = await startSallyport(env);
    await prepare(ours);
    const load = { connections: CONNECTIONS, status, next };
    await drive(ours.url, { ...load, count: count / 5 });
    const measured: Figures = await drive(ours.url, { ...load, count });
    await ours.stop();
    return { shown: showRate(measured), value: measured.perSecond };
  };
}
