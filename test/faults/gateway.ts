import { startChild, type ChildService } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { askApi, importSamples, type ApiAnswer } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { anItem, arrivals } from './load.ts';

/** The service in a process of its own, a webhook, and the account between the two. */
export interface Gateway {
  readonly child: ChildService;
  readonly dataDir: string;
  readonly receiver: Receiver;
  /** Ids of the items of every POST that was answered 202. */
  readonly acknowledged: ReadonlySet<string>;
  /** Posts one item for each id, in one POST. */
  post(...ids: string[]): Promise<TimedAnswer>;
  handshake(): Promise<TimedAnswer>;
  get(path: string): Promise<TimedAnswer>;
  api(method: string, path: string, body?: unknown): Promise<ApiAnswer>;
  /** What was acknowledged and has not arrived. */
  missing(): readonly string[];
  /** Waits until all that was acknowledged has arrived, and nothing is on its way any more. */
  untilDelivered(withinMs?: number): Promise<void>;
  /** Waits for a line of its log: that is read apart from answers, and may come later. */
  untilSaid(line: RegExp): Promise<void>;
  /** Ends the process whatever it is doing, and removes its folder. */
  close(): Promise<void>;
}

export interface TimedAnswer {
  readonly status: number;
  readonly text: string;
  /** Whole seconds of `Retry-After`; `undefined` without it. */
  readonly retryAfter: number | undefined;
  readonly ms: number;
}

export async function startGateway(
  options: { env?: Record<string, string>; dataDir?: string } = {},
): Promise<Gateway> {
  const folder = temporaryFolder();
  const dataDir = options.dataDir ?? folder.path;
  const receiver = await startReceiver();
  const child = await startChild({ ...options, dataDir });
  const acknowledged = new Set<string>();
  const api = (method: string, path: string, body?: unknown) =>
    askApi(child.url, { method, path, body });
  const missing = () => {
    const counts = arrivals(receiver.received.map(({ body }) => body));
    return [...acknowledged].filter((id) => !counts.has(id));
  };

  async function close(): Promise<void> {
    await child.end('SIGKILL');
    await receiver.close();
    folder.remove();
  }

  try {
    await importSamples({ api });
    await api('POST', '/api/sinks', { name: 'faults', kind: 'webhook', url: receiver.url });
  } catch (error) {
    await close();
    throw error;
  }

  return {
    child,
    dataDir,
    receiver,
    acknowledged,
    api,
    missing,

    async post(...ids) {
      const answer = await ask(`${child.url}/webhooks/graph`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ value: ids.map(anItem) }),
      });
      if (answer.status === 202) for (const id of ids) acknowledged.add(id);
      return answer;
    },

    handshake: () => ask(`${child.url}/webhooks/graph?validationToken=hello`, { method: 'POST' }),

    get: (path) => ask(`${child.url}${path}`, {}),

    async untilDelivered(withinMs = 30_000) {
      await until(() => missing().length === 0, 'all that was acknowledged arrives', withinMs);
      await until(() => isIdle(child, api), 'nothing is on its way any more', withinMs);
    },

    untilSaid: (line) => until(() => child.lines.some((one) => line.test(one)), `a line ${line}`),

    close,
  };
}

/** No receipt waits to be expanded, and no delivery is open. */
async function isIdle(child: ChildService, api: Gateway['api']): Promise<boolean> {
  const metrics = await (await fetch(`${child.metricsUrl}/metrics`)).text();
  if (!/^inbox_backlog_receipts 0$/m.test(metrics)) return false;
  for (const state of ['due', 'claimed']) {
    const { status, body } = await api('GET', `/api/notifications?limit=1&delivery=${state}`);
    if (status !== 200 || body.data.length > 0) return false;
  }
  return true;
}

async function ask(url: string, request: RequestInit): Promise<TimedAnswer> {
  const startedAt = performance.now();
  const answer = await fetch(url, request);
  const text = await answer.text();
  const retryAfter = answer.headers.get('retry-after');
  return {
    status: answer.status,
    text,
    retryAfter: retryAfter === null ? undefined : Number(retryAfter),
    ms: performance.now() - startedAt,
  };
}
