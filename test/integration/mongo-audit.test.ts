import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  createMongoAuditTrail,
  indexAudit,
  type MongoAuditTrail,
} from '../../src/adapters/mongo/audit-trail.ts';
import { openMongo, type MongoDatabase } from '../../src/adapters/mongo/database.ts';
import type { Log } from '../../src/ports/log.ts';
import { describeAuditTrail, type AuditTrailHarness } from '../contracts/audit-trail.contract.ts';
import { anAuditEntry } from '../support/builders.ts';
import { TurnedClock } from '../support/clock.ts';
import { mongoOptions, withDatabase } from '../support/mongo.ts';
import { pagesOf } from '../support/pages.ts';
import { describeOn } from '../support/services.ts';
import { silentLog } from '../support/silent-log.ts';

const open = (url: string) =>
  openMongo(mongoOptions(url, { timeoutMs: 10_000, waitQueueTimeoutMs: 10_000 }));

async function openHarness(url: string, clock = new TurnedClock()): Promise<AuditTrailHarness> {
  const database = await open(url);
  await indexAudit(database);
  const audit = createMongoAuditTrail({ database, clock, log: silentLog });
  return {
    audit,
    now: () => clock.now(),
    elapse: (ms) => clock.turn(ms),
    async reopen() {
      await audit.flush();
      await database.close();
      return openHarness(url, clock);
    },
    async close() {
      await database.db.dropDatabase();
      await database.close();
    },
  };
}

await describeOn('mongodb', 'the audit trail in MongoDB', (server) => {
  describeAuditTrail('mongo', () => openHarness(withDatabase(server.url)));

  describe('on its own', () => {
    let database: MongoDatabase;
    let clock: TurnedClock;
    let audit: MongoAuditTrail;
    let errors: string[];
    let begun: number;
    /** What an operation waits for, told its number, from 1. */
    let before: (operation: number) => Promise<void>;

    const log: Log = { ...silentLog, error: (_, message) => void errors.push(message) };
    const record = (action: string) => audit.record(anAuditEntry({ action }));
    const failFirst = (count: number) => async (operation: number) => {
      if (operation <= count) throw new Error('refused');
    };

    beforeEach(async () => {
      database = await open(withDatabase(server.url));
      await indexAudit(database);
      clock = new TurnedClock();
      [errors, begun, before] = [[], 0, async () => undefined];
      const watched: MongoDatabase = {
        ...database,
        async run(operation) {
          begun += 1;
          await before(begun);
          return database.run(operation);
        },
      };
      audit = createMongoAuditTrail({ database: watched, clock, log });
    });
    afterEach(async () => {
      await audit.flush();
      await database.db.dropDatabase();
      await database.close();
    });

    it('appends what waits together, and flushes', async () => {
      const recorded = Array.from({ length: 60 }, (_, index) => record(`act-${index}`));
      await audit.flush();
      expect(await database.db.collection('audit').countDocuments()).toBe(60);
      expect(begun).toBeLessThanOrEqual(2);
      expect(await Promise.all(recorded)).not.toContain(false);
    });

    it('tries once more what failed, in its place, and then waits for the store', async () => {
      before = failFirst(1);
      expect(await Promise.all([record('first'), record('second')])).toEqual([true, true]);
      before = failFirst(begun + 2);
      expect(await record('third')).toBe(false);
      await clock.turn(1000);
      expect(await record('fourth')).toBe(true);
      expect(errors).toEqual([]);
      const { data } = await audit.search('default', {}, { limit: 9 });
      expect(data.map(({ action }) => action)).toEqual(['fourth', 'third', 'second', 'first']);
    });

    it('appends once what is tried again although it was there', async () => {
      let answers = 0;
      const forgetful: MongoDatabase = {
        ...database,
        async run(operation) {
          const answer = await database.run(operation);
          answers += 1;
          if (answers === 1) throw new Error('the answer was lost');
          return answer;
        },
      };
      const again = createMongoAuditTrail({ database: forgetful, clock, log });
      expect(await again.record(anAuditEntry())).toBe(true);
      expect(await database.db.collection('audit').countDocuments()).toBe(1);
    });

    it('refuses the newest while its buffer is full, and says so once', async () => {
      const { promise: gate, resolve: goOn } = Promise.withResolvers<void>();
      before = () => gate;
      const entry = anAuditEntry();
      const kept = Array.from({ length: 10_000 }, () => audit.record(entry));
      expect(await audit.record(entry)).toBe(false);
      expect(await audit.record(entry)).toBe(false);
      expect(errors).toEqual(['audit entries are refused']);
      goOn();
      expect(new Set(await Promise.all(kept))).toEqual(new Set([true]));
      expect(await audit.record(entry)).toBe(true);
    });

    it('finds the few that a filter matches far behind, each once', async () => {
      for (const action of ['oldest', 'older']) {
        await audit.record(anAuditEntry({ action, severity: 'CRITICAL' }));
        const others = Array.from({ length: 2500 }, () => audit.record(anAuditEntry()));
        await Promise.all(others);
        await clock.turn(1);
      }
      await audit.record(anAuditEntry({ action: 'young', severity: 'CRITICAL' }));
      const query = { severity: 'CRITICAL' } as const;
      for (const limit of [1, 200]) {
        const pages = await pagesOf((page) => audit.search('default', query, page), limit);
        expect(pages.flat().map(({ action }) => action)).toEqual(['young', 'older', 'oldest']);
      }
    });
  });
});
