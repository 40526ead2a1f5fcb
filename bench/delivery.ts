import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { notificationPost, openSink, prepare } from './graph.ts';
import { drive, figures, pace, type Figures } from './load.ts';
import { startSallyport } from './servers.ts';

/** How many deliveries to one sink are under way at once. */
export const CONCURRENCY = 64;

/** The same events, signed and posted by a pool and nothing else. */
export async function bareDelivery(notifications: number): Promise<number> {
  const sink = await openSink();
  const { origin } = new URL(sink.url);
  const pool = new Pool(origin, { connections: CONCURRENCY });
  const { value } = JSON.parse(notificationPost(1).body ?? '') as { value: object[] };
  let left = notifications;
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
  const rate = notifications / ((performance.now() - startedAt) / 1000);
  await pool.close();
  sink.close();
  return rate;
}

/** Notifications a second from the first POST to the last arrival, 20 in a POST. */
export async function ourDelivery(options: {
  notifications: number;
  connections?: number;
  env?: Record<string, string>;
}): Promise<number> {
  const { notifications, connections = 8, env } = options;
  const sink = await openSink();
  const ours = await startSallyport(env);
  await prepare(ours, { name: 'local', kind: 'webhook', url: sink.url, concurrency: CONCURRENCY });
  const startedAt = performance.now();
  const next = () => notificationPost(20);
  await drive(ours.url, { connections, count: notifications / 20, status: 202, next });
  while (sink.count() < notifications) await sleep(5);
  const rate = notifications / ((performance.now() - startedAt) / 1000);
  await ours.stop();
  sink.close();
  return rate;
}

/** From sending a POST of one item to its event at a sink, at a rate that all keep up with. */
export async function postToArrival(options: {
  perSecond: number;
  seconds: number;
  env?: Record<string, string>;
}): Promise<Figures> {
  const { perSecond, seconds, env } = options;
  const sink = await openSink();
  const ours = await startSallyport(env);
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
  await pace(ours.url, { perSecond, seconds: 3, status: 202, next });
  while (times.length < perSecond * 3) await sleep(5);
  times.length = 0;
  await pace(ours.url, { perSecond, seconds, status: 202, next });
  while (times.length < perSecond * seconds) await sleep(5);
  await ours.stop();
  sink.close();
  return figures(times, seconds);
}
