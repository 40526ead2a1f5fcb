import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, jest } from '@jest/globals';
import { openSqliteInbox, type SqliteInbox } from '../../src/adapters/sqlite/inbox.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { StoreUnavailableError } from '../../src/domain/errors.ts';
import type { Receipt } from '../../src/domain/notifications/receipt.ts';
import type { LogFields } from '../../src/ports/log.ts';
import { silentLog } from '../support/silent-log.ts';
import { until } from '../support/wait.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { expectAtOnce } from './hang-scenario.ts';
import { describeWith, PRLIMIT } from './needs.ts';
import { mountSmallDisk, SMALL_DISK, type SmallDisk } from './small-disk.ts';

jest.setTimeout(90_000);

/** Posts one after the other until it is told to stop; `statuses` is what was answered. */
function keepPosting(gateway: Gateway): {
  readonly statuses: readonly number[];
  stop: () => Promise<void>;
} {
  const statuses: number[] = [];
  let stopping = false;
  const running = (async () => {
    while (!stopping) {
      const { status } = await gateway.post(`kept-${statuses.length}`);
      statuses.push(status);
      if (status !== 202) await sleep(20); // the patience of a sender
    }
  })();
  return {
    statuses,
    stop() {
      stopping = true;
      return running;
    },
  };
}

async function onSmallDisk(
  options: { megabytes: number; env?: Record<string, string> },
  test: (gateway: Gateway, disk: SmallDisk) => Promise<void>,
): Promise<void> {
  const disk = mountSmallDisk(options.megabytes);
  try {
    const gateway = await startGateway({ dataDir: join(disk.path, 'data'), ...options });
    try {
      await test(gateway, disk);
    } finally {
      await gateway.close();
    }
  } finally {
    disk.unmount();
  }
}

async function untilAccepted(gateway: Gateway, id: string): Promise<void> {
  await until(async () => (await gateway.post(id)).status === 202, 'it accepts again');
}

describeWith(SMALL_DISK, 'a disk that is full', () => {
  it('is answered 503, named in the log, and nothing that was acknowledged is lost', () =>
    onSmallDisk({ megabytes: 16 }, async (gateway, disk) => {
      const load = keepPosting(gateway);
      await until(() => gateway.acknowledged.size > 50, 'notifications arrive');
      disk.fill(0);
      let refused = await gateway.post('full');
      await until(async () => {
        refused = await gateway.post('full');
        return refused.status === 503;
      }, 'the disk is noticed to be full');
      expect(refused.retryAfter).toBeGreaterThanOrEqual(1);
      await expectAtOnce(() => gateway.handshake());
      await gateway.untilSaid(/inbox\.db: .*database or disk is full/);
      await until(() => load.statuses.includes(503), 'whoever goes on posting is told as well');

      disk.makeRoom();
      await until(() => load.statuses.at(-1) === 202, 'it accepts again');
      await load.stop();
      expect(new Set(load.statuses)).toEqual(new Set([202, 503]));
      await gateway.untilDelivered(45_000);
    }));

  it('is not filled by notifications: MIN_FREE_DISK_MB keeps room for what is under way', () =>
    onSmallDisk({ megabytes: 16, env: { MIN_FREE_DISK_MB: '4' } }, async (gateway, disk) => {
      expect((await gateway.post('before')).status).toBe(202);
      disk.fill(3 * 1024 * 1024);
      let refused = await gateway.post('low');
      await until(async () => {
        refused = await gateway.post('low');
        return refused.status === 503;
      }, 'the bound is noticed, which is asked for once a second');
      expect(refused.retryAfter).toBe(5);
      expect(refused.text).toContain('almost full');
      await gateway.untilDelivered();
      expect(gateway.child.lines.join('\n')).not.toMatch(/disk is full/);

      disk.makeRoom();
      await untilAccepted(gateway, 'room');
      await gateway.untilDelivered();
    }));
});

describeWith(SMALL_DISK, 'a disk too full to fold the log into the file', () => {
  it('keeps what is in the log, and takes more once there is room', async () => {
    const disk = mountSmallDisk(96);
    const errors: LogFields[] = [];
    const log = { ...silentLog, error: (fields: LogFields) => errors.push(fields) };
    const opened: SqliteInbox[] = [];
    const open = async () => {
      const options = { dataDir: disk.path, clock: systemClock, log, timeoutMs: 5000 };
      const inbox = await openSqliteInbox(options);
      opened.push(inbox);
      return inbox;
    };
    try {
      const first = await open();
      const stored: number[] = [];
      // The log is due to be folded at 64 MiB: that would need as much again.
      for (let at = 0; at < 30; at += 1) if (await append(first, at)) stored.push(at);
      expect(stored.length).toBeGreaterThanOrEqual(64 / 4);
      expect(stored.length).toBeLessThan(30);

      disk.resize(256);
      expect(await append(first, 30)).toBe(true);
      expect(errors).toEqual([]); // the thread has lived through it
      await first.close();
      const kept = await (await open()).inbox.unsettled({ limit: 100 });
      expect(kept.map(({ id }) => id)).toEqual([...stored, 30].map((at) => aLargeReceipt(at).id));
    } finally {
      await opened.at(-1)?.close();
      disk.unmount();
    }
  });
});

function aLargeReceipt(at: number): Receipt {
  const item = { place: 0, organizationId: 'default', subscriptionId: 's', applicationId: 'a' };
  return {
    id: `receipt-${String(at).padStart(2, '0')}`,
    organizationId: 'default',
    receivedAt: at,
    tokens: null,
    items: [{ ...item, text: 'x'.repeat(4 * 1024 * 1024) }],
  };
}

async function append({ inbox }: SqliteInbox, at: number): Promise<boolean> {
  const deadline = Date.now() + 5000;
  return inbox.append({ receipt: aLargeReceipt(at) }, deadline).then(() => true, isRefusal);
}

function isRefusal(error: unknown): false {
  expect(error).toBeInstanceOf(StoreUnavailableError);
  return false;
}

describeWith(PRLIMIT, 'a file that must not grow any more', () => {
  it('is answered 503, named in the log, and forgotten when it may', async () => {
    const gateway = await startGateway();
    const allow = (bytes: number | 'unlimited') =>
      execFileSync('prlimit', [`--pid=${gateway.child.pid}`, `--fsize=${bytes}:unlimited`]);
    try {
      expect((await gateway.post('before')).status).toBe(202);
      await gateway.untilDelivered();
      allow(statSync(join(gateway.dataDir, 'inbox.db-wal')).size);
      expect(await gateway.post('refused')).toMatchObject({ status: 503, retryAfter: 1 });
      await expectAtOnce(() => gateway.handshake());
      await gateway.untilSaid(/inbox\.db: (?:append: )?disk I\/O error/);

      allow('unlimited');
      expect((await gateway.post('after')).status).toBe(202);
      await gateway.untilDelivered();
    } finally {
      await gateway.close();
    }
  });
});
