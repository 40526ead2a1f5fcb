import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { deliveryIdOf } from '../../src/domain/delivery/delivery.ts';
import type { HeldItem, Receipt } from '../../src/domain/notifications/receipt.ts';
import type { SinkAnswer } from '../../src/ports/notification-sink.ts';
import { aSink, aSubscription } from '../support/builders.ts';
import { temporaryFolder } from '../support/folder.ts';
import { Life } from './mortal.ts';
import { openWorld, readFiles, type Calls, type World, type WorldOptions } from './world.ts';

const SUBSCRIPTION = aSubscription({ id: '0f5b3c1e-8a7d-4e2f-9b6c-1d2e3f4a5b6c' });
const SINKS = [aSink({ id: 'sink-a' }), aSink({ id: 'sink-b' })];
const OPERATOR = {
  organizationId: 'default',
  id: 'operator',
  ipAddress: undefined,
  userAgent: undefined,
  requestId: 'r',
};

const UNAWAITED = new AbortController().signal;

const REFUSED: SinkAnswer = {
  outcome: 'dead',
  reason: 'http-400',
  gone: false,
  status: 400,
  body: '',
};
const DELIVERED: SinkAnswer = { outcome: 'delivered', status: 200, body: '' };
const BUSY: SinkAnswer = {
  outcome: 'retry',
  reason: 'http-503',
  status: 503,
  retryAfterMs: null,
  body: '',
};

function textOf(id: string): string {
  const { id: subscriptionId, tenantId } = SUBSCRIPTION;
  const resource = `Users/u/Messages/${id}`;
  return JSON.stringify({ id, subscriptionId, tenantId, changeType: 'created', resource });
}

/** The receipt of a POST that brought these; `at` orders receipts. */
function aReceipt(at: number, ids: readonly string[]): Receipt {
  const { organizationId, applicationId, id: subscriptionId } = SUBSCRIPTION;
  const owner = { organizationId, subscriptionId, applicationId };
  return {
    id: `${String(at).padStart(15, '0')}-00000-a1`,
    organizationId,
    receivedAt: at,
    tokens: null,
    items: ids.map((id, place) => ({ ...owner, place, text: textOf(id) })),
  };
}

function heldItems(at: number, ids: readonly string[], now: number): HeldItem[] {
  const { id: receiptId } = aReceipt(at, []);
  return ids.map((id, place) => ({
    id: `${receiptId}_${place}`,
    organizationId: 'default',
    subscriptionId: SUBSCRIPTION.id,
    receiptId,
    place,
    receivedAt: now,
    clientStateDigest: SUBSCRIPTION.clientStateDigest,
    tokens: null,
    text: textOf(id),
  }));
}

const FIRST = aReceipt(1, ['n-1', 'n-2', 'n-1']);
const SECOND = aReceipt(2, ['n-1']);

async function addSinks({ raw }: World): Promise<void> {
  for (const sink of SINKS) await raw.sinks.insert(sink);
}

async function append({ raw, clock }: World, receipt: Receipt): Promise<void> {
  await raw.inbox.append({ receipt }, clock.now() + 5000);
}

/** One way through the service, whose every step may be the last of a process. */
interface Flow {
  /** Graph's ids of what it is about. */
  readonly ids: readonly string[];
  /** What was there before, written by a process that lived. */
  readonly prepare: (world: World) => Promise<void>;
  readonly act: (world: World) => Promise<void>;
  /** The steps of `act` when nobody dies, in their order. */
  readonly steps: readonly string[];
  readonly answer?: WorldOptions['answer'];
  /** What the next process does before it starts. */
  readonly again?: (world: World) => Promise<void>;
  /** Whether the claims of the dead are given back at the start, or have to lapse. */
  readonly claims?: 'given back' | 'lapse';
  /** How often a sink may be called for one delivery, over all lives. */
  readonly mostCalls?: number;
}

/** Dies after each step in turn; the next process has to bring all to its end. */
async function dieAfterEachStep(flow: Flow): Promise<void> {
  const prepared = temporaryFolder();
  const calls: Calls = [];
  await inWorld({ folder: prepared.path, calls, answer: flow.answer }, flow.prepare);
  for (let most = 1; ; most += 1) {
    const folder = temporaryFolder();
    cpSync(prepared.path, folder.path, { recursive: true });
    const options = { folder: folder.path, calls: [...calls], answer: flow.answer };
    const { ended, steps } = await dieAfter(most, flow, options);
    folder.remove();
    if (!ended) continue;
    expect(steps).toEqual(flow.steps);
    break;
  }
  prepared.remove();
}

async function dieAfter(most: number, flow: Flow, options: WorldOptions) {
  const life = new Life(most);
  const ended = await inWorld({ ...options, life }, (first) => life.live(() => flow.act(first)));
  const steps = [...life.steps];
  await inWorld(options, async (next) => {
    if (flow.claims !== 'lapse') await next.raw.releaseClaims();
    await flow.again?.(next);
    await next.run();
  });
  expectWhole(options, { ...flow, when: `died after [${steps.join(', ')}]` });
  return { ended, steps };
}

async function inWorld<T>(options: WorldOptions, work: (world: World) => Promise<T>): Promise<T> {
  const world = await openWorld(options);
  try {
    return await work(world);
  } finally {
    await world.close();
  }
}

/** Each notification once, each once for each sink, brought there; and nothing is left over. */
function expectWhole(
  { folder, calls }: WorldOptions,
  { ids, when, mostCalls = 1 }: { ids: readonly string[]; when: string; mostCalls?: number },
): void {
  const { receipts, held, notifications, deliveries, successes } = readFiles(folder);
  const expected = notifications
    .flatMap(({ id }) => SINKS.map((sink) => deliveryIdOf(String(id), sink.id)))
    .toSorted();
  const callsOf = (id: string) => calls.filter((call) => call === id).length;
  expect({
    when,
    receipts,
    held,
    ids: notifications.map(({ data }) => String(JSON.parse(String(data)).id)).toSorted(),
    unexpanded: notifications.filter(({ expanded }) => expanded !== 1),
    deliveries,
    successes,
    notBrought: expected.filter((id) => callsOf(id) === 0),
    broughtTooOften: expected.filter((id) => callsOf(id) > mostCalls),
  }).toEqual({
    when,
    receipts: [],
    held: [],
    ids,
    unexpanded: [],
    deliveries: expected.map((id) => ({ id, state: 'delivered' })),
    successes: expected.map((id) => ({ id })),
    notBrought: [],
    broughtTooOften: [],
  });
}

const EXPANSION = ['insertNotifications', 'insertDeliveries', 'markExpanded', 'settle'];

describe('a process that dies between two of its writes', () => {
  it('expanding: goes on where it stopped', () =>
    dieAfterEachStep({
      ids: ['n-1', 'n-2'],
      async prepare(world) {
        await addSinks(world);
        await append(world, FIRST);
      },
      act: (world) => world.expandReceipt(FIRST.id),
      steps: EXPANSION,
    }));

  it('expanding: whoever finds its unfinished notification again finishes it', () =>
    dieAfterEachStep({
      ids: ['n-1', 'n-2'],
      async prepare(world) {
        await addSinks(world);
        await append(world, FIRST);
        await append(world, SECOND);
      },
      act: (world) => world.expandReceipt(FIRST.id),
      steps: EXPANSION,
      async again(world) {
        await world.expandReceipt(SECOND.id);
        const { data } = await world.raw.deliveries.search('default', {}, { limit: 10 });
        const shared = data.find(({ data }) => data === textOf('n-1'));
        const deliveries = await world.raw.deliveries.deliveriesOf(shared?.id ?? '');
        expect(deliveries.map(({ sinkId }) => sinkId)).toEqual(SINKS.map(({ id }) => id));
      },
    }));

  it('judging what was held: takes over each item once', () =>
    dieAfterEachStep({
      ids: ['n-1', 'n-2'],
      async prepare(world) {
        await addSinks(world);
        const held = heldItems(1, ['n-1', 'n-2'], world.clock.now());
        await world.raw.inbox.append({ held }, world.clock.now() + 5000);
        await world.raw.subscriptions.insert(SUBSCRIPTION);
      },
      act: (world) => world.judgeAndExpand(SUBSCRIPTION.id),
      steps: ['append', ...EXPANSION],
    }));

  for (const claims of ['given back', 'lapse'] as const) {
    it(`delivering: brings it once more at most, the claims of the dead ${claims}`, () =>
      dieAfterEachStep({
        ids: ['n-1'],
        async prepare(world) {
          await addSinks(world);
          await append(world, SECOND);
          await world.expandReceipt(SECOND.id);
        },
        act: (world) => world.deliverDue(),
        steps: ['claim', 'sink', 'finish', 'claim', 'sink', 'finish', 'updateSink'],
        // The second sink is busy at first: what is written about a failure can be cut off as well.
        answer: (id, call) => (call === 1 && id.endsWith('sink-b') ? BUSY : DELIVERED),
        claims,
        mostCalls: 2,
      }));
  }

  it('redriving: makes it due once, however often it is asked for', () =>
    dieAfterEachStep({
      ids: ['n-1'],
      async prepare(world) {
        await addSinks(world);
        await append(world, SECOND);
        await world.expandReceipt(SECOND.id);
        await world.deliverDue();
      },
      async act(world) {
        await world.deadLetters.redrive(OPERATOR, { ids: await allIds(world) }, UNAWAITED);
        await world.deliverDue();
      },
      steps: ['redrive', 'audit', 'claim', 'sink', 'finish', 'claim', 'sink', 'finish'],
      answer: (_id, call) => (call === 1 ? REFUSED : DELIVERED),
      async again(world) {
        const redriven = await world.deadLetters.redrive(
          OPERATOR,
          { ids: await allIds(world) },
          UNAWAITED,
        );
        expect(redriven).toBe(0);
      },
      mostCalls: 3,
    }));
});

async function allIds({ raw }: World): Promise<string[]> {
  const { data } = await raw.deliveries.search('default', {}, { limit: 10 });
  return data.flatMap(({ id }) => SINKS.map((sink) => deliveryIdOf(id, sink.id)));
}

/** Copies one of the two files, and what belongs to it; gives what puts the copy back. */
function copyFile(folder: string, file: string): () => void {
  const copy = temporaryFolder();
  const parts = (of: string) => readdirSync(of).filter((name) => name.startsWith(file));
  for (const name of parts(folder)) cpSync(join(folder, name), join(copy.path, name));
  return () => {
    for (const name of parts(folder)) rmSync(join(folder, name));
    for (const name of parts(copy.path)) cpSync(join(copy.path, name), join(folder, name));
    copy.remove();
  };
}

describe('one of the two files put back from an older copy', () => {
  it('inbox.db: what is in store.db already is found again, and goes nowhere twice', async () => {
    const folder = temporaryFolder();
    const options = { folder: folder.path, calls: [] };
    await inWorld(options, async (world) => {
      await addSinks(world);
      await append(world, FIRST);
    });
    const putBack = copyFile(folder.path, 'inbox.db');

    await inWorld(options, (world) => world.run());
    expect(readFiles(folder.path).receipts).toEqual([]);
    putBack();
    expect(readFiles(folder.path).receipts).toEqual([{ id: FIRST.id }]);

    await inWorld(options, (world) => world.run());
    expectWhole(options, { ids: ['n-1', 'n-2'], when: 'put back' });
    folder.remove();
  });

  it('store.db: what is not settled is expanded again; what was settled since is gone', async () => {
    const folder = temporaryFolder();
    const options = { folder: folder.path, calls: [] };
    await inWorld(options, addSinks);
    const putBack = copyFile(folder.path, 'store.db');

    await inWorld(options, async (world) => {
      await append(world, FIRST);
      await world.run();
      await append(world, aReceipt(3, ['n-3']));
    });
    expect(readFiles(folder.path).deliveries).toHaveLength(2 * SINKS.length);
    putBack();

    await inWorld(options, (world) => world.run());
    // The inbox forgets what it has settled: a copy of store.db has what it has, and no more.
    expectWhole(options, { ids: ['n-3'], when: 'put back' });
    folder.remove();
  });
});
