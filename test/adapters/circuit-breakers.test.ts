import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createCircuitBreakers } from '../../src/adapters/opossum/circuit-breakers.ts';
import { systemClock } from '../../src/adapters/telemetry/clock.ts';
import { createMetrics } from '../../src/adapters/telemetry/metrics.ts';
import { NotFoundError, OverloadedError, StoreUnavailableError } from '../../src/domain/errors.ts';
import type { BreakerOptions, CircuitBreaker } from '../../src/ports/circuit-breakers.ts';
import type { LogFields } from '../../src/ports/log.ts';
import { BREAKER_CONFIG } from '../support/breakers.ts';

const RESET_MS = BREAKER_CONFIG.resetTimeoutMs;
const AWAY = new StoreUnavailableError('a store', new Error('refused'));

const answer = () => Promise.resolve('an answer');
const fail = () => Promise.reject(AWAY);
const hang = () => new Promise<never>(() => undefined);

// opossum times its window and its reset by the system's timers, so these are what is turned.
const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

function open(options: BreakerOptions = {}, config: Partial<typeof BREAKER_CONFIG> = {}) {
  const metrics = createMetrics();
  const lines: { level: string; fields: LogFields }[] = [];
  const write = (level: string) => (fields: LogFields) => void lines.push({ level, fields });
  const log = {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  const deps = { ...BREAKER_CONFIG, ...config, clock: systemClock, log, metrics };
  const breakers = createCircuitBreakers(deps);
  const breaker = breakers.create('a', options);
  async function metric(name: string): Promise<number> {
    const { text } = await metrics.render();
    return Number(text.match(new RegExp(`^${name}\\{breaker_name="a"\\} (\\S+)$`, 'm'))?.[1]);
  }
  return { breakers, breaker, lines, metric };
}

async function failures(breaker: CircuitBreaker, count: number): Promise<void> {
  for (let made = 0; made < count; made += 1) {
    await expect(breaker.call(fail)).rejects.toBe(AWAY);
  }
}

/** Whether the breaker let it through. */
async function isTried(breaker: CircuitBreaker, work: () => Promise<unknown>): Promise<boolean> {
  const tried = jest.fn(work);
  await breaker.call(tried).catch(() => undefined);
  return tried.mock.calls.length === 1;
}

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

describe('a circuit breaker', () => {
  it('gives what the work gives', async () => {
    const { breaker } = open();
    expect(await breaker.call(answer)).toBe('an answer');
    expect(breaker.status).toBe('closed');
  });

  it('opens with the tenth call when more than half of them failed, and no sooner', async () => {
    const { breaker } = open();
    for (let made = 0; made < 4; made += 1) await breaker.call(answer);
    await failures(breaker, 5);
    expect(breaker.status).toBe('closed');
    await failures(breaker, 1);
    expect(breaker.status).toBe('open');
  });

  it('stays closed while half of the calls have an answer', async () => {
    const { breaker } = open();
    for (let made = 0; made < 50; made += 1) {
      await breaker.call(answer);
      await failures(breaker, 1);
    }
    expect(breaker.status).toBe('closed');
  });

  it('opens at 100 % where that is asked for', async () => {
    const { breaker } = open({}, { errorThresholdPercent: 100 });
    await failures(breaker, 10);
    expect(breaker.status).toBe('open');
  });

  it('forgets what is older than ten seconds', async () => {
    const { breaker } = open();
    await failures(breaker, 9);
    await pass(11_000);
    await failures(breaker, 9);
    expect(breaker.status).toBe('closed');
  });

  it.each([new NotFoundError(), new OverloadedError('full'), new Error('a bug')])(
    'takes %s for an answer',
    async (error) => {
      const { breaker } = open();
      const work = async () => {
        throw error;
      };
      for (let made = 0; made < 30; made += 1) {
        await expect(breaker.call(work)).rejects.toBe(error);
      }
      expect(breaker.status).toBe('closed');
    },
  );

  it('refuses at once when it is open, and says when to come again', async () => {
    const { breaker } = open();
    await failures(breaker, 10);
    await pass(10_000);
    const work = jest.fn(answer);
    const refused: unknown = await breaker.call(work).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StoreUnavailableError);
    expect(refused).toMatchObject({ retryAfterMs: RESET_MS - 10_000, cause: AWAY });
    await pass(RESET_MS - 10_500);
    await expect(breaker.call(work)).rejects.toMatchObject({ retryAfterMs: 1000 });
    expect(work).not.toHaveBeenCalled();
  });

  it('lets a single call through after the reset time, and closes when that has an answer', async () => {
    const { breaker } = open();
    await failures(breaker, 10);
    await pass(RESET_MS - 1);
    expect(await isTried(breaker, answer)).toBe(false);
    await pass(1);
    expect(breaker.status).toBe('half-open');
    const trial = breaker.call(() => new Promise((resolve) => void setTimeout(resolve, 500)));
    expect(await isTried(breaker, answer)).toBe(false);
    await pass(500);
    await trial;
    expect(breaker.status).toBe('closed');
    expect(await isTried(breaker, answer)).toBe(true);
  });

  it('stays open for as long again when that call fails', async () => {
    const { breaker, lines } = open();
    await failures(breaker, 10);
    await pass(RESET_MS);
    await failures(breaker, 1);
    expect(breaker.status).toBe('open');
    await pass(RESET_MS - 1);
    expect(await isTried(breaker, answer)).toBe(false);
    await pass(1);
    expect(await isTried(breaker, answer)).toBe(true);
    expect(breaker.status).toBe('closed');
    expect(lines.filter(({ level }) => level !== 'debug')).toHaveLength(2);
  });

  it('ends what takes too long, and counts it as a failure', async () => {
    const { breaker, breakers } = open({ timeoutMs: 200 });
    const calls = Array.from({ length: 10 }, () => breaker.call(hang));
    const outcomes = Promise.allSettled(calls);
    await pass(9999);
    expect(breaker.status).toBe('closed');
    await pass(1);
    for (const { status } of await outcomes) expect(status).toBe('rejected');
    await expect(calls[0]).rejects.toThrow(StoreUnavailableError);
    expect(breaker.status).toBe('open');
    expect(breakers.list().get('a')?.stats).toMatchObject({ failures: 10, timeouts: 10 });
  });

  it('gives a store more time whose own calls may take more', async () => {
    const { breaker } = open({ timeoutMs: 20_000 });
    const call = breaker.call(() => new Promise((resolve) => void setTimeout(resolve, 15_000)));
    await pass(15_000);
    await call;
  });

  it('does nothing but end what takes too long when it is switched off', async () => {
    const { breaker, breakers } = open({}, { enabled: false });
    await failures(breaker, 50);
    expect(await breaker.call(answer)).toBe('an answer');
    const late = expect(breaker.call(hang)).rejects.toThrow(StoreUnavailableError);
    await pass(10_000);
    await late;
    expect(breakers.list().get('a')?.status).toBe('closed');
  });

  it('says in the log what opened it, and when it is closed again', async () => {
    const { breaker, lines } = open();
    await failures(breaker, 10);
    await pass(RESET_MS);
    await breaker.call(answer);
    expect(lines).toEqual([
      { level: 'warn', fields: { breaker: 'a', err: AWAY } },
      { level: 'debug', fields: { breaker: 'a' } },
      { level: 'info', fields: { breaker: 'a', openMs: RESET_MS } },
    ]);
  });

  it('shows its state and counts its failures', async () => {
    const { breaker, breakers, metric } = open();
    await breaker.call(answer);
    expect(await metric('circuit_breaker_state')).toBe(0);
    await failures(breaker, 9);
    await isTried(breaker, answer);
    expect(await metric('circuit_breaker_state')).toBe(2);
    expect(await metric('circuit_breaker_failures_total')).toBe(9);
    expect(breakers.list()).toEqual(
      new Map([
        [
          'a',
          {
            status: 'open',
            stats: { fires: 11, successes: 1, failures: 9, rejects: 1, timeouts: 0 },
          },
        ],
      ]),
    );
    await pass(RESET_MS);
    expect(await metric('circuit_breaker_state')).toBe(1);
  });

  it('is one of its name', () => {
    const { breakers } = open();
    expect(() => breakers.create('a')).toThrow('already');
  });
});

describe('a circuit breaker that the service tries itself', () => {
  function openTried(run: () => Promise<unknown>) {
    const trial = { everyMs: 1000, run: jest.fn(run) };
    return { ...open({ trial }), trial };
  }

  it('closes when a trial succeeds, without a caller and before the reset time', async () => {
    let isBack = false;
    const { breaker, trial } = openTried(() => (isBack ? answer() : fail()));
    await failures(breaker, 10);
    await pass(3500);
    expect(trial.run).toHaveBeenCalledTimes(3);
    expect(breaker.status).toBe('open');
    isBack = true;
    await pass(500);
    expect(breaker.status).toBe('closed');
    await pass(60_000);
    expect(trial.run).toHaveBeenCalledTimes(4);
  });

  it('lets a call decide after the reset time, whatever the trials say', async () => {
    const { breaker, trial } = openTried(fail);
    await failures(breaker, 10);
    await pass(RESET_MS - 1);
    expect(await isTried(breaker, answer)).toBe(false);
    trial.run.mockImplementation(hang);
    await pass(2);
    expect(await isTried(breaker, answer)).toBe(true);
    expect(breaker.status).toBe('closed');
  });

  it('makes one trial at a time', async () => {
    const { breaker, trial, metric } = openTried(hang);
    await failures(breaker, 10);
    await pass(10_000);
    expect(trial.run).toHaveBeenCalledTimes(1);
    expect(breaker.status).toBe('half-open');
    expect(await metric('circuit_breaker_state')).toBe(1);
    await expect(breaker.call(answer)).rejects.toMatchObject({ retryAfterMs: 1000 });
  });

  it('tries nothing more after its end, and lets calls through', async () => {
    const { breaker, breakers, trial } = openTried(fail);
    await failures(breaker, 10);
    breakers.close();
    await pass(10 * RESET_MS);
    expect(trial.run).not.toHaveBeenCalled();
    expect(jest.getTimerCount()).toBe(0);
    expect(await breaker.call(answer)).toBe('an answer');
  });
});
