import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openThread } from '../../src/adapters/sqlite/thread-client.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import { TurnedClock } from '../support/clock.ts';
import { temporaryFolder } from '../support/folder.ts';
import { silentLog } from '../support/silent-log.ts';

const ADAPTERS = new URL('../../src/adapters/', import.meta.url);

// In a process of its own, because what is thrown by an event of a thread ends the process.
const OPEN = `
  const { openThread } = await import('${new URL('sqlite/thread-client.ts', ADAPTERS).href}');
  const { systemClock } = await import('${new URL('telemetry/clock.ts', ADAPTERS).href}');
  const entry = new URL('${new URL('sqlite/inbox-thread.ts', ADAPTERS).href}');
  const quiet = () => undefined;
  const log = { debug: quiet, info: quiet, warn: quiet, error: quiet };
  const file = process.argv[2];
  await openThread({ entry, file, readOnly: false, clock: systemClock, log, timeoutMs: 1000 }).then(
    () => process.stdout.write('opened'),
    (error) => process.stdout.write(error.message),
  );`;

describe('a database thread that was closed', () => {
  it('refuses at once what nobody will answer any more', async () => {
    const folder = temporaryFolder();
    const thread = await openThread({
      entry: new URL('sqlite/inbox-thread.ts', ADAPTERS),
      file: join(folder.path, 'inbox.db'),
      readOnly: false,
      clock: new TurnedClock(), // stands still: no deadline passes
      log: silentLog,
      timeoutMs: 1000,
    });
    await thread.close();
    await expect(thread.call('ping', null)).rejects.toThrow(StoreUnavailableError);
    folder.remove();
  });
});

describe('a database thread that cannot start', () => {
  it('fails its opening, and nothing else in the process', () => {
    const folder = temporaryFolder();
    const file = join(folder.path, 'inbox.db');
    writeFileSync(file, 'not a database, but long enough to look like one '.repeat(100));
    // By its input, because a thread is given the flags that its process had.
    const { status, stdout, stderr } = spawnSync(process.execPath, ['-', file], {
      input: OPEN,
      encoding: 'utf8',
    });
    folder.remove();
    expect({ status, stdout, stderr }).toEqual({
      status: 0,
      stdout: expect.stringContaining('file is not a database'),
      stderr: '',
    });
  });
});
