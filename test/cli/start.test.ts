import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { temporaryFolder } from '../support/folder.ts';
import { until } from '../support/wait.ts';
import { BIN, startCommand } from './command.ts';

describe('the command and the service', () => {
  it('starts the service, finds it by the same environment, and stops it', async () => {
    const folder = temporaryFolder();
    const env = {
      DATA_DIR: folder.path,
      PORT: '0',
      METRICS_ENABLED: 'false',
      MIN_FREE_DISK_MB: '0',
    };
    const service = startCommand(['start'], { env });
    const told = () => /listens on (http:\S+);/.exec(service.stdout());
    await until(() => told() !== null, 'the start');
    const [, url = ''] = told() ?? [];
    const { DATA_DIR } = env;
    const status = await startCommand(['status'], { env: { DATA_DIR, SALLYPORT_URL: url } }).ended;
    expect(status.code).toBe(0);
    expect((await service.end('SIGTERM')).code).toBe(0);
    folder.remove();
  });

  it('names everything that is missing when it cannot start', async () => {
    const { code, stderr } = await startCommand(['start'], { env: { NODE_ENV: 'production' } })
      .ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/ENCRYPTION_KEYS is missing[^]*OPERATOR_API_KEY is missing/);
  });

  it('sends an older Node away with a sentence', () => {
    const older = "Object.defineProperty(process.versions, 'node', { value: '20.20.2' })";
    const args = ['--import', `data:text/javascript,${encodeURIComponent(older)}`, BIN, 'status'];
    const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^Sallyport needs Node 24\.15 or newer, [^\n]*"npm ci"[^\n]*\n$/);
  });

  it('is what npx finds', () => {
    const { bin } = JSON.parse(
      readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
    );
    expect(new URL(`../../${bin.sallyport}`, import.meta.url).pathname).toBe(BIN);
    expect(readFileSync(BIN, 'utf8')).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(spawnSync(BIN, ['--version'], { encoding: 'utf8' }).stdout).toBe('0.1.0\n');
  });
});
