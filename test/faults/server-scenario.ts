import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { until } from '../support/wait.ts';
import { askedDuring } from './asked-during.ts';
import type { Gateway, TimedAnswer } from './gateway.ts';

/** Something bad that is done to a server. */
export interface Fault {
  readonly begin: () => unknown;
  /** Ends it, also when its beginning failed half-way. */
  readonly end: () => unknown;
}

const PER_SECOND = 25;
const FAULT_MS = 3000;
// Every answer to Graph comes within this, whatever happens to the servers.
const ANSWER_MS = 2500;
// 10 s are promised; the rest is for a machine that runs other tests at the same time.
const BACK_MS = 15_000;

let made = 0;

/** Posts at a rate while the work goes on. */
function postDuring(gateway: Gateway, work: () => Promise<void>) {
  const ask = () => {
    made += 1;
    return gateway.post(`fault-${made}`);
  };
  return askedDuring({ everyMs: 1000 / PER_SECOND, ask }, work);
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
  const { answers, lagMs } = await postDuring(gateway, () => happen(fault, gateway, sinkDown));
  if (sinkDown) await letSinkReturn(gateway);
  const slowest = Math.max(...answers.map(({ ms }) => ms));
  expect(slowest - lagMs).toBeLessThan(ANSWER_MS);
  expect(answers.length).toBeGreaterThan(PER_SECOND);

  await until(() => arrivesAgain(gateway), 'a new notification arrives soon again', BACK_MS);
  await gateway.untilDelivered(60_000);
  expect(gateway.missing()).toEqual([]);
  return answers;
}

/** Begins and ends it; ends it whatever fails, because the next case needs server and sink. */
async function happen({ begin, end }: Fault, gateway: Gateway, sinkDown: boolean): Promise<void> {
  if (sinkDown) gateway.receiver.answer({ status: 503 });
  await sleep(500);
  try {
    await begin();
    await sleep(FAULT_MS);
    await end();
  } catch (error) {
    gateway.receiver.answer({});
    await end();
    throw error;
  }
  await sleep(500);
}

/** Enabled anew its lane need not wait for the next probe. */
async function letSinkReturn(gateway: Gateway): Promise<void> {
  gateway.receiver.answer({});
  let id: string | undefined;
  await until(
    async () => {
      const { body } = await gateway.api('GET', '/api/sinks');
      id = body.data?.find(({ kind }: { kind: string }) => kind === 'webhook')?.id;
      return id !== undefined;
    },
    'the sinks are listed',
    BACK_MS,
  );
  for (const enabled of [false, true]) {
    const change = () => gateway.api('PATCH', `/api/sinks/${id}`, { enabled });
    await until(async () => (await change()).status === 200, 'the sink is switched', BACK_MS);
  }
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
