import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openMongo, type MongoDatabase } from '../../src/adapters/mongo/database.ts';
import { openMongoInbox, type MongoInbox } from '../../src/adapters/mongo/inbox.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import type { HeldItem, Receipt } from '../../src/domain/notifications/receipt.ts';
import type { Inbox } from '../../src/ports/inbox.ts';
import { describeInbox, type InboxHarness } from '../contracts/inbox.contract.ts';
import { TurnedClock } from '../support/clock.ts';
import { mongoOptions, withDatabase } from '../support/mongo.ts';
import { describeOn } from '../support/services.ts';
import { silentLog } from '../support/silent-log.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { until } from '../support/wait.ts';

/** A way of its own to a database of its own, which can be hung and cut. */
interface Way {
  readonly proxy: TcpProxy;
  readonly database: MongoDatabase;
  close(): Promise<void>;
}

async function openWay(serverUrl: string): Promise<Way> {
  const { hostname, port } = new URL(serverUrl);
  const proxy = await startTcpProxy(Number(port), hostname);
  const url = new URL(proxy.urlFor(withDatabase(serverUrl)));
  // A member of a replica set would name itself, and the driver go there past the proxy.
  url.searchParams.set('directConnection', 'true');
  const database = await openMongo(mongoOptions(url.href, { timeoutMs: 40_000 }));
  return {
    proxy,
    database,
    async close() {
      await database.db.dropDatabase();
      await database.close();
      await proxy.close();
    },
  };
}

async function openHarness(way: Way, clock = new TurnedClock()): Promise<InboxHarness> {
  const { database, proxy } = way;
  const opened = await openMongoInbox({ database, clock, log: silentLog });
  return {
    inbox: opened.inbox,
    now: () => clock.now(),
    elapse: (ms) => clock.turn(ms),
    async reopen() {
      await opened.close();
      return openHarness(way, clock);
    },
    async hang() {
      proxy.hang();
      return async () => {
        proxy.goOn();
        await until(() => database.connections().active === 0, 'what hung has ended');
      };
    },
    async close() {
      await opened.close();
      await way.close();
    },
  };
}

let made = 0;

function aReceipt(over: Partial<Receipt> = {}): Receipt {
  made += 1;
  const receivedAt = 1_763_733_600_000 + made;
  const [organizationId, subscriptionId, applicationId] = ['default', 's-1', 'a-1'];
  return {
    id: `${String(receivedAt).padStart(15, '0')}-00000-test`,
    organizationId,
    receivedAt,
    tokens: null,
    items: [{ place: 0, organizationId, subscriptionId, applicationId, text: '{"n":1}' }],
    ...over,
  };
}

function aHeldItem(): HeldItem {
  const { id, receivedAt } = aReceipt();
  return {
    id: `${id}_0`,
    organizationId: 'default',
    subscriptionId: 's-unknown',
    receiptId: id,
    place: 0,
    receivedAt,
    clientStateDigest: 'd'.repeat(64),
    tokens: null,
    text: '{"n":1}',
  };
}

/** A database whose operations are counted, and can be kept from beginning or be failed. */
interface Watched extends MongoDatabase {
  begun: number;
  /** What an operation waits for, told its number, from 1. */
  before: (operation: number) => Promise<void>;
  /** What its answer waits for. */
  after: (operation: number) => Promise<void>;
}

function watch(database: MongoDatabase): Watched {
  const watched: Watched = {
    ...database,
    begun: 0,
    before: async () => undefined,
    after: async () => undefined,
    async run(operation) {
      watched.begun += 1;
      const number = watched.begun;
      await watched.before(number);
      const answer = await database.run(operation);
      await watched.after(number);
      return answer;
    },
  };
  return watched;
}

await describeOn('mongodb', 'the inbox in MongoDB', (server) => {
  describeInbox('mongo', async () => openHarness(await openWay(server.url)));

  describe('on its own', () => {
    let way: Way;
    let clock: TurnedClock;
    let watched: Watched;
    let opened: MongoInbox;
    let inbox: Inbox;
    const open = (database: MongoDatabase, at: TurnedClock) =>
      openMongoInbox({ database, clock: at, log: silentLog });
    const soon = () => clock.now() + 60_000;
    const append = (receipt: Receipt) => inbox.append({ receipt }, soon());
    const stored = () => way.database.db.collection('receipts').countDocuments();

    beforeEach(async () => {
      way = await openWay(server.url);
      clock = new TurnedClock();
      watched = watch(way.database);
      opened = await open(watched, clock);
      inbox = opened.inbox;
      watched.begun = 0;
    });
    afterEach(async () => {
      await opened.close();
      await way.close();
    });

    it('writes what comes at once together', async () => {
      const receipts = Array.from({ length: 60 }, () => aReceipt());
      await Promise.all(receipts.map(append));
      expect(watched.begun).toBe(1);
      expect(await stored()).toBe(60);
    });

    it('gathers while two writes are in flight, and then writes all in one', async () => {
      const { promise: gate, resolve: open } = Promise.withResolvers<void>();
      watched.before = () => gate;
      const appends: Promise<void>[] = [];
      for (let count = 0; count < 40; count += 1) {
        appends.push(append(aReceipt()));
        await clock.turn(1);
      }
      expect(watched.begun).toBe(2);
      open();
      await Promise.all(appends);
      expect(watched.begun).toBe(3);
      expect(inbox.backlog().receipts).toBe(40);
    });

    it('does not hold up what comes behind a write that hangs', async () => {
      const { promise: gate, resolve: open } = Promise.withResolvers<void>();
      watched.before = (operation) => (operation === 1 ? gate : Promise.resolve());
      const hung = append(aReceipt());
      await clock.turn(1);
      for (let count = 0; count < 5; count += 1) await append(aReceipt());
      expect(inbox.backlog().receipts).toBe(5);
      open();
      await hung;
      expect(inbox.backlog().receipts).toBe(6);
    });

    it('splits what is too large for one write, and takes the largest that may come', async () => {
      const item = { organizationId: 'default', subscriptionId: 's-1', applicationId: 'a-1' };
      const large = () => aReceipt({ items: [{ ...item, place: 0, text: 'x'.repeat(6 << 20) }] });
      const tokens = { keyId: 'k', encrypted: 'a'.repeat(8 << 20), iv: 'b', tag: 'c' };
      const largest = aReceipt({ tokens });
      await Promise.all([large(), large(), large(), largest].map(append));
      expect(watched.begun).toBe(2);
      expect(await inbox.read(largest.id)).toEqual(largest);
    });

    it('takes a body of nothing but the shortest items', async () => {
      const guid = '00000000-0000-4000-8000-000000000000';
      const text = `{"subscriptionId":"${guid}","tenantId":"${guid}","lifecycleEvent":"x"}`;
      const item = { organizationId: guid, subscriptionId: guid, applicationId: guid, text };
      const count = Math.floor((4 << 20) / (text.length + 1));
      const items = Array.from({ length: count }, (_, place) => ({ ...item, place }));
      const receipt = aReceipt({ items });
      await append(receipt);
      expect(await inbox.read(receipt.id)).toEqual(receipt);
    });

    it('refuses a receipt that MongoDB does not take, and not those beside it', async () => {
      const tokens = { keyId: 'k', encrypted: 'a'.repeat(16 << 20), iv: 'b', tag: 'c' };
      const receipts = [aReceipt(), aReceipt({ tokens }), aReceipt()];
      const outcomes = await Promise.allSettled(receipts.map(append));
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      expect(outcomes[1]).toMatchObject({ reason: expect.any(StoreUnavailableError) });
      expect(await stored()).toBe(2);
    });

    it('tells each of its own what the server says, without what it had sent', async () => {
      const [there, fresh] = [aReceipt(), aReceipt()];
      await append(there);
      // The one thing that any server refuses, whatever stands in the other documents.
      const bad = aReceipt({ id: ['no id'] as unknown as string });
      const outcomes = await Promise.allSettled([there, bad, fresh].map(append));
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
      const [, failure] = outcomes;
      expect(failure).toMatchObject({ reason: { cause: new Error('write refused, code 53') } });
      expect(failure).toMatchObject({ reason: expect.any(StoreUnavailableError) });
      expect(inspect(failure, { depth: 9 })).not.toContain(fresh.items[0]?.text);
      expect(inbox.backlog().receipts).toBe(2);
      expect(await inbox.read(fresh.id)).toEqual(fresh);
    });

    describe('when one step of a batch fails', () => {
      function failOperation(number: number): void {
        watched.before = async (operation) => {
          if (operation === number) throw new Error('refused');
        };
      }

      it('does not write the receipt of items that could not be held', async () => {
        failOperation(1);
        const [plain, withHeld] = [aReceipt(), aReceipt()];
        const outcomes = await Promise.allSettled([
          append(plain),
          inbox.append({ receipt: withHeld, held: [aHeldItem()] }, soon()),
        ]);
        expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
        expect(await inbox.unsettled({ limit: 9 })).toMatchObject([{ id: plain.id }]);
        expect(inbox.backlog().receipts).toBe(1);
      });

      it('releases nothing for a receipt that could not be written', async () => {
        const item = aHeldItem();
        await inbox.append({ held: [item] }, soon());
        failOperation(2);
        const receipt = aReceipt();
        const appending = inbox.append({ receipt, release: [item.id] }, soon());
        await expect(appending).rejects.toThrow('refused');
        expect(await inbox.heldOf(item.subscriptionId)).toEqual([item]);
        expect(inbox.backlog().receipts).toBe(0);
        await inbox.append({ receipt, release: [item.id] }, soon());
        expect(await inbox.heldOf(item.subscriptionId)).toEqual([]);
      });

      it('counts a receipt that is there although its items could not be released', async () => {
        const item = aHeldItem();
        await inbox.append({ held: [item] }, soon());
        failOperation(3);
        const [receipt, plain] = [aReceipt(), aReceipt()];
        const outcomes = await Promise.allSettled([
          inbox.append({ receipt, release: [item.id] }, soon()),
          append(plain),
        ]);
        expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
        expect(inbox.backlog().receipts).toBe(2);
        expect(await inbox.read(receipt.id)).toEqual(receipt);
      });
    });

    it('goes on after the server was cut off, and removes then what was settled', async () => {
      const settled = aReceipt();
      await append(settled);
      await way.proxy.cut();
      inbox.settle(settled.id);
      await clock.turn(100);
      await expect(append(aReceipt())).rejects.toBeInstanceOf(StoreUnavailableError);
      await way.proxy.restore();
      const kept = aReceipt();
      const isTaken = () => append(kept).then(...[true, false].map((taken) => () => taken));
      await until(isTaken, 'appends are taken again');
      expect(inbox.backlog().receipts).toBe(1);
      expect(await inbox.unsettled({ limit: 9 })).toMatchObject([{ id: kept.id }]);
      await until(async () => {
        await clock.turn(1000);
        return (await stored()) === 1;
      }, 'the settled receipt is removed');
    });

    it('counts within 5 s what is durable although its answer was lost', async () => {
      watched.after = () => Promise.reject(new Error('the answer was lost'));
      await expect(append(aReceipt())).rejects.toThrow('the answer was lost');
      watched.after = async () => undefined;
      expect(inbox.backlog().receipts).toBe(0);
      await clock.turn(5000);
      await until(() => inbox.backlog().receipts === 1, 'it is counted');
    });

    describe('when the server has listed what is being removed', () => {
      let [settled, kept] = [aReceipt(), aReceipt()];
      beforeEach(async () => {
        [settled, kept] = [aReceipt(), aReceipt()];
        await append(settled);
        await append(kept);
        await clock.turn(4950); // 50 ms before the backlog is listed anew
      });

      /** Keeps the answer to a list on its way until what was settled meanwhile is removed. */
      async function removeDuring(list: () => Promise<unknown>, meanwhile: () => void) {
        const { promise: gate, resolve: open } = Promise.withResolvers<void>();
        const next = watched.begun + 1;
        let answered = false;
        watched.after = async (operation) => {
          if (operation !== next) return;
          answered = true;
          await gate;
        };
        const listed = list();
        await until(() => answered, 'the server has listed');
        meanwhile();
        await clock.turn(100);
        await until(async () => (await stored()) === 1, 'it is removed');
        open();
        await listed;
      }

      async function expectCounted(): Promise<void> {
        await append(aReceipt());
        expect(inbox.backlog().receipts).toBe(2);
        expect(inbox.backlog().oldestAt).toBe(kept.receivedAt);
      }

      it('does not count again what was settled before', async () => {
        inbox.settle(settled.id);
        await removeDuring(
          () => clock.turn(50),
          () => undefined,
        );
        await expectCounted();
      });

      it('does not count again what was settled meanwhile', async () => {
        await removeDuring(
          () => clock.turn(50),
          () => inbox.settle(settled.id),
        );
        await expectCounted();
      });

      it('does not tell what was settled before', async () => {
        let listed: readonly unknown[] = [];
        inbox.settle(settled.id);
        await removeDuring(
          async () => {
            listed = await inbox.unsettled({ limit: 9 });
          },
          () => undefined,
        );
        expect(listed).toMatchObject([{ id: kept.id }]);
      });
    });

    describe('beside another instance', () => {
      let other: MongoInbox;
      beforeEach(async () => {
        other = await open(way.database, new TurnedClock());
      });
      afterEach(() => other.close());

      /** What another instance did is told within 5 s, by a listing that takes its time. */
      async function expectWithin5s(figures: { receipts: number; oldestAt: number | null }) {
        await clock.turn(5000);
        await until(() => {
          const { receipts, oldestAt } = inbox.backlog();
          return receipts === figures.receipts && oldestAt === figures.oldestAt;
        }, 'it is counted anew');
      }

      it('counts what that appends, and no more what that settles', async () => {
        const [own, others] = [aReceipt(), aReceipt()];
        await append(own);
        await other.inbox.append({ receipt: others }, soon());
        expect(inbox.backlog().receipts).toBe(1);
        await expectWithin5s({ receipts: 2, oldestAt: own.receivedAt });
        other.inbox.settle(own.id);
        await other.close();
        await expectWithin5s({ receipts: 1, oldestAt: others.receivedAt });
        inbox.settle(others.id);
        expect(inbox.backlog()).toMatchObject({ receipts: 0, oldestAt: null });
      });

      it('counts a long backlog, and tells no oldest one that is younger than it', async () => {
        const receipts = Array.from({ length: 1200 }, () => aReceipt());
        await Promise.all(receipts.map((receipt) => other.inbox.append({ receipt }, soon())));
        await expectWithin5s({ receipts: 1200, oldestAt: receipts[0]?.receivedAt ?? 0 });
        await append(aReceipt());
        for (const { id } of receipts.slice(0, 1100)) inbox.settle(id);
        expect(inbox.backlog().receipts).toBe(101);
        const oldest = receipts[1100]?.receivedAt ?? 0;
        expect(inbox.backlog().oldestAt).toBeLessThanOrEqual(oldest);
        await clock.turn(100);
        await until(async () => (await stored()) === 101, 'what is settled is removed');
        await expectWithin5s({ receipts: 101, oldestAt: oldest });
      });

      it('keeps its figures while a listing fails', async () => {
        await append(aReceipt());
        await other.inbox.append({ receipt: aReceipt() }, soon());
        watched.before = () => Promise.reject(new Error('refused'));
        watched.begun = 0;
        await clock.turn(5000);
        expect(watched.begun).toBe(1);
        expect(inbox.backlog().receipts).toBe(1);
        watched.before = async () => undefined;
        await clock.turn(5000);
        await until(() => inbox.backlog().receipts === 2, 'it is counted anew');
      });
    });
  });
});
