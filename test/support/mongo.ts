import { randomUUID } from 'node:crypto';
import type { MongoOptions } from '../../src/adapters/mongo/database.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { Secret } from '../../src/domain/secret.ts';

/**
 * A URL of the same server with another database, one of the test's own where none is named. With a
 * login in it, the URL has to name its `authSource`.
 */
export function withDatabase(url: string, name = `test-${randomUUID()}`): string {
  return url.replace(/^([^:]+:\/\/[^/?]+)(?:\/[^?]*)?/, `$1/${name}`);
}

/** How tests reach a MongoDB: soon, or not at all. */
export function mongoOptions(url: string, changes: Partial<MongoOptions> = {}): MongoOptions {
  return {
    url: new Secret(url),
    maxPoolSize: 20,
    waitQueueTimeoutMs: 2000,
    connectTimeoutMs: 2000,
    selectionTimeoutMs: 2000,
    timeoutMs: 2000,
    clock: systemClock,
    ...changes,
  };
}
