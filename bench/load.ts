import { Pool } from 'undici';

export interface Figures {
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
}

export interface RequestToSend {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Sends `count` requests over so many connections, each as soon as the one before is answered. */
export async function drive(
  url: string,
  options: { connections: number; count: number; status: number; next: () => RequestToSend },
): Promise<Figures> {
  const pool = new Pool(url, { connections: options.connections });
  const times: number[] = [];
  let left = options.count;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: options.connections }, async () => {
      while (left > 0) {
        left -= 1;
        times.push(await timed(pool, options.next(), options.status));
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  await pool.close();
  return figures(times, seconds);
}

/** Sends at a rate, whether the answers come or not, as Graph does. */
export async function pace(
  url: string,
  options: { perSecond: number; seconds: number; status: number; next: () => RequestToSend },
): Promise<Figures> {
  const pool = new Pool(url, { connections: 64 });
  const sending: Promise<number>[] = [];
  const startedAt = performance.now();
  const total = options.perSecond * options.seconds;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(
        total,
        Math.floor(((performance.now() - startedAt) / 1000) * options.perSecond),
      );
      while (sending.length < due) sending.push(timed(pool, options.next(), options.status));
      if (sending.length < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
  const times = await Promise.all(sending);
  await pool.close();
  return figures(times, (performance.now() - startedAt) / 1000);
}

async function timed(pool: Pool, request: RequestToSend, status: number): Promise<number> {
  const startedAt = performance.now();
  const answer = await pool.request({ ...request, headers: request.headers ?? {} });
  await answer.body.dump();
  if (answer.statusCode !== status) throw new Error(`answered ${answer.statusCode}`);
  return performance.now() - startedAt;
}

export function figures(times: readonly number[], seconds: number): Figures {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number) => sorted[Math.floor(sorted.length * share)] ?? Number.NaN;
  return { perSecond: times.length / seconds, p50: at(0.5), p99: at(0.99) };
}
