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
    for (const { url } of [fine, ...bad]) {
      // As many at once as a sink may have.
      const sink = { name: 'memory', kind: 'webhook', url, concurrency: 200 };
      expect((await api('POST', '/api/sinks', sink)).status).toBe(201);
    }

    for (let count = 0; count < POSTS; count += 1) {
      const ids = Array.from({ length: BATCH }, (_none, at) => `n-${count * BATCH + at}`);
      expect(await post(child.url, ids)).toBe(true);
    }
    const arrived = () => arrivals(fine.received.map(({ body }) => body)).size;
    await until(
      () => fine.received.length >= POSTS * BATCH && arrived() === POSTS * BATCH,
      'the fine sink has it all',
      30_000,
    );
    // Each bad lane is as busy as it may be, and what it cannot take waits in the store.
    for (const { received } of bad) expect(received.length).toBeGreaterThanOrEqual(200);
    expect(bad.slice(0, 3).map(({ received }) => received.length)).toEqual([200, 200, 200]);

    const peakMib = peakMemoryMib(child.pid);
    process.stdout.write(`memory: ${JSON.stringify({ peakMib, limitMib: LIMIT_MIB })}\n`);
    expect(peakMib).toBeLessThan(LIMIT_MIB);
  },
  60_000,
);
