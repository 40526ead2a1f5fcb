import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ChildService, startChild } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { askApi, importSamples, OPERATOR_KEY } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { anItem, post } from './load.ts';
import { peakMemoryMib } from './peak-memory.ts';
import { askOnly, openSockets, trickle } from './slow-sockets.ts';

const GRAPH_WAITS_MS = 3000;
// What a look once a second, a second to read the refusal and a busy machine add to a limit.
const SLACK_MS = 5000;
const LIMIT_MIB = 600;
const ITEM_BYTES = 3 * 1024 * 1024;

// Linux lists the sockets of a process; elsewhere this is left out, and the run counts it as skipped.
const onLinux = process.platform === 'linux' ? it : it.skip;

const HOST = 'Host: localhost';
const JSON_HEADERS = 'Content-Type: application/json\r\nContent-Length: 1000';
const KEY = `X-API-Key: ${OPERATOR_KEY}`;

/** Who sends slowly: how many, their first bytes, what they are told, and when they are cut off. */
const SLOW = {
  headers: {
    count: 500,
    head: `GET /health HTTP/1.1\r\n${HOST}\r\nX: `,
    statuses: [408],
    withinMs: 10_000,
  },
  'bodies to Graph’s endpoint': {
    count: 100,
    head: `POST /webhooks/graph HTTP/1.1\r\n${HOST}\r\n${JSON_HEADERS}\r\n\r\n`,
    statuses: [408],
    withinMs: 2000,
  },
  'bodies to the API': {
    count: 50,
    head: `POST /api/sinks HTTP/1.1\r\n${HOST}\r\n${KEY}\r\n${JSON_HEADERS}\r\n\r\n`,
    statuses: [408],
    withinMs: 10_000,
  },
  // Answered at once; what they go on sending is nothing that has another answer.
  'bodies to the API, without a key': {
    count: 50,
    head: `POST /api/sinks HTTP/1.1\r\n${HOST}\r\n${JSON_HEADERS}\r\n\r\n`,
    statuses: [401],
    withinMs: 30_000,
  },
};
/** Who reads no answer: operators wait for a large one, strangers ask on and on. */
const DEAF_OPERATORS = 20;
const DEAF_STRANGERS = 80;
const QUESTIONS = `GET /health HTTP/1.1\r\n${HOST}\r\n\r\n`.repeat(100);

const folder = temporaryFolder();
let child: ChildService;

beforeAll(async () => {
  child = await startChild({ dataDir: folder.path });
});
afterAll(async () => {
  await child.end('SIGKILL');
  folder.remove();
});

onLinux(
  '700 slow clients are cut off in time, and 100 deaf ones do no harm: everybody else is served',
  async () => {
    const largeId = await keepLargeItem();
    const socketsBefore = openSockets(child.pid);
    const question = `GET /api/notifications/${largeId} HTTP/1.1\r\n${HOST}\r\n${KEY}\r\n\r\n`;
    const deaf = [
      ...(await times(DEAF_OPERATORS, () => askOnly(child.url, question))),
      ...(await times(DEAF_STRANGERS, () => askOnly(child.url, QUESTIONS))),
    ];
    const slow = await Promise.all(
      Object.entries(SLOW).map(async ([name, kind]) => {
        return {
          name,
          kind,
          sockets: await times(kind.count, () => trickle(child.url, kind.head)),
        };
      }),
    );

    const all = slow.flatMap(({ sockets }) => sockets);
    const answered = await serveWhile(() => all.some((one) => one.openForMs() === undefined));

    for (const { name, kind, sockets } of slow) {
      for (const one of sockets) {
        expect([name, one.statuses()]).toEqual([name, kind.statuses]);
        expect(one.openForMs()).toBeLessThan(kind.withinMs + SLACK_MS);
      }
    }
    for (const one of deaf) one.cut();
    await until(() => openSockets(child.pid) <= socketsBefore + 10, 'the sockets are closed');
    const peakMib = peakMemoryMib(child.pid);
    process.stdout.write(`slow clients: ${JSON.stringify({ answered, peakMib })}\n`);
    expect(peakMib).toBeLessThan(LIMIT_MIB);
    const metrics = await (await fetch(`${child.metricsUrl}/metrics`)).text();
    expect(metrics).not.toMatch(/^http_requests_total\{.*status_code="5/m);
    expect(child.lines.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  },
  60_000,
);

/** Asks as Graph does until all is over; each is answered well, and in time. */
async function serveWhile(goesOn: () => boolean): Promise<number> {
  let answered = 0;
  while (goesOn()) {
    const startedAt = performance.now();
    const asked = await fetch(`${child.url}/webhooks/graph?validationToken=a`, { method: 'POST' });
    expect([asked.status, await asked.text()]).toEqual([200, 'a']);
    expect(performance.now() - startedAt).toBeLessThan(GRAPH_WAITS_MS);
    const postedAt = performance.now();
    expect(await post(child.url, [`meanwhile-${answered}`])).toBe(true);
    expect(performance.now() - postedAt).toBeLessThan(GRAPH_WAITS_MS);
    answered += 2;
    await sleep(50); // others' slowness is what takes the time
  }
  return answered;
}

/** Has the service receive something that no socket's buffer can take, and gives its id. */
async function keepLargeItem(): Promise<string> {
  const api = (method: string, path: string, body?: unknown) =>
    askApi(child.url, { method, path, body });
  await importSamples({ api });
  const value = [{ ...anItem('large'), large: 'x'.repeat(ITEM_BYTES) }];
  const headers = { 'content-type': 'application/json' };
  const body = JSON.stringify({ value });
  await fetch(`${child.url}/webhooks/graph`, { method: 'POST', headers, body });
  const listed = async () => (await api('GET', '/api/notifications')).body.data;
  await until(async () => (await listed()).length > 0, 'the large item');
  return (await listed())[0].id;
}

function times<T>(count: number, make: () => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, make));
}
