import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { arrivals, startLoad } from '../faults/load.ts';
import { startChild, type ChildService } from '../support/child-service.ts';
import { temporaryFolder } from '../support/folder.ts';
import { startReceiver, type Receiver } from '../support/receiver.ts';
import { askApi, importSamples } from '../support/service.ts';
import { until } from '../support/wait.ts';
import { BIN, operatorOf, runCommand } from './command.ts';

describe('backup and restore', () => {
  let folder: ReturnType<typeof temporaryFolder>;
  let receiver: Receiver;
  let service: ChildService;
  const at = (name: string) => join(folder.path, name);
  const backUp = (to: string) => runCommand(['backup', at(to), '--data-dir', at('data'), '--json']);
  const restore = (from: string, to: string) =>
    runCommand(['restore', at(from), '--data-dir', at(to), '--json']);

  beforeEach(async () => {
    folder = temporaryFolder();
    receiver = await startReceiver();
    service = await startChild({ dataDir: at('data') });
    const api = (method: string, path: string, body?: unknown) =>
      askApi(service.url, { method, path, body });
    await importSamples({ api });
    await api('POST', '/api/sinks', { name: 'hook', kind: 'webhook', url: receiver.url });
  });
  afterEach(async () => {
    await service.end('SIGKILL');
    await receiver.close();
    folder.remove();
  });

  it('keeps everything that was acknowledged before it, taken under load', async () => {
    // Nothing is delivered before the restore, so what arrives after it was in the backup.
    receiver.answer({ status: 503 });
    const load = startLoad({ url: () => service.url, connections: 4, batch: 10 });
    await until(() => load.acknowledged.size > 2000, 'some load');
    const before = new Set(load.acknowledged);
    const { code, stdout, stderr } = await backUp('backup');
    expect({ code, stderr: stderr.includes('keys') }).toEqual({ code: 0, stderr: true });
    expect(load.acknowledged.size).toBeGreaterThan(before.size);
    await load.stop();
    await service.end('SIGKILL');

    const manifest = JSON.parse(stdout);
    expect(manifest.files.map(({ path }: { path: string }) => path)).toEqual([
      'inbox.db',
      'store.db',
      'secrets/encryption-key',
    ]);
    for (const { path, bytes, sha256 } of manifest.files) {
      const content = readFileSync(join(at('backup'), path));
      expect(content.length).toBe(bytes);
      expect(createHash('sha256').update(content).digest('hex')).toBe(sha256);
      expect(statSync(join(at('backup'), path)).mode & 0o777).toBe(0o600);
    }

    expect((await restore('backup', 'restored')).code).toBe(0);
    const seen = receiver.received.length;
    receiver.answer({});
    service = await startChild({ dataDir: at('restored') });
    const missing = () => {
      const counts = arrivals(receiver.received.slice(seen).map(({ body }) => body));
      return [...before].filter((id) => !counts.has(id));
    };
    await until(() => missing().length === 0, 'all that was acknowledged', 45_000);
  }, 90_000);

  it('refuses while a service runs there, and changes nothing', async () => {
    await backUp('backup');
    const ended = await restore('backup', 'data');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/in use by another Sallyport/);
    expect(readdirSync(folder.path).toSorted()).toEqual(['backup', 'data']);
    expect((await operatorOf(service).run('status')).code).toBe(0);
  });

  it('keeps what was there aside', async () => {
    await backUp('backup');
    await service.end('SIGTERM');
    writeFileSync(join(at('data'), 'mark'), 'of the former folder');
    const { keptAside } = JSON.parse((await restore('backup', 'data')).stdout);
    expect(keptAside.startsWith(`${at('data')}.before-restore-`)).toBe(true);
    expect(readFileSync(join(keptAside, 'mark'), 'utf8')).toBe('of the former folder');
    expect(readdirSync(at('data')).toSorted()).toEqual(['inbox.db', 'secrets', 'store.db']);
    expect(readdirSync(folder.path)).toHaveLength(3);
  });

  it('does not write into a folder that has something', async () => {
    await backUp('backup');
    const ended = await backUp('backup');
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/is not empty/);
  });

  it('says where no folder can be made', async () => {
    const ended = await runCommand(['backup', '/proc/nowhere/backup', '--data-dir', at('data')]);
    expect(ended.code).toBe(1);
    expect(ended.stderr).toMatch(/folder of the backup cannot be used, for no folder \/proc/);
  });

  it('restores nothing that is not what was backed up', async () => {
    await backUp('backup');
    await service.end('SIGTERM');
    const before = readFileSync(join(at('data'), 'store.db'));
    const cases: Readonly<Record<string, readonly [(copy: string) => void, RegExp]>> = {
      torn: [(copy) => truncateSync(join(copy, 'store.db'), 8192), /store\.db is not what was/],
      altered: [(copy) => alter(join(copy, 'inbox.db')), /inbox\.db is not what was/],
      missing: [(copy) => spawnSync('rm', [join(copy, 'inbox.db')]), /inbox\.db cannot be read/],
      'cut off': [(copy) => spawnSync('rm', [join(copy, 'manifest.json')]), /is no whole backup/],
      mangled: [
        (copy) => truncateSync(join(copy, 'manifest.json'), 40),
        /is damaged, or of a newer/,
      ],
      // The digest fits, what it is of does not: the database itself is looked at.
      'torn before': [
        (copy) => {
          truncateSync(join(copy, 'store.db'), 8192);
          editManifest(copy, 'store.db', {});
        },
        /store\.db is damaged/,
      ],
      'of a newer program': [
        (copy) => {
          sqlite(join(copy, 'store.db'), "UPDATE meta SET value = 99 WHERE key = 'readableFrom'");
          editManifest(copy, 'store.db', {});
        },
        /written by a newer Sallyport/,
      ],
      'leading elsewhere': [
        (copy) => editManifest(copy, 'store.db', { path: '../data/x' }),
        /is damaged/,
      ],
    };
    for (const [name, [harm, about]] of Object.entries(cases)) {
      cpSync(at('backup'), at(name), { recursive: true });
      harm(at(name));
      const ended = await restore(name, 'data');
      expect({ name, code: ended.code }).toEqual({ name, code: 1 });
      expect(ended.stderr).toMatch(about);
    }
    expect(readFileSync(join(at('data'), 'store.db')).equals(before)).toBe(true);
    const left = readdirSync(folder.path).filter((name) => name.startsWith('data'));
    expect(left).toEqual(['data']);
  });

  it.each(['inbox.db', 'store.db'])(
    'has a torn or altered %s told by its name at the start',
    async (name) => {
      await service.end('SIGTERM');
      const file = join(at('data'), name);
      const whole = readFileSync(file);
      const harms: readonly (() => void)[] = [
        () => truncateSync(file, 8192),
        () => truncateSync(file, 100),
        () => alter(file),
        () => writeFileSync(file, 'something else altogether '.repeat(1000)),
      ];
      for (const harm of harms) {
        harm();
        const ended = startOn(at('data'));
        expect(ended.status).toBe(1);
        expect(ended.stderr).toContain(`${file} is damaged`);
        expect(ended.stderr).toContain('npx sallyport restore <backup> --data-dir <folder>');
        writeFileSync(file, whole);
      }
      // Nothing of it was the data folder's own fault.
      service = await startChild({ dataDir: at('data') });
    },
  );
});

/** Starts the service by the command; it is expected to end. */
function startOn(dataDir: string) {
  return spawnSync(process.execPath, [BIN, 'start'], {
    encoding: 'utf8',
    timeout: 30_000,
    cwd: '/',
    env: { PATH: process.env['PATH'], DATA_DIR: dataDir, PORT: '0', METRICS_ENABLED: 'false' },
  });
}

/** Overwrites the second page, whatever is there. */
function alter(file: string): void {
  const content = readFileSync(file);
  content.fill(7, 4096, 8192);
  writeFileSync(file, content);
}

function sqlite(file: string, sql: string): void {
  const script = `const { DatabaseSync } = require('node:sqlite');
    const db = new DatabaseSync(${JSON.stringify(file)});
    db.exec('PRAGMA journal_mode = DELETE'); db.exec(${JSON.stringify(sql)}); db.close();`;
  expect(spawnSync(process.execPath, ['-e', script]).status).toBe(0);
  expect(existsSync(`${file}-wal`)).toBe(false);
}

/** Makes the manifest fit the file as it is now, and changes what else is said. */
function editManifest(folder: string, path: string, change: object): void {
  const file = join(folder, 'manifest.json');
  const manifest = JSON.parse(readFileSync(file, 'utf8'));
  const content = readFileSync(join(folder, path));
  const sha256 = createHash('sha256').update(content).digest('hex');
  for (const entry of manifest.files) {
    if (entry.path === path) Object.assign(entry, { bytes: content.length, sha256, ...change });
  }
  writeFileSync(file, JSON.stringify(manifest));
}
