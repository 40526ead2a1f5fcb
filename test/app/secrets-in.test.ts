import { describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { createRedactor } from '../../src/domain/redact.ts';
import { secretsIn } from '../../src/secrets-in.ts';

describe('the secrets of a configuration', () => {
  it('are all found, and taken out of any text', () => {
    const env = {
      ENCRYPTION_KEYS: `a:${'0a'.repeat(32)},b:${'1b'.repeat(32)}`,
      OPERATOR_API_KEY: 'TEST-ONLY-operator-one,TEST-ONLY-operator-two',
      ACCESS_TOKEN_SECRETS: 'TEST-ONLY-access',
      REFRESH_TOKEN_SECRETS: 'TEST-ONLY-refresh',
      PRESIGNED_URL_SECRETS: 'TEST-ONLY-presigned',
      SESSION_SECRETS: 'TEST-ONLY-session',
      GRAPH_CLIENT_SECRET: 'TEST-ONLY-graph-secret',
      STORAGE: 'servers',
      MONGODB_URL: 'mongodb://u:TEST-ONLY%2Fmongo@a,b/name',
      REDIS_URL: 'rediss://:TEST-ONLY-redis@host:6380',
      SINK_MONGODB_URL: 'mongodb://u:TEST-ONLY/sink@mongo@a',
      SINK_REDIS_URL: 'redis://:TEST-ONLY%25-sink-redis@host',
    };
    const redact = createRedactor(secretsIn(readConfig(env))).clean;
    const everything = `${JSON.stringify(env)} TEST-ONLY/mongo TEST-ONLY/sink@mongo`;
    const clean = redact(everything);
    expect(clean).not.toMatch(/TEST-ONLY|0a0a|1b1b/);
    expect(clean).toContain('mongodb://u:[secret]@a,b/name');
  });

  it('are found behind a user that has an @, too', () => {
    const SINK_REDIS_URL = 'redis://user@x:TEST-ONLY%2Fredis@host';
    const found = secretsIn(readConfig({ SINK_REDIS_URL }));
    expect(found).toEqual(['TEST-ONLY/redis', 'TEST-ONLY%2Fredis']);
  });

  it('are none where there are none', () => {
    expect(secretsIn(readConfig({}))).toEqual([]);
    const SINK_MONGODB_URL = 'mongodb://user@host:27017,other:27018/name';
    expect(secretsIn(readConfig({ SINK_MONGODB_URL }))).toEqual([]);
  });
});
