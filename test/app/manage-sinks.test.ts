import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createCipher } from '../../src/adapters/crypto/cipher.ts';
import { createDigest } from '../../src/adapters/crypto/digest.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { createManageSinks, type WantedSink } from '../../src/app/delivery/manage-sinks.ts';
import { openTarget } from '../../src/app/delivery/sink-secrets.ts';
import type { SinkKind } from '../../src/domain/delivery/sink.ts';
import { openTestStore, type TestStore } from '../support/sqlite-store.ts';

const PRINCIPAL = {
  organizationId: 'org-1',
  id: 'operator',
  ipAddress: undefined,
  userAgent: undefined,
  requestId: 'r',
};
const STREAM = { name: 'orders', kind: 'redis-stream', stream: 'orders' } as const;
const COLLECTION = { name: 'mails', kind: 'mongo-collection', collection: 'Mails_2' } as const;

describe('sinks of kinds that need a server', () => {
  const cipher = createCipher({ keys: [{ id: 'k1', key: randomBytes(32).toString('hex') }] });
  let store: TestStore;
  beforeEach(async () => {
    store = await openTestStore();
  });
  afterEach(() => store.close());

  const manage = (served?: readonly SinkKind[]) =>
    createManageSinks({
      ...store,
      cipher,
      digest: createDigest(),
      metrics: createMetrics(),
      production: true,
      changed: () => undefined,
      ...(served === undefined ? {} : { served }),
    });
  const both = () => manage(['redis-stream', 'mongo-collection']);
  const targetOf = async (id: string) => {
    const sink = await store.sinks.find('org-1', id);
    return sink && openTarget(sink, cipher, store.clock.now());
  };

  it('are added without a secret, and lead where they say, in their organisation', async () => {
    const stream = await both().add(PRINCIPAL, STREAM);
    const collection = await both().add(PRINCIPAL, COLLECTION);
    expect([stream.secret, collection.secret]).toEqual([null, null]);
    expect(stream.sink).toMatchObject({ ...STREAM, url: null, collection: null, secrets: null });
    expect(collection.sink).toMatchObject({ ...COLLECTION, url: null, stream: null });
    expect(await targetOf(stream.sink.id)).toEqual({
      kind: 'redis-stream',
      organizationId: 'org-1',
      stream: 'orders',
    });
    expect(await targetOf(collection.sink.id)).toEqual({
      kind: 'mongo-collection',
      organizationId: 'org-1',
      collection: 'Mails_2',
    });
  });

  it.each([
    [STREAM, 'A redis-stream needs a server: set SINK_REDIS_URL and start the service again'],
    [
      COLLECTION,
      'A mongo-collection needs a server: set SINK_MONGODB_URL and start the service again',
    ],
  ])('are refused without one, saying what to do: $kind', async (wanted, message) => {
    const others = (['redis-stream', 'mongo-collection'] as const).filter(
      (kind) => kind !== wanted.kind,
    );
    for (const served of [undefined, [], others]) {
      await expect(manage(served).add(PRINCIPAL, wanted)).rejects.toMatchObject({
        details: [{ path: 'kind', message }],
      });
    }
    expect(await store.sinks.all()).toEqual([]);
  });

  it.each<[string, WantedSink, string]>([
    ['no stream', { name: 'a', kind: 'redis-stream' }, 'stream'],
    ['no collection', { name: 'a', kind: 'mongo-collection' }, 'collection'],
    ['a stream of another name', { ...STREAM, stream: 'a:b' }, 'stream'],
    ['a collection of another name', { ...COLLECTION, collection: 'a.b' }, 'collection'],
    ['a url', { ...STREAM, url: 'https://sink.example/' }, 'url'],
    ['a secret', { ...COLLECTION, secret: `whsec_${'A'.repeat(32)}` }, 'secret'],
    ['headers', { ...STREAM, headers: { a: '1' } }, 'headers'],
    ['a collection for a stream', { ...STREAM, collection: 'mails' }, 'collection'],
  ])('are refused with %s', async (_what, wanted, path) => {
    const added = both().add(PRINCIPAL, wanted);
    await expect(added).rejects.toMatchObject({ details: [{ path }] });
    expect(await store.sinks.all()).toEqual([]);
  });

  it('can be changed, while they have a server and afterwards', async () => {
    const { id } = (await both().add(PRINCIPAL, STREAM)).sink;
    expect(await both().change(PRINCIPAL, id, { stream: 'new' })).toMatchObject({ stream: 'new' });
    const without = manage();
    expect(await without.change(PRINCIPAL, id, { name: 'n' })).toMatchObject({ stream: 'new' });
    expect(await without.switch(PRINCIPAL, id, 'disabled')).toMatchObject({ enabled: false });
    for (const wrong of [{ stream: '' }, { collection: 'mails' }, { url: 'https://a.example/' }]) {
      await expect(without.change(PRINCIPAL, id, wrong)).rejects.toMatchObject({
        details: [{ path: Object.keys(wrong)[0] }],
      });
    }
  });
});
