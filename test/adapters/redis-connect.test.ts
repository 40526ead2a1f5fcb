import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { connectForCommands, type RedisTarget } from '../../src/adapters/redis/connect.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { openSinkServers } from '../../src/compose/sink-servers.ts';
import { readConfig } from '../../src/config.ts';
import { createRedactor } from '../../src/domain/redact.ts';
import { Secret } from '../../src/domain/secret.ts';
import { silentLog } from '../support/silent-log.ts';
import { temporaryFolder } from '../support/folder.ts';

const AMBIENT = { clock: systemClock, log: silentLog, redactor: createRedactor([]) };
const SINKS = { url: 'SINK_REDIS_URL', caFile: 'SINK_REDIS_CA_FILE' };

/** Connects to nothing before it is asked to. */
function optionsFor(url: string, target: Partial<RedisTarget> = {}) {
  const client = connectForCommands(
    { url: new Secret(url), connectTimeoutMs: 1000, ...target },
    250,
  );
  client.disconnect();
  return client.options;
}

describe('a client of Redis', () => {
  const folder = temporaryFolder();
  const fileOf = (name: string, text: string) => {
    const path = join(folder.path, name);
    writeFileSync(path, text);
    return path;
  };
  afterAll(() => folder.remove());

  it.each([
    ['redis://host', { host: 'host', port: 6379, username: '', password: '', db: 0 }],
    [
      'redis://us%65r:p%2Fw%3Fd@[::1]:6380/15',
      { host: '::1', port: 6380, username: 'user', password: 'p/w?d', db: 15 },
    ],
    ['rediss://:pw@host/', { host: 'host', password: 'pw', db: 0, tls: {} }],
  ])('goes where %s leads', (url, expected) => {
    expect(optionsFor(url)).toMatchObject(expected);
  });

  it('connects as the service says, whatever the options of its URL say', () => {
    const planted = {
      tls: '',
      commandTimeout: '99999',
      connectTimeout: '99999',
      socketTimeout: '99999',
      disconnectTimeout: '99999',
      enableOfflineQueue: 'true',
      maxRetriesPerRequest: '99',
      lazyConnect: '',
      keyPrefix: 'planted',
      path: '/planted',
    };
    const ours = optionsFor('rediss://host');
    const found = optionsFor(`rediss://host/?${new URLSearchParams(planted).toString()}`);
    expect(Object.keys(found)).toEqual(Object.keys(ours));
    expect(found).toMatchObject({
      tls: {},
      commandTimeout: 250,
      connectTimeout: 1000,
      socketTimeout: 2000,
      disconnectTimeout: 250,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
      lazyConnect: true,
      keyPrefix: '',
    });
  });

  it('speaks TLS where authorities are named', () => {
    const pem = '-----BEGIN CERTIFICATE-----\nTEST ONLY';
    const { tls } = optionsFor('redis://host', { caFile: fileOf('ca.pem', pem) });
    expect(tls).toEqual({ ca: Buffer.from(pem) });
  });

  it('names the variable of a file of authorities that cannot be used', () => {
    const missing = '/nowhere/ca.pem';
    const failing = (caFile: string, variables?: RedisTarget['variables']) => () =>
      optionsFor('rediss://host', { caFile, ...(variables === undefined ? {} : { variables }) });
    expect(failing(missing)).toThrow(`REDIS_CA_FILE names a file that cannot be read: ${missing}`);
    expect(failing(folder.path, SINKS)).toThrow(
      `SINK_REDIS_CA_FILE names what is no file: ${folder.path}`,
    );
    const json = fileOf('ca.json', '{}');
    expect(failing(json, SINKS)).toThrow(
      `SINK_REDIS_CA_FILE names a file without a certificate in PEM: ${json}`,
    );
    const pipe = join(folder.path, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect(failing(pipe)).toThrow(`REDIS_CA_FILE names what is no file: ${pipe}`);
  });

  it('names the variable of the sinks where theirs cannot be used', async () => {
    const config = readConfig({
      SINK_REDIS_URL: 'rediss://host',
      SINK_REDIS_CA_FILE: folder.path,
    });
    await expect(openSinkServers(config, AMBIENT)).rejects.toThrow(/^SINK_REDIS_CA_FILE names/);
  });

  it('names the variable of a URL that is none', () => {
    expect(() => optionsFor('redis://:planted@ho st', { variables: SINKS })).toThrow(
      /^SINK_REDIS_URL is not a URL$/,
    );
  });
});
