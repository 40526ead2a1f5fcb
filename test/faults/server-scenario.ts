import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { until } from '../support/wait.ts';
import type { Gateway, TimedAnswer } from './gateway.ts';

/** Makes something bad of a server, and gives what ends it. */
export type Fault = () => Promise<() => void | Promise<void>>;

const PER_SECOND = 25;
const FAULT_MS = 3000;
// Every answer to Graph comes within this, whatever happens to the servers.
const ANSWER_MS = 2500;
const BACK_MS = 10_000;

let made = 0;

/** Posts at a rate while the work goes on, whatever is answered. */
async function postDuring(gateway: Gateway, work: () => Promise<void>): Promise<TimedAnswer[]> {
  const answers: Promise<TimedAnswer>[] = [];
  const timer = setInterval(() => {
    made += 1;
    answers.push(gateway.post(`fault-${made}`));
  }, 1000 / PER_SECOND);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
  return Promise.all(answers);
}

/**
 * A fault that comes while notifications arrive, and goes. Graph is answered in time throughout;
 * within 10 s of the server's return all is as before; what was acknowledged arrives. Gives the
 * answers, for what else has to hold of them.
 */
export async function survive(
  gateway: Gateway,
  fault: Fault,
  { sinkDown }: { sinkDown: boolean },
): Promise<readonly TimedAnswer[]> {
  await gateway.untilDelivered();
  if (sinkDown) gateway.receiver.answer({ status: 503 });
  const answers = await postDuring(gateway, async () => {
    await sleep(500);
    const end = await fault();
    await sleep(FAULT_MS);
    await end();
    await sleep(500);
  });
  const slowest = Math.max(...answers.map(({ ms }) => ms));
  expect(slowest).toBeLessThan(ANSWER_MS);
  expect(answers.length).toBeGreaterThan(PER_SECOND);

  if (sinkDown) await letSinkReturn(gateway);
  await until(() => arrivesAgain(gateway), 'a new notification arrives soon again', BACK_MS);
  await gateway.untilDelivered(60_000);
  expect(gateway.missing()).toEqual([]);
  return answers;
}

/** Enabled anew its lane need not wait for the next probe. */
async function letSinkReturn(gateway: Gateway): Promise<void> {
  gateway.receiver.answer({});
  const { body } = await gateway.api('GET', '/api/sinks');
  const { id } = body.data.find(({ kind }: { kind: string }) => kind === 'webhook');
  for (const enabled of [false, true]) await gateway.api('PATCH', `/api/sinks/${id}`, { enabled });
}

/** Not only what waits: something that comes in now. */
async function arrivesAgain(gateway: Gateway): Promise<boolean> {
  made += 1;
  const id = `again-${made}`;
  const { status } = await gateway.post(id);
  if (status !== 202) {
    await sleep(200);
    return false;
  }
  const arrived = until(() => !gateway.missing().includes(id), `${id} arrives`, 2000);
  return arrived.then(
    () => true,
    () => false,
  );
}
