import { randomUUID } from 'node:crypto';

/** The environment of a service on these servers, in a database of its own. */
export function serverEnv(urls: { mongodb: string; redis: string }): Record<string, string> {
  return {
    STORAGE: 'servers',
    MONGODB_URL: `${urls.mongodb.replace(/\/$/, '')}/sallyport-${randomUUID().slice(0, 8)}`,
    REDIS_URL: urls.redis,
    // TEST-ONLY; `k1` is what builders say that they sealed with.
    ENCRYPTION_KEYS: `test:${'5ec2e7'.repeat(11).slice(0, 64)},k1:${'b1d3'.repeat(16)}`,
  };
}
