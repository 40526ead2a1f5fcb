import { beforeEach, describe, expect, it } from '@jest/globals';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { createNoteRefusal, type Refusal } from '../../src/app/audit/refusals.ts';
import type { AuditEntry } from '../../src/domain/audit/audit-entry.ts';
import { TurnedClock } from '../support/clock.ts';
import { silentLog } from '../support/silent-log.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

describe('what the audit is told of requests that were refused', () => {
  let entries: AuditEntry[];
  let clock: TurnedClock;
  let note: (refusal: Refusal) => void;

  beforeEach(() => {
    entries = [];
    clock = new TurnedClock();
    const audit = {
      async record(entry: AuditEntry) {
        entries.push(entry);
        return true;
      },
    };
    note = createNoteRefusal({ audit, clock, log: silentLog, metrics: createMetrics() });
  });

  const refuse = (network: string, userAgent = 'probe/1') =>
    note({
      kind: 'credential',
      ipAddress: network,
      network,
      path: '/api/sinks',
      userAgent,
      requestId: 'r',
    });

  /** A wrong key from each of so many networks. */
  function flood(networks: number): void {
    for (let n = 0; n < networks; n += 1) refuse(`2001:db8:${n.toString(16)}::`);
  }

  const own = () => entries.filter(({ ipAddress }) => ipAddress !== undefined).length;

  it('is five thousand networks a day at most, and then one entry a minute for all', async () => {
    for (let minutes = 0; minutes < 10; minutes += 1) {
      flood(1500);
      await clock.turn(MINUTE_MS);
    }
    expect(own()).toBe(5000);
    expect(entries).toHaveLength(5000 + 10);
    await clock.turn(DAY_MS - 10 * MINUTE_MS);
    flood(3);
    expect(own()).toBe(5003);
  });

  it('goes on with who had an entry of his own when the others have none', () => {
    flood(1001);
    flood(1001);
    expect(entries).toHaveLength(1001);
    expect(entries.at(-1)?.ipAddress).toBeUndefined();
  });

  it.each([
    ['é'.repeat(256), 'é'.repeat(128)],
    [`a${'é'.repeat(255)}`, `a${'é'.repeat(127)}`],
    ['a'.repeat(256), 'a'.repeat(256)],
  ])('has 256 bytes of a user agent, in whole characters: %#', (sent, kept) => {
    refuse('192.0.2.1', sent);
    expect(entries[0]?.userAgent).toBe(kept);
  });
});
