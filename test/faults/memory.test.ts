import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startChild, type ChildService } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startReceiver, type AnswerScript, type Receiver } from '../support/receiver.ts';
import { askApi, importSamples } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { arrivals, post } from './load.ts';
import { peakMemoryMib } from './peak-memory.ts';

const POSTS = 50;
const BATCH = 100;
const LIMIT_MIB = 300;
// Three times what a sink has when nobody says otherwise.
const AT_ONCE = 60;

const NEVER_ENDING: AnswerScript = { bodyBytes: Infinity };
const HUNG: AnswerScript = { instead: 'hang' };

// Linux tells the peak of a process; elsewhere this is left out, and the run counts it as skipped.
const onLinux = process.platform === 'linux' ? it : it.skip;

const folder = temporaryFolder();
let child: ChildService;
let fine: Receiver;
let bad: Receiver[];

beforeAll(async () => {
  child = await startChild({ dataDir: folder.path });
  fine = await startReceiver();
  const answers = [HUNG, HUNG, HUNG, NEVER_ENDING];
  bad = await Promise.all(answers.map((answer) => startReceiver({ answer })));
});
afterAll(async () => {
  await child.end('SIGKILL');
  await Promise.all([fine, ...bad].map((receiver) => receiver.close()));
  folder.remove();
});

onLinux(
  'a backlog of 25,000 deliveries to sinks that hang and flood stays below 300 MiB',
  async () => {
    const api = (method: string, path: string, body?: unknown) =>
      askApi(child.url, { method, path, body });
    await importSamples({ api });
    const sinkIds: string[] = [];
    for (const { url } of [fine, ...bad]) {
      const sink = { name: 'memory', kind: 'webhook', url, concurrency: AT_ONCE };
      const { status, body } = await api('POST', '/api/sinks', sink);
      expect(status).toBe(201);
      sinkIds.push(body.id);
    }

    for (let count = 0; count < POSTS; count += 1) {
      const ids = Array.from({ length: BATCH }, (_none, at) => `n-${count * BATCH + at}`);
      expect(await post(child.url, ids)).toBe(true);
    }
    const arrived = () => arrivals(fine.received.map(({ body }) => body)).size;
    await until(
      () => fine.received.length >= POSTS * BATCH && arrived() === POSTS * BATCH,
      'the fine sink has it all',
      60_000,
    );
    // Each bad lane is as busy as it may be, and what it cannot take waits in the store.
    await until(
      () => bad.every(({ received }) => received.length >= AT_ONCE),
      'each bad one has as many as it may have at once',
    );
    const asked = bad.slice(0, 3).map(({ received }) => received.length);
    // A try that was given up after its 15 s, which a busy machine may come to, made room for another.
    const ended = await endedTries();
    for (const [at, count] of asked.entries()) {
      const room = AT_ONCE + (ended.get(sinkIds[at + 1] ?? '') ?? 0);
      expect(count).toBeLessThanOrEqual(room);
    }

    const peakMib = peakMemoryMib(child.pid);
    process.stdout.write(`memory: ${JSON.stringify({ peakMib, limitMib: LIMIT_MIB })}\n`);
    expect(peakMib).toBeLessThan(LIMIT_MIB);
  },
  100_000,
);

/** How many tries at each sink are over. */
async function endedTries(): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${child.metricsUrl}/metrics`)).text();
  const counts = new Map<string, number>();
  for (const [, sink = '', count] of text.matchAll(
    /^deliveries_total\{sink="([^"]+)".*\} (\d+)$/gm,
  )) {
    counts.set(sink, (counts.get(sink) ?? 0) + Number(count));
  }
  return counts;
}
