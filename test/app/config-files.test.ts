import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { readConfig } from '../../src/config.ts';
import { SECRET_VARIABLES } from '../../src/environment.ts';
import { temporaryFolder } from '../support/folder.ts';
import { KEY, OPERATOR, problemsOf, PRODUCTION, testSecret } from './config-problems.ts';

type SecretVariable = (typeof SECRET_VARIABLES)[number];

/** A good value of each, and what else it needs. */
const GOOD: Readonly<Record<SecretVariable, string>> = {
  ENCRYPTION_KEYS: `a:${KEY},b:${testSecret('second')}`,
  ENCRYPTION_KEY: KEY,
  OPERATOR_API_KEY: OPERATOR,
  ACCESS_TOKEN_SECRETS: testSecret('access'),
  REFRESH_TOKEN_SECRETS: testSecret('refresh'),
  PRESIGNED_URL_SECRETS: testSecret('presigned'),
  SESSION_SECRETS: testSecret('session'),
  GRAPH_CLIENT_SECRET: testSecret('graph'),
  MONGODB_URL: 'mongodb://user:TEST-ONLY-1@host/name',
  REDIS_URL: 'redis://user:TEST-ONLY-2@host',
  SINK_MONGODB_URL: 'mongodb://user:TEST-ONLY-3@host/name',
  SINK_REDIS_URL: 'redis://user:TEST-ONLY-4@host',
};

const SERVERS = {
  STORAGE: 'servers',
  ENCRYPTION_KEYS: GOOD.ENCRYPTION_KEYS,
  OPERATOR_API_KEY: GOOD.OPERATOR_API_KEY,
  MONGODB_URL: GOOD.MONGODB_URL,
  REDIS_URL: GOOD.REDIS_URL,
};

describe('secrets from files', () => {
  const folder = temporaryFolder();
  afterAll(() => folder.remove());

  let written = 0;
  const write = (text: string | Buffer) => {
    written += 1;
    const path = join(folder.path, `secret-${written}`);
    writeFileSync(path, text);
    return path;
  };

  /** What the variable can stand beside, it itself left out. */
  function around(variable: SecretVariable): Record<string, string> {
    const needsServers = variable === 'MONGODB_URL' || variable === 'REDIS_URL';
    const base: Record<string, string> = needsServers ? SERVERS : {};
    return Object.fromEntries(Object.entries(base).filter(([name]) => name !== variable));
  }

  it.each(SECRET_VARIABLES)('gives %s as if it had been set', (variable) => {
    const direct = readConfig({ ...around(variable), [variable]: GOOD[variable] });
    for (const end of ['', '\n', '\r\n', ' \n\n']) {
      const path = write(`${GOOD[variable]}${end}`);
      const config = readConfig({ ...around(variable), [`${variable}_FILE`]: path });
      expect(reveal(config)).toEqual(reveal(direct));
    }
    expect(reveal(direct)).not.toEqual(reveal(readConfig(without(variable))));
  });

  /** Without the variable, and without what it needs. */
  function without(variable: SecretVariable): Record<string, string> {
    return variable === 'MONGODB_URL' || variable === 'REDIS_URL' ? {} : around(variable);
  }

  it.each(SECRET_VARIABLES)('refuses %s beside its file', (variable) => {
    const path = write(GOOD[variable]);
    const env = { ...around(variable), [variable]: GOOD[variable], [`${variable}_FILE`]: path };
    expect(problemsOf(env)).toEqual([
      `  ${variable}_FILE is set beside ${variable}: leave one of the two out`,
    ]);
  });

  it.each(SECRET_VARIABLES)(
    'says what is wrong with the file of %s, and quotes nothing',
    (variable) => {
      const sub = join(folder.path, `planted-${variable}`);
      mkdirSync(sub);
      const pipe = join(folder.path, `planted-pipe-${variable}`);
      expect(spawnSync('mkfifo', [pipe]).status).toBe(0);
      for (const [path, problem] of [
        [join(folder.path, 'planted-missing'), 'names a file that cannot be read (ENOENT)'],
        [sub, 'names what is no file'],
        ['/dev/zero', 'names what is no file'],
        [pipe, 'names what is no file'],
        [write(''), 'names a file that is empty'],
        [write(' \n\t\n'), 'names a file that is empty'],
        [write('planted'.repeat(10_000)), 'names a file of more than 65536 bytes'],
      ] as const) {
        const env = { ...around(variable), [`${variable}_FILE`]: path };
        expect(problemsOf(env)).toEqual([`  ${variable}_FILE ${problem}`]);
      }
    },
  );

  it('does not call what cannot be read missing besides', () => {
    const { OPERATOR_API_KEY: _, ...rest } = PRODUCTION;
    expect(problemsOf({ ...rest, OPERATOR_API_KEY_FILE: join(folder.path, 'none') })).toEqual([
      '  OPERATOR_API_KEY_FILE names a file that cannot be read (ENOENT)',
    ]);
  });

  it('judges what stands in files as all else, and quotes none of it', () => {
    const planted = 'planted-and-short';
    const problems = problemsOf({
      NODE_ENV: 'production',
      PORT: 'x',
      ENCRYPTION_KEYS_FILE: write(`a:${planted}`),
      OPERATOR_API_KEY_FILE: write(planted),
      GRAPH_CLIENT_SECRET_FILE: write('planted-example'),
      SINK_REDIS_URL_FILE: write('http://:planted@host'),
    });
    const named = problems.map((line) => line.trim().split(' ', 1).join(''));
    expect(named.toSorted()).toEqual([
      'ENCRYPTION_KEYS',
      'GRAPH_CLIENT_SECRET',
      'OPERATOR_API_KEY',
      'PORT',
      'SINK_REDIS_URL',
    ]);
    expect(problems.join('\n')).not.toContain('planted');
  });

  it('takes an empty name, and an empty variable beside a name, as not set', () => {
    expect(readConfig({ OPERATOR_API_KEY_FILE: ' ' })).toEqual(readConfig({}));
    const env = { OPERATOR_API_KEY: '', OPERATOR_API_KEY_FILE: write(OPERATOR) };
    expect(readConfig(env).operatorApiKeys?.[0]?.reveal()).toBe(OPERATOR);
  });

  it('is for secrets only', () => {
    expect(readConfig({ PORT_FILE: write('1234'), DATA_DIR_FILE: 'none' })).toEqual(readConfig({}));
  });
});

/** Every secret of a configuration, in clear. */
function reveal(config: ReturnType<typeof readConfig>): unknown {
  const { storage, sinkServers, signing } = config;
  return {
    keys: config.encryptionKeys?.map(({ id, key }) => [id, key.reveal()]),
    operator: config.operatorApiKeys?.map((key) => key.reveal()),
    signing: Object.values(signing).map((list) => list?.map((secret) => secret.reveal())),
    graph: config.graphClientSecret?.reveal(),
    storage:
      storage.kind === 'servers'
        ? [storage.mongodbUrl.reveal(), storage.redisUrl.reveal()]
        : 'embedded',
    sinks: [sinkServers.mongodbUrl?.reveal(), sinkServers.redisUrl?.reveal()],
  };
}
