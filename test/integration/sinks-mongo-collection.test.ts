import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { MongoClient, type Db } from 'mongodb';
import { createMongoCollectionSinks } from '../../src/adapters/sinks/mongo-collection.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { renderCloudEvent, toOwnEvent } from '../../src/domain/delivery/cloud-event.ts';
import {
  describeNotificationSink,
  eventOf,
  tryOf,
} from '../contracts/notification-sink.contract.ts';
import { TurnedClock } from '../support/clock.ts';
import { describeOn, describeOnProcess } from '../support/services.ts';
import { until } from '../support/wait.ts';
import { TRY_MS, watched } from '../support/webhooks.ts';
import { untilHung } from './until-hung.ts';

const RETRY = { outcome: 'retry', status: null, retryAfterMs: null };

const connect = (url: string) => new MongoClient(url, { serverSelectionTimeoutMS: 3000 }).connect();

const target = (organizationId = 'default', collection = 'events') =>
  ({ kind: 'mongo-collection', organizationId, collection }) as const;

await describeOn('mongodb', 'mongo-collection sink', (server) => {
  describeNotificationSink('mongo-collection', async () => {
    const client = await connect(server.url);
    const db = client.db(`test-${randomUUID()}`);
    const events = db.collection<{ _id: string }>('sink_default_events');
    return {
      sink: createMongoCollectionSinks({ db, clock: systemClock })(target()),
      arrived: async () => (await events.find().toArray()).map(({ _id }) => _id),
      keepsById: true,
      confidential: [server.url],
      logged: () => '',
      async close() {
        await db.dropDatabase();
        await client.close();
      },
    };
  });

  describe('what a collection holds', () => {
    let client: MongoClient;
    let db: Db;
    beforeAll(async () => {
      client = await connect(server.url);
    });
    beforeEach(() => {
      db = client.db(`test-${randomUUID()}`);
    });
    afterEach(() => db.dropDatabase());
    afterAll(() => client.close());

    const openIn = (...names: string[]) =>
      createMongoCollectionSinks({ db, clock: systemClock })(target(...names));
    const documents = (name = 'sink_default_events') =>
      db.collection<{ _id: string }>(name).find().toArray();

    it('is the event as a webhook gets it, and what one searches by', async () => {
      await openIn().deliver(eventOf('one'), tryOf('one_sink'));
      const { type, subject, time, subscriptionid, tenantid, sequence } = eventOf('one');
      expect(await documents()).toEqual([
        {
          _id: 'one',
          type,
          subject,
          time: new Date(time),
          subscriptionid,
          tenantid,
          sequence,
          event: renderCloudEvent(eventOf('one')),
        },
      ]);
    });

    it('leaves out what an event does not have', async () => {
      const event = toOwnEvent({ id: 'own', type: 'T', subject: 's', at: 5, data: '{}' });
      await openIn().deliver(event, tryOf('own_sink'));
      expect(await documents()).toEqual([
        { _id: 'own', type: 'T', subject: 's', time: new Date(5), event: renderCloudEvent(event) },
      ]);
    });

    it('is not changed by a replay, or by many tries of one event at once', async () => {
      const sink = openIn();
      await Promise.all(
        Array.from({ length: 10 }, () => sink.deliver(eventOf('one'), tryOf('one_sink'))),
      );
      const before = await documents();
      const replayed = { ...eventOf('one'), replay: 'r1', subject: 'changed' };
      const answer = await sink.deliver(replayed, tryOf('one_sink_r1'));
      expect(answer).toEqual({ outcome: 'delivered', status: null, body: '' });
      expect(await documents()).toEqual(before);
    });

    it('keeps organisations and collections apart', async () => {
      await openIn('a').deliver(eventOf('one'), tryOf('one'));
      await openIn('a', 'b_c').deliver(eventOf('more'), tryOf('more'));
      await openIn('a-b', 'c').deliver(eventOf('other'), tryOf('other'));
      expect(await documents('sink_a_events')).toMatchObject([{ _id: 'one' }]);
      expect(await documents('sink_a_b_c')).toMatchObject([{ _id: 'more' }]);
      expect(await documents('sink_a-b_c')).toMatchObject([{ _id: 'other' }]);
    });

    it('tries again what an index of its owner refuses: it is not there', async () => {
      const events = db.collection('sink_default_events');
      await events.createIndex({ subject: 1 }, { unique: true });
      const sink = openIn();
      await sink.deliver(eventOf('one'), tryOf('one'));
      const answer = await sink.deliver(eventOf('two'), tryOf('two'));
      expect(answer).toEqual({ ...RETRY, reason: 'mongo-11000', body: expect.stringMatching(/./) });
      expect(await documents()).toMatchObject([{ _id: 'one' }]);
    });

    it('takes the largest event that there can be, to its last character', async () => {
      const data = JSON.stringify('ü'.repeat(4 * 1024 * 1024));
      const event = { ...eventOf('one'), data };
      expect(await openIn().deliver(event, tryOf('one'))).toMatchObject({ outcome: 'delivered' });
      const [document] = await documents();
      expect(document).toMatchObject({ event: renderCloudEvent(event) });
    });
  });
});

await describeOnProcess('mongodb', 'mongo-collection sink: when MongoDB fails', (server) => {
  let client: MongoClient;
  let db: Db;
  beforeEach(async () => {
    client = await connect(server.url);
    db = client.db(`test-${randomUUID()}`);
  });
  afterEach(() => client.close());

  const deliver = (signal?: AbortSignal) =>
    createMongoCollectionSinks({ db, clock: systemClock })(target()).deliver(
      eventOf('one'),
      tryOf('one', signal),
    );
  async function hang(): Promise<void> {
    server.signal('SIGSTOP');
    await untilHung(() => db.command({ ping: 1 }));
  }
  const delivers = async () => (await deliver()).outcome === 'delivered';
  const count = () => db.collection('sink_default_events').countDocuments();

  it('says that it is gone, and goes on when it is back', async () => {
    expect(await delivers()).toBe(true);
    await server.kill();
    expect(await deliver()).toEqual({ ...RETRY, reason: 'connection', body: '' });
    await server.start();
    await until(delivers, 'it is delivered');
    expect(await count()).toBe(1);
  });

  it('gives up what is under way when it is killed', async () => {
    await hang();
    const answer = deliver();
    await server.kill();
    expect(await answer).toEqual({ ...RETRY, reason: 'connection', body: '' });
    await server.start();
    await until(delivers, 'it is delivered');
  });

  it('ends after 15 s, not before, when it hangs, and keeps the event once', async () => {
    const clock = new TurnedClock();
    const sink = createMongoCollectionSinks({ db, clock })(target());
    await hang();
    try {
      const { answer, hasEnded } = watched(sink.deliver(eventOf('one'), tryOf('one')));
      await clock.turn(TRY_MS - 1);
      expect(hasEnded()).toBe(false);
      await clock.turn(1);
      expect(await answer).toEqual({ ...RETRY, reason: 'timeout', body: '' });
    } finally {
      server.signal('SIGCONT');
    }
    await until(delivers, 'it is delivered');
    expect(await count()).toBe(1);
  });

  it('ends at once when it is aborted while MongoDB hangs', async () => {
    const controller = new AbortController();
    await hang();
    try {
      const answer = deliver(controller.signal);
      controller.abort();
      expect(await answer).toEqual({ outcome: 'aborted' });
    } finally {
      server.signal('SIGCONT');
    }
  });
});
