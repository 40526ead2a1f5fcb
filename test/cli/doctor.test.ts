import { randomBytes } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Finding, State } from '../../src/cli/doctor/finding.ts';
import { temporaryFolder } from '../support/folder.ts';
import { freePort } from '../support/free-port.ts';
import { OPERATOR_KEY, startService, type TestService } from '../support/service.ts';
import { cells, runCommand } from './command.ts';
import {
  makeCertificates,
  type ProxyAnswer,
  type PublicProxy,
  startPublicProxy,
  type Trick,
} from './public-proxy.ts';

const KEYS = new URL('../fixtures/graph/keys/', import.meta.url).pathname;
const ENCRYPTION_KEYS = `TEST-ONLY:${randomBytes(32).toString('hex')}`;
const CLIENT = '104.16.1.1'; // as the proxy says; one that is nobody's here would not be public
const EDGE = '172.68.10.5';
/** As Cloudflare does: marks every answer, and says of itself whom it sees. */
const cloudflare =
  (trace: () => ProxyAnswer | Promise<ProxyAnswer>): Trick =>
  (answer, { url }) =>
    url === '/cdn-cgi/trace'
      ? trace()
      : { ...answer, headers: { ...answer.headers, 'cf-ray': '1-FRA' } };
const caller = (address: string) => () => ({
  status: 200,
  headers: { 'content-type': 'text/plain' },
  body: `fl=1f1\nh=graph.example.com\nip=${address}\nts=1\n`,
});
const page: Trick = () => ({ status: 403, headers: { 'content-type': 'text/html' }, body: '<p>' });

describe('doctor', () => {
  const folder = temporaryFolder();
  let service: TestService;
  let proxy: PublicProxy;
  let made: Awaited<ReturnType<typeof makeCertificates>>;

  const environment = () => ({
    NODE_ENV: 'production',
    SALLYPORT_URL: service.url,
    DATA_DIR: service.dataDir,
    OPERATOR_API_KEY: OPERATOR_KEY,
    ENCRYPTION_KEYS,
    GRAPH_WEBHOOK_URL: proxy.webhookUrl,
    MIN_FREE_DISK_MB: '1',
  });
  const doctor = (env: Record<string, string> = {}, ...args: string[]) =>
    runCommand(['doctor', '--ca-file', made.caFile, ...args], {
      env: { ...environment(), ...env },
    });
  /** Exit code and findings, told apart by state. */
  async function examine(env: Record<string, string> = {}, ...args: string[]) {
    const { code, stdout, stderr } = await doctor(env, '--json', ...args);
    expect(stdout + stderr).not.toContain(ENCRYPTION_KEYS.slice(-64));
    expect(stdout + stderr).not.toContain(OPERATOR_KEY);
    const findings: Finding[] = JSON.parse(stdout);
    for (const { state, remedy } of findings) {
      expect(remedy !== null).toBe(state === 'warn' || state === 'fail');
    }
    const of = (check: string) => findings.filter((one) => one.check === check);
    const by = (wanted: State) => findings.filter(({ state }) => state === wanted);
    expect(code).toBe(by('fail').length === 0 ? 0 : 1);
    return { code, findings, of, by };
  }

  beforeAll(async () => {
    service = await startService({
      env: { MIN_FREE_DISK_MB: '1', ENCRYPTION_KEYS, TRUSTED_PROXIES: '127.0.0.1/32' },
    });
    made = await makeCertificates(folder.path);
    proxy = await startPublicProxy(made.good);
  });
  beforeEach(() => {
    proxy.lead(service);
    proxy.forwardFor(CLIENT);
    proxy.play((answer) => answer);
  });
  afterAll(async () => {
    await proxy.close();
    await service.close();
    folder.remove();
  });

  it('finds nothing wrong with a deployment that is well', async () => {
    proxy.play(cloudflare(caller(CLIENT)));
    const { code, by, of } = await examine();
    expect(by('fail')).toEqual([]);
    expect(code).toBe(0);
    // The one thing that a test cannot have: a public address.
    expect(by('warn').map(({ check }) => check)).toEqual(['name']);
    for (const check of ['service', 'service ready', 'operator key', 'handshake', 'TLS']) {
      expect(of(check)).toMatchObject([{ state: 'ok' }]);
    }
    expect(of('client address')).toMatchObject([
      { state: 'ok', found: expect.stringContaining(CLIENT) },
    ]);
    expect(of('allowed hosts')).toMatchObject([{ state: 'ok' }]);
    expect(of('lifecycle handshake')[0]?.found).toMatch(/^echoed unchanged in \d+ ms$/);
  });

  it('shows a table, and says on its error output how many', async () => {
    proxy.play(page);
    const ended = await doctor();
    const [head, ...rows] = cells(ended);
    expect(head).toEqual(['CHECK', 'STATE', 'FOUND', 'REMEDY']);
    expect(rows.every((row) => row.length === 4)).toBe(true);
    expect(rows.find(([check]) => check === 'handshake')?.[3]).toContain('page stands in front');
    expect(ended.stderr).toMatch(/\d+ ok, 1 warnings, 3 failed, \d+ skipped/);
    expect(ended.code).toBe(1);
  });

  it.each<[string, Trick, string, RegExp, RegExp]>([
    [
      'an echo that is escaped',
      (answer) => ({ ...answer, body: answer.body.replaceAll('&', '&amp;') }),
      'handshake',
      /escaped as HTML/,
      /rewrites it/,
    ],
    [
      'an echo that was not decoded',
      (answer) => ({ ...answer, body: encodeURIComponent(answer.body) }),
      'lifecycle handshake',
      /not decoded/,
      /rewrites it/,
    ],
    [
      'a token with a line behind it',
      (answer) => ({ ...answer, body: `${answer.body}\n` }),
      'handshake',
      /more around it/,
      /nothing else/,
    ],
    [
      'another type',
      (answer) => ({
        ...answer,
        headers: { ...answer.headers, 'content-type': 'application/json' },
      }),
      'handshake',
      /application\/json/,
      /text\/plain/,
    ],
    [
      'a redirect',
      () => ({ status: 301, headers: { location: 'https://other.example/x?token=1' }, body: '' }),
      'handshake',
      /^a redirect \(301\) to https:\/\/other\.example\/x$/,
      /does not follow redirects/,
    ],
    [
      'a login of Access',
      () => ({
        status: 302,
        headers: { location: 'https://team.cloudflareaccess.com/cdn-cgi/access/login?a=b' },
        body: '',
      }),
      'nothing in front',
      /redirect/,
      /Bypass policy/,
    ],
    [
      'a challenge',
      () => ({
        status: 403,
        headers: { 'cf-mitigated': 'challenge', server: 'cloudflare', 'content-type': 'text/html' },
        body: '<title>Just a moment...</title>',
      }),
      'nothing in front',
      /challenge of Cloudflare \(403\)/,
      /Bot Fight Mode off.*action Skip for http\.request\.uri\.path in/,
    ],
    [
      'a tunnel that is down',
      () => ({ status: 530, headers: { 'cf-ray': '1', 'content-type': 'text/html' }, body: '' }),
      'handshake',
      /error of Cloudflare \(530\)/,
      /is cloudflared running/,
    ],
    [
      'a path that is not there',
      () => ({ status: 404, headers: { 'content-type': 'application/json' }, body: '{}' }),
      'handshake',
      /404/,
      /ingress rules/,
    ],
    [
      'headers that were taken out',
      ({ status, headers, body }) => ({
        status,
        headers: { ...headers, 'strict-transport-security': undefined },
        body,
      }),
      'security headers',
      /missing: Strict-Transport-Security$/,
      /SECURITY_HEADERS_ENABLED/,
    ],
    [
      'a clock that is off',
      (answer) => ({
        ...answer,
        headers: { ...answer.headers, date: new Date(Date.now() - 120_000).toUTCString() },
      }),
      'clock of the public URL',
      /behind this machine/,
      /NTP/,
    ],
    [
      'an answer that takes too long',
      async (answer) => {
        await new Promise((resolve) => {
          setTimeout(resolve, 3100);
        });
        return answer;
      },
      'handshake',
      /unchanged in [34]\d{3} ms/, // after 5 s it would be no answer
      /drops what is slow/,
    ],
    [
      'no answer at all',
      () => new Promise(() => undefined),
      'handshake',
      /no answer within 5 s/,
      /curl/,
    ],
  ])('tells %s, and the remedy', async (_what, trick, check, found, remedy) => {
    proxy.play(trick);
    const { code, of, findings } = await examine();
    expect(code).toBe(1);
    expect(of(check)[0]).toMatchObject({ check, state: 'fail' });
    expect(of(check)[0]?.found).toMatch(found);
    expect(of(check)[0]?.remedy).toMatch(remedy);
    expect(findings.find((one) => one.check === 'operator key')?.state).toBe('ok');
  });

  it('warns of what tells versions', async () => {
    proxy.play((answer) => ({
      ...answer,
      headers: { ...answer.headers, server: 'nginx/1.27.0', 'x-powered-by': 'x' },
    }));
    const { code, of } = await examine();
    expect(code).toBe(0);
    expect(of('security headers')[1]).toMatchObject({
      state: 'warn',
      found: 'told to everybody: X-Powered-By, Server, with a version',
    });
  });

  it('asks the service whom it took this machine for', async () => {
    proxy.forwardFor(undefined);
    const ofClient = async (env: Record<string, string> = {}) =>
      (await examine(env)).of('client address');
    expect(await ofClient()).toMatchObject([{ state: 'skipped' }]);
    proxy.play((answer) => ({ ...answer, headers: { ...answer.headers, 'cf-ray': '1-FRA' } }));
    expect(await ofClient()).toMatchObject([
      { state: 'warn', remedy: expect.stringMatching(/^Set CLIENT_ADDRESS_HEADER=cf-connecting/) },
    ]);

    const other = await startService({ env: { ENCRYPTION_KEYS } });
    proxy.lead(other);
    const ofOther = { SALLYPORT_URL: other.url, DATA_DIR: other.dataDir };
    expect(await ofClient(ofOther)).toMatchObject([
      {
        state: 'warn',
        found: expect.stringMatching(/came as 127\.0\.0\.1: everybody/),
        remedy: expect.stringMatching(/TRUSTED_PROXIES=127\.0\.0\.1\/32.*=cf-connecting-ip/),
      },
    ]);
    expect(await ofClient()).toMatchObject([
      { state: 'skipped', found: expect.stringContaining('another service') },
    ]);
    expect(await ofClient({ INSTANCES: '2' })).toMatchObject([
      { state: 'skipped', found: expect.stringContaining('another of the 2 instances') },
    ]);
    await other.close();

    proxy.lead(service);
    proxy.play((answer) => ({
      ...answer,
      headers: { ...answer.headers, 'x-request-id': undefined },
    }));
    expect(await ofClient()).toMatchObject([
      { state: 'skipped', found: 'the public answer has no X-Request-Id' },
    ]);
  });

  it('asks Cloudflare whom it sees, since an edge has a public address, too', async () => {
    const ofClient = async (trace: Parameters<typeof cloudflare>[0]) => {
      proxy.play(cloudflare(trace));
      return (await examine()).of('client address');
    };
    proxy.forwardFor(`${CLIENT}, ${EDGE}`); // of a proxy without a tunnel, that adds whom it saw
    expect(await ofClient(caller(CLIENT))).toMatchObject([
      {
        state: 'warn',
        found: `came as ${EDGE}, and to Cloudflare as ${CLIENT}: all clients of an edge are one to the limits`,
        remedy: expect.stringMatching(/^Set CLIENT_ADDRESS_HEADER=cf-connecting-ip/),
      },
    ]);
    const silences: Parameters<typeof ofClient>[0][] = [
      () => ({ status: 404, headers: {}, body: '{}' }),
      () => ({ status: 200, headers: {}, body: 'ip=x' }),
      () => new Promise(() => undefined),
    ];
    for (const silence of silences) {
      expect(await ofClient(silence)).toMatchObject([
        { state: 'warn', remedy: expect.stringMatching(/^Compare it .*\/cdn-cgi\/trace/) },
      ]);
    }
  });

  it('does not take the public address of a load balancer for that of a client', async () => {
    expect((await examine()).of('client address')).toMatchObject([
      { state: 'skipped', found: expect.stringMatching(/or another proxy before the trusted one/) },
    ]);
  });

  it('judges the certificate of the public URL', async () => {
    const show = async (certificate: 'expired' | 'ending') => {
      const other = await startPublicProxy(made[certificate]);
      other.lead(service);
      const seen = await examine({ GRAPH_WEBHOOK_URL: other.webhookUrl });
      await other.close();
      return seen;
    };
    const expired = await show('expired');
    expect(expired.of('TLS')).toMatchObject([{ state: 'fail' }]);
    expect(expired.of('TLS')[0]?.remedy).toContain('Renew');
    expect(expired.of('TLS')[0]?.found).toContain('CERT_HAS_EXPIRED');
    expect(expired.of('handshake')).toMatchObject([{ state: 'skipped' }]);
    expect((await show('ending')).of('TLS')).toMatchObject([{ state: 'warn' }]);

    const strict = await runCommand(['doctor', '--json'], { env: environment() });
    expect(strict.code).toBe(1);
    expect(strict.stdout).toMatch(/"check": "TLS",\s+"state": "fail"/);
    expect(strict.stdout).toContain('whole chain');
  });

  it('tells a name that is none, a port where nobody listens, and http', async () => {
    const of = async (url: string) => (await examine({}, '--public-url', url)).findings;
    expect(await of('https://nobody.invalid/webhooks/graph')).toContainEqual(
      expect.objectContaining({ check: 'name', state: 'fail' }),
    );
    expect(await of(`https://127.0.0.1:${await freePort()}/webhooks/graph`)).toContainEqual(
      expect.objectContaining({
        check: 'TLS',
        state: 'fail',
        found: expect.stringMatching(/REFUSED/),
      }),
    );
    expect(await of('http://127.0.0.1/webhooks/graph')).toContainEqual(
      expect.objectContaining({ check: 'public URL', state: 'fail' }),
    );
    expect((await doctor({}, '--public-url', 'somewhere')).code).toBe(2);
    const withPassword = 'https://:clear-secret@127.0.0.1/webhooks/graph';
    const refused = await doctor({}, '--public-url', withPassword);
    expect(refused.code).toBe(2);
    expect(refused.stdout + refused.stderr).not.toContain('clear-secret');
    expect((await doctor({}, '--ca-file', '/nowhere.pem')).code).toBe(2);
  });

  it('goes on when the service is away, or refuses the key', async () => {
    const url = `http://127.0.0.1:${await freePort()}`;
    const away = await examine({ SALLYPORT_URL: url });
    expect(away.of('service')).toMatchObject([{ state: 'fail' }]);
    expect(away.of('operator key')).toMatchObject([{ state: 'skipped' }]);
    expect(away.of('handshake')).toMatchObject([{ state: 'ok' }]);
    const other = { OPERATOR_API_KEY: randomBytes(32).toString('hex') };
    const refused = await examine(other);
    expect(refused.of('operator key')).toMatchObject([{ state: 'fail' }]);
    expect(refused.of('operator key')[0]?.remedy).toContain('--key-file');
    expect(refused.of('handshake')).toMatchObject([{ state: 'ok' }]);
    for (const { of } of [away, refused]) {
      expect(of('client address')).toMatchObject([
        { state: 'skipped', found: 'the service does not tell' },
      ]);
    }
  });

  it('says that it was asked too often, and does not blame the key', async () => {
    const limited = await startService({
      env: { ENCRYPTION_KEYS, RATE_LIMIT_API_MAX: '1', TRUSTED_PROXIES: '127.0.0.1/32' },
    });
    expect((await limited.api('GET', '/api/sinks')).status).toBe(200);
    proxy.lead(limited);
    const { code, of } = await examine({ SALLYPORT_URL: limited.url, DATA_DIR: limited.dataDir });
    await limited.close();
    expect(code).toBe(0);
    for (const check of ['operator key', 'client address']) {
      expect(of(check)).toMatchObject([
        { state: 'warn', found: expect.stringContaining('asked too often') },
      ]);
      expect(of(check)[0]?.remedy).toMatch(/^Ask again in \d+ s; .*RATE_LIMIT_API_MAX/);
    }
  });

  it('warns of proxies that are everybody', async () => {
    const { code, of } = await examine({ TRUSTED_PROXIES: '0.0.0.0/0' });
    expect(code).toBe(0);
    expect(of('trusted proxies')).toMatchObject([
      { state: 'warn', remedy: expect.stringContaining('Narrow TRUSTED_PROXIES') },
    ]);
  });

  it('lists every problem of the configuration, and goes on', async () => {
    const { of } = await examine({ PORT: 'x', RETENTION_DAYS: '-1', ENCRYPTION_KEYS: '' });
    const problems = of('configuration').map(({ state, found }) => `${state} ${found}`);
    expect(problems).toEqual([
      expect.stringMatching(/^fail ENCRYPTION_KEYS is missing/),
      expect.stringMatching(/^fail PORT must be/),
      expect.stringMatching(/^fail RETENTION_DAYS must be/),
    ]);
    expect(of('service')).toMatchObject([{ state: 'ok' }]);
    expect(of('public URL')).toMatchObject([{ state: 'skipped' }]);
  });

  it('tells a host that would be refused, but for names of this machine', async () => {
    const env = { ALLOWED_HOSTS: '', GRAPH_WEBHOOK_URL: 'https://graph.invalid/webhooks/graph' };
    expect((await examine(env)).of('allowed hosts')).toMatchObject([{ state: 'ok' }]);
    const { of } = await examine(env, '--public-url', 'https://other.invalid/webhooks/graph');
    expect(of('allowed hosts')).toMatchObject([
      { state: 'fail', remedy: 'Add to ALLOWED_HOSTS: other.invalid' },
    ]);
  });

  it('judges secrets as production would, and their files', async () => {
    const { DATA_DIR, ...env } = { ...environment(), DATA_DIR: join(folder.path, 'data') };
    const secrets = join(DATA_DIR, 'secrets');
    mkdirSync(secrets, { recursive: true, mode: 0o700 });
    writeFileSync(join(secrets, 'encryption-key'), 'TEST-ONLY', { mode: 0o600 });
    const weak = {
      ...env,
      DATA_DIR,
      NODE_ENV: 'development',
      ENCRYPTION_KEYS: '',
      ACCESS_TOKEN_SECRETS: 'short',
    };
    const development = await examine(weak);
    expect(development.code).toBe(0);
    expect(development.of('secrets')).toMatchObject([
      { state: 'warn', found: 'ACCESS_TOKEN_SECRETS is shorter than 32 characters' },
    ]);
    expect(development.of('secrets')[0]?.remedy).toContain('openssl rand -hex 32');
    expect(development.of('generated secrets')).toMatchObject([{ state: 'warn' }]);
    expect(development.of('production')).toMatchObject([{ state: 'warn' }]);
    expect(development.of('secret files')).toMatchObject([{ state: 'ok' }]);
    expect((await examine({ ...weak, INSTANCES: '2' })).of('generated secrets')).toMatchObject([
      { state: 'fail' },
    ]);
    chmodSync(join(secrets, 'encryption-key'), 0o644);
    const open = (await examine(weak)).of('secret files');
    expect(open).toMatchObject([{ state: 'fail' }]);
    expect(open[0]?.remedy).toContain(`chmod -R go= ${secrets}`);
  });

  it('judges who may use .env and what stands in files', async () => {
    const cwd = join(folder.path, 'here');
    mkdirSync(cwd);
    const put = (name: string, mode: number) => {
      const path = join(cwd, name);
      writeFileSync(path, name === '.env' ? 'LOG_LEVEL=info\n' : `${OPERATOR_KEY}\n`);
      chmodSync(path, mode);
      return path;
    };
    const file = put('operator', 0o600);
    const { OPERATOR_API_KEY: _, ...env } = environment();
    const look = async (dotEnv: number, mode: number) => {
      put('.env', dotEnv);
      chmodSync(file, mode);
      const args = ['doctor', '--json', '--ca-file', made.caFile];
      const { stdout } = await runCommand(args, {
        env: { ...env, OPERATOR_API_KEY_FILE: file },
        cwd,
      });
      const findings: Finding[] = JSON.parse(stdout);
      const files = findings.filter(({ check }) => check === 'secret files');
      return files.slice(1).map(({ state, found }) => `${state} ${found}`); // the first: DATA_DIR's
    };
    expect(await look(0o600, 0o640)).toEqual([`ok .env, ${file}: not for everybody`]);
    expect(await look(0o666, 0o600)).toEqual([
      'fail others may change .env',
      `ok ${file}: not for everybody`,
    ]);
    expect(await look(0o644, 0o666)).toEqual([
      `fail others may change ${file}`,
      'warn more than the owner may read or change .env',
    ]);
  });

  it('judges who may use private keys', async () => {
    const pairs = join(folder.path, 'keys');
    mkdirSync(pairs);
    for (const [name, mode] of [
      ['a.key.pem', 0o666],
      ['b.key.pem', 0o644],
      ['c.key.pem', 0o600],
      ['a.crt.pem', 0o666],
    ] as const) {
      writeFileSync(join(pairs, name), '');
      chmodSync(join(pairs, name), mode);
    }
    const { findings } = await examine({ ENCRYPTION_CERTIFICATES: pairs });
    const ofKeys = findings.filter(
      ({ check, found }) => check === 'secret files' && found.includes(pairs),
    );
    expect(ofKeys.map(({ state, found }) => `${state} ${found.replaceAll(pairs, '')}`)).toEqual([
      'fail others may change /a.key.pem',
      'warn more than the owner may read or change /b.key.pem',
      'ok /c.key.pem: not for everybody',
    ]);
  });

  it('judges the pairs for encrypted notifications', async () => {
    const pairs = join(folder.path, 'pairs');
    mkdirSync(pairs);
    const put = (from: string, to: string) =>
      copyFileSync(join(KEYS, `TEST-ONLY-test-cert-${from}.pem`), join(pairs, `${to}.pem`));
    put('a.crt', 'good.crt');
    put('a.key', 'good.key');
    put('a.crt', 'mixed.crt');
    put('b.key', 'mixed.key');
    put('a.crt', 'half.crt');
    writeFileSync(join(pairs, 'torn.crt.pem'), 'x');
    writeFileSync(join(pairs, 'torn.key.pem'), 'x');
    const { of } = await examine({ ENCRYPTION_CERTIFICATES: pairs });
    expect(of('certificate good')).toMatchObject([{ state: 'ok' }]);
    expect(of('certificate mixed')).toMatchObject([
      { found: 'the key belongs to another certificate' },
    ]);
    expect(of('certificate half')).toMatchObject([{ found: 'half.key.pem is missing' }]);
    expect(of('certificate torn')).toMatchObject([{ found: 'the certificate cannot be read' }]);
    expect((await examine()).of('certificates')).toMatchObject([{ state: 'skipped' }]);
  });
});
