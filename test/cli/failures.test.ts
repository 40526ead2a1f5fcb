import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/folder.ts';
import { OPERATOR_KEY, startService, type TestService } from '../support/service.ts';
import { operatorOf, runCommand, startCommand, type Ended } from './command.ts';

/** One line, that names the command and holds no key. */
function expectSentence({ stdout, stderr }: Ended, about: RegExp): void {
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^sallyport: [^\n]+\n$/);
  expect(stderr).toMatch(about);
  expect(stderr).not.toContain(OPERATOR_KEY);
}

describe('a command that fails', () => {
  let service: TestService;
  const folder = temporaryFolder();
  const write = (name: string, text: string) => {
    const path = join(folder.path, name);
    writeFileSync(path, text);
    return path;
  };

  beforeAll(async () => {
    service = await startService();
  });
  afterAll(async () => {
    await service.close();
    folder.remove();
  });

  it.each([
    ['status'],
    ['sinks list'],
    ['subscriptions show 1'],
    ['notifications tail'],
    ['dead-letters list'],
    ['listen --forward http://localhost:1/'],
    ['simulate'],
  ])('says that the service is away: %s', async (line) => {
    const ended = await operatorOf({ url: 'http://127.0.0.1:9' }).run(line);
    expect(ended.code).toBe(3);
    expectSentence(ended, /does not answer at http:\/\/127\.0\.0\.1:9/);
  });

  it.each([['sinks list'], ['listen --forward http://localhost:1/'], ['simulate']])(
    'says that the key is refused, and where it is from: %s',
    async (line) => {
      const env = { OPERATOR_API_KEY: 'wrong-key-of-somebody-else-0123456789' };
      const ended = await operatorOf(service).run(line, { env });
      expect(ended.code).toBe(4);
      expectSentence(ended, /key/);
      expect(ended.stderr).not.toContain(env.OPERATOR_API_KEY);
    },
  );

  it('says that there is no key, and where it looked', async () => {
    const ended = await runCommand(['--url', service.url, 'sinks', 'list'], { cwd: folder.path });
    expect(ended.code).toBe(4);
    expectSentence(ended, /there is none in data\/secrets\/operator-api-key/);
  });

  it('takes the key of a file before that of the environment', async () => {
    const env = { OPERATOR_API_KEY: 'wrong-key-of-somebody-else-0123456789' };
    const file = write('key', `${OPERATOR_KEY}\n`);
    const { code } = await operatorOf(service).run(`sinks list --key-file ${file}`, { env });
    expect(code).toBe(0);
  });

  it.each(['', ' ', '\n'])(
    'takes the first of the keys in a file, as the service takes any: %j',
    async (space) => {
      const file = write('keys', `${OPERATOR_KEY},${space}key-that-is-about-to-go-0123456789abc\n`);
      const { code } = await operatorOf(service).run(`sinks list --key-file ${file}`);
      expect(code).toBe(0);
    },
  );

  it.each([
    'sinks list --url http://bob:clear-secret@127.0.0.1:9',
    'sinks list --url http://:clear-secret@127.0.0.1:9',
    'sinks list --url bob:clear-secret@127.0.0.1:9',
    'sinks list --url ftp://bob:clear-secret@127.0.0.1:9',
    'doctor --url http://bob:clear-secret@127.0.0.1:9',
    'listen --forward http://bob:clear-secret@127.0.0.1:9',
  ])('takes no password in a URL, and quotes none: %s', async (line) => {
    const ended = await operatorOf(service).run(line);
    expect(ended.code).toBe(2);
    expectSentence(ended, /without a user and a password/);
    expect(ended.stderr).not.toContain('clear-secret');
  });

  it('reads .env, and finds the key where the service has put it', async () => {
    const own = temporaryFolder();
    mkdirSync(join(own.path, 'kept', 'secrets'), { recursive: true });
    writeFileSync(join(own.path, 'kept', 'secrets', 'operator-api-key'), `${OPERATOR_KEY}\n`);
    writeFileSync(join(own.path, '.env'), `SALLYPORT_URL=${service.url}\nDATA_DIR=kept\n`);
    const { code } = await runCommand(['sinks', 'list'], { cwd: own.path });
    expect(code).toBe(0);
    own.remove();
  });

  it.each([
    ['subscriptions show 7f105c7d-2dc5-4530-97cd-4e7ae6534c07', 5],
    ['sinks show nobody', 5],
    ['notifications show nothing', 5],
    ['notifications replay --to nobody', 5],
    ['sinks restore log', 5],
    ['nonsense', 2],
    ['sinks', 2],
    ['sinks list --limit 0', 2],
    ['sinks list --colour', 2],
    ['sinks add hook', 2],
    ['sinks add hook --to ftp://example.com/', 2],
    ['sinks add hook --to https://example.com/ --lifecycle sometimes', 2],
    ['notifications list --from yesterday', 2],
    ['notifications list --from 2026-11-22', 2],
    ['notifications list --state lost', 2],
    ['dead-letters redrive', 2],
    ['dead-letters discard some --all', 2],
    ['listen', 2],
    ['listen --forward localhost:3000', 2],
    ['status --url localhost:8010', 2],
    ['sinks list --key-file /nowhere/key', 2],
    ['simulate --rate 0', 2],
    ['simulate --rate 2000 --duration 9d', 2],
    ['restore /nowhere --data-dir /nowhere/data', 1],
    ['backup /nowhere/backup --data-dir /nowhere/data', 1],
  ])('tells by its exit code what kind of failure it is: %s', async (line, code) => {
    const ended = await operatorOf(service).run(line);
    expect({ code: ended.code, stderr: ended.stderr }).toEqual({
      code,
      stderr: expect.any(String),
    });
    // A group without its command shows its help.
    if (line !== 'sinks') expectSentence(ended, /./);
  });

  it('says what is wrong with a file, and quotes none of it', async () => {
    const { run } = operatorOf(service);
    const cases: readonly (readonly [file: string, about: RegExp])[] = [
      [join(folder.path, 'missing.yaml'), /cannot be read/],
      [write('broken.yaml', 'subscriptions: [ "clear-secret'), /neither YAML nor JSON/],
      [write('text.yaml', 'clear-secret'), /the file: /],
      [write('unknown.yaml', 'subscription: []'), /the file: .*subscription/],
      [write('half.yaml', 'sinks: [{ name: a }, { name: a }]'), /sinks\.1\.name: is there already/],
      [write('unset.yaml', 'sinks: [{ name: a, url: "${NOT_SET}" }]'), /needs \$NOT_SET/],
      [
        write('state.yaml', 'subscriptions: [{ id: 1, clientState: clear-secret }]'),
        /subscriptions\.0\.id: .*subscriptions\.0\.tenantId/,
      ],
    ];
    for (const [file, about] of cases) {
      const ended = await run(`apply -f ${file}`);
      expect(ended.code).toBe(2);
      expectSentence(ended, about);
      expect(ended.stderr).not.toContain('clear-secret');
    }
    const ended = await run(`subscriptions import -f ${write('bad.json', '{"id":"x"}')}`);
    expect(ended.code).toBe(2);
    expectSentence(ended, /id: .*tenantId: /);
  });

  it('is interrupted with a sentence, and not with a stack', async () => {
    const server = await silentServer();
    const { port } = server.address() as AddressInfo;
    const running = startCommand(['sinks', 'list', '--url', `http://127.0.0.1:${port}`]);
    await once(server, 'request');
    const ended = await running.end('SIGINT');
    expect(ended.code).toBe(1);
    expectSentence(ended, /Interrupted/);
    server.closeAllConnections();
    server.close();
  });

  it('does not take another server for the service, nor follow where it leads', async () => {
    const server = createServer((_req, res) => {
      res.writeHead(302, { location: `${service.url}/api/sinks` }).end('<html>');
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const ended = await operatorOf({ url: `http://127.0.0.1:${port}` }).run('sinks list');
    expect(ended.code).toBe(1);
    expectSentence(ended, /is no Sallyport: HTTP 302/);
    server.close();
  });

  it('warns before a key goes over the network in clear', async () => {
    const ended = await operatorOf({ url: 'http://sallyport.invalid' }).run('sinks list');
    expect(ended.code).toBe(3);
    expect(ended.stderr).toMatch(/^The key goes to http:\/\/sallyport\.invalid unencrypted/);
  });
});

async function silentServer(): Promise<Server> {
  const server = createServer(() => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
