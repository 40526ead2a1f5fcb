import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startChild } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { Harvest } from './harvest.ts';
import { importSubscription, addWebhook } from './planted-operations.ts';

const MAIN = new URL('../../src/main.ts', import.meta.url).pathname;

describe('a start that fails', () => {
  const harvest = new Harvest();
  const folder = temporaryFolder();
  const key = `k1:${harvest.watch('encryption-key', hex())}`;
  const wrong = harvest.plant('bad-value');
  const password = harvest.plant('start-pw');

  beforeAll(async () => {
    const operator = harvest.plant('operator-key');
    const env = { ENCRYPTION_KEYS: key, OPERATOR_API_KEY: operator };
    const { url, metricsUrl, end } = await startChild({ dataDir: folder.path, env });
    const world = { url, metricsUrl, key: operator, harvest };
    await importSubscription(world);
    await addWebhook(world, 'https://sink.example');
    await end('SIGTERM');
  });
  afterAll(() => folder.remove());

  function hex(): string {
    return randomBytes(32).toString('hex');
  }

  it.each<readonly [string, string, Record<string, string>]>([
    [
      'of bad values',
      'ENCRYPTION_KEYS',
      { ENCRYPTION_KEYS: `k1:${wrong}`, OPERATOR_API_KEY: `${wrong} ${wrong}`, PORT: wrong },
    ],
    [
      'of values that are bad in production',
      'OPERATOR_API_KEY',
      { NODE_ENV: 'production', OPERATOR_API_KEY: `example-${wrong}`, SESSION_SECRETS: wrong },
    ],
    [
      'of bad addresses',
      'GRAPH_WEBHOOK_URL',
      { GRAPH_WEBHOOK_URL: `ftp://svc:${wrong}@x`, APP_URL: wrong, TRUSTED_PROXIES: wrong },
    ],
    [
      'of the URL of a Redis',
      'SINK_REDIS_URL',
      { ENCRYPTION_KEYS: key, SINK_REDIS_URL: `redis://svc:${wrong}@:::bad` },
    ],
    [
      'of the URL of a MongoDB',
      'SINK_MONGODB_URL',
      { ENCRYPTION_KEYS: key, SINK_MONGODB_URL: `mongodb://svc:${wrong}@:::bad` },
    ],
    [
      'of a slash in a password',
      'SINK_MONGODB_URL',
      { ENCRYPTION_KEYS: key, SINK_MONGODB_URL: `mongodb://svc:${wrong}/${wrong}@127.0.0.1/x` },
    ],
    [
      'of a key that is missing',
      'k1',
      { ENCRYPTION_KEYS: `other:${harvest.watch('another-key', hex())}` },
    ],
    [
      'of servers that are away',
      'MongoDB',
      {
        STORAGE: 'servers',
        MONGODB_URL: `mongodb://svc:${password}@127.0.0.1:1/x`,
        REDIS_URL: `redis://svc:${password}@127.0.0.1:1`,
        ENCRYPTION_KEYS: key,
        MONGODB_SELECTION_TIMEOUT_MS: '300',
      },
    ],
  ])('because %s says so, without a secret', async (why, named, changes) => {
    const { code, text } = await startInVain(changes);
    expect(code).toBe(1);
    expect(text).toContain(named);
    harvest.keep(`what was said of a start ${why}`, text);
    expect(harvest.found()).toEqual([]);
  });

  it('would show what it says', () => {
    const seen = new Harvest();
    const secret = seen.plant('open');
    seen.keep('a half of it', secret.slice(0, -12));
    seen.keep('its base64', Buffer.from(`svc:${secret}`).toString('base64'));
    seen.keep('where it may be', secret, 'open');
    expect(seen.found()).toEqual(['open in a half of it', 'open in its base64']);
  });

  function startInVain(changes: Record<string, string>): Promise<{ code: unknown; text: string }> {
    const env = {
      PATH: process.env['PATH'],
      NODE_ENV: 'test',
      PORT: '0',
      METRICS_PORT: '0',
      DATA_DIR: folder.path,
      LOG_LEVEL: 'debug',
      OPERATOR_API_KEY: harvest.plant('operator-key'),
      ...changes,
    };
    return new Promise((resolve) => {
      execFile(process.execPath, [MAIN], { env, timeout: 15_000 }, (error, stdout, stderr) => {
        resolve({ code: error?.code ?? 0, text: `${stdout}\n${stderr}` });
      });
    });
  }
});
