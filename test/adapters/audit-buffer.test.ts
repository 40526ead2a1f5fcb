import { beforeEach, describe, expect, it } from '@jest/globals';
import { createAuditBuffer, type AuditBuffer } from '../../src/adapters/stores/audit-buffer.ts';
import type { Log } from '../../src/ports/log.ts';
import { TurnedClock } from '../support/clock.ts';
import { silentLog } from '../support/silent-log.ts';

const NOTHING: ReadonlyMap<number, unknown> = new Map();
const MINUTE_MS = 60_000;

describe('the buffer of audit entries', () => {
  let clock: TurnedClock;
  let buffer: AuditBuffer<string>;
  let messages: string[];
  let tries: { readonly at: number; readonly rows: readonly string[] }[];
  let kept: string[];
  let append: (rows: readonly string[]) => Promise<ReadonlyMap<number, unknown>>;

  const log: Log = {
    ...silentLog,
    warn: (_, message) => void messages.push(message),
    error: (_, message) => void messages.push(message),
  };
  const away = () => Promise.reject(new Error('away'));
  const back = async (rows: readonly string[]) => {
    kept.push(...rows);
    return NOTHING;
  };

  beforeEach(() => {
    clock = new TurnedClock(0);
    [messages, tries, kept] = [[], [], []];
    append = away;
    buffer = createAuditBuffer<string>({
      append: (rows) => {
        tries.push({ at: clock.now(), rows });
        return append(rows);
      },
      clock,
      log,
    });
  });

  it('keeps over an outage what was added before it, and tries less and less often', async () => {
    expect(await Promise.all([buffer.add('first'), buffer.add('second')])).toEqual([false, false]);
    await clock.turn(60_000);
    append = back;
    await clock.turn(5000);
    expect(kept).toEqual(['first', 'second']);
    expect(tries.slice(0, 6).map(({ at }) => at)).toEqual([0, 0, 1000, 3000, 8000, 13_000]);
    expect(messages).toEqual(['audit entries wait']);
  });

  it('tells whoever asks after two tries, or after one that fails while others wait', async () => {
    expect(await buffer.add('first')).toBe(false);
    const told = tries.length;
    expect(await buffer.add('second')).toBe(false);
    expect(tries.length).toBe(told + 1);
    expect(clock.now()).toBe(0);
  });

  it('asks a store that is away at once when one more is added, who is told when it is durable', async () => {
    await buffer.add('first');
    append = back;
    expect(await buffer.add('second')).toBe(true);
    expect(kept).toEqual(['first', 'second']);
    expect(clock.now()).toBe(0);
  });

  it('tries what is added during a try that fails before it tells of it', async () => {
    await buffer.add('first');
    const { promise: gate, resolve: goOn } = Promise.withResolvers<void>();
    append = () => gate.then(away);
    await clock.turn(1000);
    const second = buffer.add('second');
    append = back;
    goOn();
    expect(await second).toBe(true);
  });

  it('gives up after five minutes, and goes on with what is younger', async () => {
    await buffer.add('old');
    await clock.turn(3 * MINUTE_MS);
    await buffer.add('young');
    await clock.turn(3 * MINUTE_MS);
    append = back;
    await clock.turn(5000);
    expect(kept).toEqual(['young']);
    expect(messages).toContain('audit entries were lost');
  });

  it('does not let one that is refused hold up the others', async () => {
    append = async (rows) => {
      kept.push(...rows.filter((row) => row !== 'refused'));
      return new Map(rows.flatMap((row, at) => (row === 'refused' ? [[at, new Error(row)]] : [])));
    };
    const added = ['a', 'refused', 'b'].map((row) => buffer.add(row));
    expect(await Promise.all(added)).toEqual([true, false, true]);
    expect(await buffer.add('c')).toBe(true);
    expect(kept).toEqual(['a', 'b', 'c']);
  });

  it('is not held up at its end by a store that is away, which it tries twice', async () => {
    await buffer.add('lost');
    const before = tries.length;
    await buffer.flush();
    expect(tries.length).toBe(before + 2);
    expect(clock.now()).toBe(0);
    expect(messages).toEqual(['audit entries wait', 'audit entries were lost']);
    await buffer.flush();
    append = back;
    expect(await buffer.add('next')).toBe(true);
    expect(kept).toEqual(['next']);
  });

  it('writes at its end what waits for a store that is back', async () => {
    await buffer.add('first');
    append = back;
    await buffer.flush();
    expect(kept).toEqual(['first']);
  });
});
