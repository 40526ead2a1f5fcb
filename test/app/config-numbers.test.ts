import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { problemsOf } from './config-problems.ts';

describe('whole numbers of the configuration', () => {
  const numbers: [string, number, number][] = [
    ['PORT', 0, 65_535],
    ['METRICS_PORT', 0, 65_535],
    ['INSTANCES', 1, 1000],
    ['RATE_LIMIT_MAX', 1, 1_000_000_000],
    ['RATE_LIMIT_WINDOW_MS', 1000, 86_400_000],
    ['RATE_LIMIT_API_MAX', 1, 1_000_000_000],
    ['RATE_LIMIT_API_WINDOW_MS', 1000, 86_400_000],
    ['RATE_LIMIT_AUTH_MAX', 1, 1_000_000_000],
    ['RATE_LIMIT_AUTH_WINDOW_MS', 1000, 86_400_000],
    ['STRICT_RATE_LIMIT_MAX', 1, 1_000_000_000],
    ['STRICT_RATE_LIMIT_WINDOW_MS', 1000, 86_400_000],
    ['RATE_LIMIT_API_KEY_CREATION_MAX', 1, 1_000_000_000],
    ['RATE_LIMIT_API_KEY_CREATION_WINDOW_MS', 1000, 86_400_000],
    ['RATE_LIMIT_PASSWORD_RESET_MAX', 1, 1_000_000_000],
    ['RATE_LIMIT_PASSWORD_RESET_WINDOW_MS', 1000, 86_400_000],
    ['MAX_CONNECTIONS', 10, 1_000_000],
    ['MONGODB_MAX_POOL_SIZE', 1, 1000],
    ['MONGODB_WAIT_QUEUE_TIMEOUT_MS', 10, 60_000],
    ['MONGODB_CONNECT_TIMEOUT_MS', 100, 60_000],
    ['MONGODB_SELECTION_TIMEOUT_MS', 100, 60_000],
    ['REDIS_CONNECT_TIMEOUT_MS', 100, 60_000],
    ['CIRCUIT_BREAKER_TIMEOUT', 100, 300_000],
    ['CIRCUIT_BREAKER_ERROR_THRESHOLD', 1, 100],
    ['CIRCUIT_BREAKER_RESET_TIMEOUT', 100, 600_000],
    ['CIRCUIT_BREAKER_VOLUME_THRESHOLD', 1, 10_000],
    ['ACK_TIMEOUT_MS', 100, 3000],
    ['REQUEST_TIMEOUT_MS', 100, 300_000],
    ['DRAIN_DELAY_MS', 0, 300_000],
    ['SHUTDOWN_TIMEOUT_MS', 100, 300_000],
    ['STORE_TIMEOUT_MS', 100, 60_000],
    ['MAX_BYTES_IN_FLIGHT', 4_194_304, 17_179_869_184],
    ['MAX_BACKLOG_RECEIPTS', 1, 10_000_000],
    ['MIN_FREE_DISK_MB', 0, 1_000_000_000],
    ['HEARTBEAT_SECONDS', 0, 86_400],
    ['RETENTION_DAYS', 1, 3650],
    ['DEAD_LETTER_RETENTION_DAYS', 1, 3650],
    ['AUDIT_RETENTION_DAYS', 1, 3650],
  ];

  it.each(numbers)('keeps %s from %d to %d', (name, min, max) => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.integer({ min: -10, max: max + 10 }),
          fc.constantFrom(min - 1, min, max, max + 1),
        ),
        (value) => {
          const problems = problemsOf({ [name]: String(value) });
          expect(problems).toHaveLength(value >= min && value <= max ? 0 : 1);
        },
      ),
      { numRuns: 100 },
    );
    for (const nonsense of ['1.5', '1e3', '0x10', '+1', '1 000', 'NaN', 'Infinity', '١']) {
      expect(problemsOf({ [name]: nonsense })).toHaveLength(1);
    }
  });

  it('are all in this table', () => {
    const example = parseEnv(readFileSync(new URL('../../.env.example', import.meta.url), 'utf8'));
    const all = Object.keys(example).filter((name) => /^\d+$/.test(example[name] ?? ''));
    expect(numbers.map(([name]) => name).toSorted()).toEqual(all.toSorted());
  });
});
